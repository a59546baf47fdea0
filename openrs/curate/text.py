"""A curation in words: the counts of its stages beside the paper's, what is to be asked, and what it left."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openrs.config.curation import Curation
from openrs.cost.estimate import Estimate, Work
from openrs.cost.rates import Rate
from openrs.curate.answers import Answers
from openrs.curate.pools import FilteredPool, Stage
from openrs.nano import noise
from openrs.records.ledger import devices_held

WIDTH = 24


def stages(outcomes: Mapping[str, FilteredPool]) -> Iterator[str]:
    """The counts of each pool, from the raw problems to those that are kept."""
    for name, outcome in outcomes.items():
        yield f"  {name:{WIDTH}} {'here':>8} {'paper':>8}"
        for stage in outcome.stages:
            yield _stage(stage)


def _stage(stage: Stage) -> str:
    here = f"<={stage.left}" if stage.at_most else str(stage.left)
    paper = "-" if stage.published is None else str(stage.published)
    reasons = ", ".join(f"{why} {number}" for why, number in stage.reasons.items())
    return f"    {stage.name:{WIDTH - 2}} {here:>8} {paper:>8}" + (
        f"  left out: {reasons}" if reasons else ""
    )


def to_ask(title: str, answers: Answers, number: int, missing: int) -> Iterator[str]:
    """What a filter will ask of its model, and what that takes.

    Args:
        number: of problems.
        missing: answers that are not stored yet.
    """
    config, rate = answers.config, answers.rate() if missing else None
    stored = number * answers.samples - missing
    yield (
        f"  {title}: {config.model.title} by engine {config.engine.kind}, at most {number} problems x "
        f"{answers.samples} answers of at most {answers.sampling.max_new_tokens} tokens, {stored} stored"
    )
    if missing and rate is None:
        yield f"    {missing} answers of unknown time: none like these was measured here or published"
    elif missing and rate is not None:
        yield f"    {_cost(answers, missing, rate)}, {rate} ({rate.source})"


def _cost(answers: Answers, missing: int, rate: Rate) -> str:
    hardware = answers.config.hardware
    held = devices_held(hardware.devices, hardware.nodes)
    work = Work("", 0, missing, None, rate, 0, held, hardware.price_per_device_hour)
    estimate = Estimate((work,))
    unpriced = estimate.money() is None
    money = "price unknown" if unpriced else f"${estimate.span(estimate.money, '.2f')}"
    return f"{missing} answers: {estimate.time}, {money}"


def result(folder: Path, record: dict[str, Any]) -> Iterator[str]:
    """The files, and how to train on them."""
    for name in ("curated", "control"):
        name_ = record["fingerprints"][name][:8]
        yield f"  {name:{WIDTH}} {record['rows'][name]:>8} rows, fingerprint {name_}, {folder}/{name}.jsonl"
    file = f"{folder}/curated.jsonl"
    yield f"train on it: openrs data={file}, or in a mix: openrs data=mixed catalog.sources.open_s1.id={file}"


def figures(curation: Curation, outcomes: Mapping[str, FilteredPool]) -> dict[str, dict[str, Any]]:
    """Precision and recall of each filter over the noise of the built-in raw pool; nothing of other pools.

    Precision is the share of noise of any kind among what a filter left out; recall is the share that it left
    out of what it is there to catch, where that came as far as the filter.
    """
    kinds = noise.kinds()
    figures: dict[str, dict[str, Any]] = {}
    for name, pool in curation.pools.items():
        if outcomes[name].origin["id"] != noise.ID:
            continue
        for key, item in pool.filters.items():
            said = {id_: of[key].kept for id_, of in outcomes[name].verdicts.items() if key in of}
            out = [kinds[id_] for id_, kept in said.items() if not kept]
            for target in noise.TARGETS[item.kind]:
                there = [kept for id_, kept in said.items() if kinds[id_] == target]
                figures.setdefault(
                    f"{name}.{key}", {"left_out": len(out), "noise": sum(map(bool, out)), "caught": {}}
                )
                caught = figures[f"{name}.{key}"]["caught"]
                caught[target] = [sum(not kept for kept in there), len(there)]
    return figures


def noise_lines(figures: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """The figures of the built-in noise."""
    for title, counts in figures.items():
        out, noisy = counts["left_out"], counts["noise"]
        recalls = ", ".join(
            f"{kind} {caught}/{there} = {caught / there:.2f}"
            for kind, (caught, there) in counts["caught"].items()
            if there
        )
        yield (
            f"  {title}: precision {noisy}/{out} = {noisy / out:.2f}; recall of {recalls}"
            if out
            else f"  {title}: nothing left out"
        )
