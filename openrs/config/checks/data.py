"""Checks of the data mix and of the user's own rows."""

from dataclasses import fields

from openrs.config.catalog import Columns
from openrs.config.own_data import OWN
from openrs.config.schema import Config
from openrs.errors import refuse


def check(config: Config) -> None:
    """Checks that draws name sources, and that an order names draws.

    Raises:
        Mistake: they do not.
    """
    sources = config.catalog.sources
    for name, draw in config.data.draws.items():
        if draw.source == OWN and OWN not in sources:
            refuse("data", OWN, "names no rows", "Name them, as data=problems.jsonl")
        for source in (draw.source, *draw.exclude):
            if source not in sources:
                refuse(
                    f"data.draws.{name}.source",
                    source,
                    f"is no source of catalog={config.catalog.kind}",
                    f"Known: {', '.join(sources)}. Bind another one under catalog.sources",
                )
        least, most = draw.difficulty_min, draw.difficulty_max
        if least is not None and most is not None and least > most:
            refuse(
                f"data.draws.{name}.difficulty_min",
                least,
                f"is above difficulty_max={most}, so no row is left",
                "Give a smaller difficulty_min",
            )
    _own_data(config)
    if not config.untrained and not config.data.draws:
        refuse("data.draws", "{}", "a mix needs at least one draw", "Choose a mix, as data=mixed")
    ordered = [name for names in config.data.curriculum for name in names]
    if ordered and sorted(ordered) != sorted(config.data.draws):
        refuse(
            "data.curriculum",
            config.data.curriculum,
            f"must name every draw once, and data.draws has {', '.join(config.data.draws)}",
            "Give for example data.curriculum=[[easy],[open_s1,open_deepscaler]], or [] to shuffle all",
        )
    if ordered and config.data.pass_rate is not None:
        refuse(
            "data.pass_rate",
            config.data.pass_rate,
            "orders the problems of each epoch, and so does data.curriculum",
            "Give data.curriculum=[], or data.pass_rate=null",
        )


def _own_data(config: Config) -> None:
    """Checks that columns belong to data of one's own, and that something judges the answers."""
    data, sources = config.data, config.catalog.sources
    for field in fields(Columns):
        if data.id is None and (value := getattr(data, field.name)) != field.default:
            refuse(
                f"data.{field.name}",
                value,
                "belongs to rows of one's own, and this mix has none",
                f"Name them, as data=problems.jsonl, or give catalog.sources.NAME.{field.name}={value}",
            )
    judged = [sources[draw.source].answer_kind != "none" for draw in data.draws.values()]
    terms = {name: term for name, term in vars(config.reward).items() if term is not None}
    asking = [name for name, term in terms.items() if hasattr(term, "gold_first")]
    if not config.untrained and judged and not any(judged) and asking:
        off = " ".join(f"reward.{name}=null" for name in asking)
        refuse(
            "data.answer_kind",
            "none",
            f"no row has an answer for {', '.join(f'reward.{name}' for name in asking)} to judge",
            f"Switch them off ({off}) and judge by a reward of your own, or give answer.kind=exact",
        )
