"""What `openrs curate` does: raw pools of problems, and filters in their order."""

import re
from dataclasses import dataclass, fields
from typing import Literal

from openrs.config.catalog import SourceData
from openrs.config.fields import option
from openrs.errors import refuse

KINDS: dict[str, tuple[str, ...]] = {
    "boxed": (),
    "single_part": (),
    "pass_rate": ("asks", "samples", "rate_above", "rate_at_most"),
    "judge": ("asks", "prompt"),
    "stand_in_judge": (),
}
"""Kind of filter -> the settings that it reads beside `published`."""


@dataclass(kw_only=True)
class Filter:
    """One filter of a pool."""

    kind: Literal["boxed", "single_part", "pass_rate", "judge", "stand_in_judge"] = option(identity="neither")
    """boxed: the worked solution boxes an answer. single_part: one thing is asked, by the rule of
    data.draws.NAME.single_part. pass_rate: the share of a model's answers that are right lies in a band.
    judge: a model's verdict. stand_in_judge: a rule in a judge's place, for the built-in problems."""
    published: int | None = option(None, identity="neither", at_least=0)
    """Problems that the paper's filter left; printed beside the count here."""
    asks: list[str] = option(factory=list, identity="neither")
    """pass_rate, judge: options of the model that answers, as model=NAME or evaluation.temperature=0. The
    command's own words go before them."""
    samples: int = option(1, identity="neither", above=0, at_most=10**4)
    """pass_rate: answers to each problem."""
    rate_above: float | None = option(None, identity="neither", at_least=0, below=1)
    """pass_rate: leave out problems whose rate is not above this; 0 keeps what was solved once."""
    rate_at_most: float | None = option(None, identity="neither", at_least=0, at_most=1)
    """pass_rate: leave out problems whose rate is above this."""
    prompt: str | None = option(None, identity="neither")
    """judge: what the model is asked; {problem}, {answer} and {solution} stand for the row's."""


@dataclass(kw_only=True)
class Pool:
    """Raw problems, and what is left of them."""

    source: str | None = option(None, identity="neither")
    """Name of a source in the catalog."""
    rejects: str | None = option(None, identity="neither")
    """POOL.FILTER: what that filter left out, in the place of a source."""
    filters: dict[str, Filter] = option(factory=dict)
    """The filters in the order in which they are applied."""
    published: int | None = option(None, identity="neither", at_least=0)
    """Problems that the paper's pool had before its filters."""
    keep: int | None = option(None, identity="neither", above=0)
    """Problems to draw from what the filters leave, with the curation's seed; null takes all."""


@dataclass(kw_only=True)
class Curation:
    """Raw pools that become one curated set, `outputs/curated/NAME/curated.jsonl`."""

    name: str = option(identity="neither")
    """Folder of the result."""
    seed: int = option(42, identity="neither", at_least=0, below=2**32)
    """Of the draws: what a pool keeps, and the control arm."""
    max_problems: int | None = option(None, identity="neither", above=0)
    """Use only this many problems of each pool, drawn with the seed; null uses all."""
    sources: dict[str, SourceData] = option(factory=dict)
    """Raw sources that the catalog lacks; one of the catalog's with the same name goes before it."""
    pools: dict[str, Pool] = option(factory=dict)


def check(curation: Curation) -> None:
    """Checks pools and filters, with what has no effect.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    if not re.fullmatch(r"[\w.-]+", curation.name) or curation.name.startswith("."):
        refuse("curation.name", curation.name, "is no name of a folder", "Give letters, digits, - and _")
    if not curation.pools:
        refuse("curation.pools", "{}", "a curation has at least one pool", "Name one, with its source")
    for name, pool in curation.pools.items():
        field = f"curation.pools.{name}"
        if (pool.source is None) == (pool.rejects is None):
            rule = "a pool has a source, or the rejects of a filter, and not both"
            refuse(f"{field}.source", pool.source, rule, "Give one of the two")
        if pool.rejects is not None:
            _check_rejects(curation, name, pool.rejects)
        for key, item in pool.filters.items():
            _check_filter(f"{field}.filters.{key}", item)


def _check_rejects(curation: Curation, name: str, rejects: str) -> None:
    before = list(curation.pools)[: list(curation.pools).index(name)]
    there = [f"{pool}.{key}" for pool in before for key in curation.pools[pool].filters]
    if rejects not in there:
        listed = ", ".join(there) or "none: no pool with a filter stands before this one"
        rule = "names no filter of a pool before this one"
        refuse(f"curation.pools.{name}.rejects", rejects, rule, f"There are: {listed}")


def _check_filter(field: str, item: Filter) -> None:
    for setting in fields(Filter):
        plain = [] if setting.name == "asks" else setting.default
        value = getattr(item, setting.name)
        if setting.name not in ("kind", "published", *KINDS[item.kind]) and value != plain:
            rule = f"has no effect on a filter of kind {item.kind}"
            refuse(f"{field}.{setting.name}", value, rule, "Leave it out, or choose another kind")
    low, high = item.rate_above, item.rate_at_most
    if item.kind == "pass_rate" and low is None and high is None:
        rule = "a filter by the pass rate has a bound, rate_above or rate_at_most"
        refuse(f"{field}.rate_at_most", None, rule, "Give one of them, as rate_at_most=0.75")
    if low is not None and high is not None and low >= high:
        refuse(f"{field}.rate_above", low, f"is not below rate_at_most={high}", "Give a smaller one")
    if item.kind == "judge" and "{problem}" not in (item.prompt or ""):
        refuse(f"{field}.prompt", item.prompt, "does not show the {problem}", "Put {problem} into it")
