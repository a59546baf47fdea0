"""Curves and scores where the user follows runs: W&B and TensorBoard (`tracker`).

A run of openrs is one run of W&B, under the run's id: its training, and its scores at the steps of their
checkpoints, whenever they were measured. What was sent is noted, so that a score is sent once:

    <run>/eval/tracked.json     tracker -> step -> names and values
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

from openrs.config.schema import Config
from openrs.machine.services import WANDB_HOST, reaches, wandb_key
from openrs.records.files import read_record, write_record
from openrs.records.masking import masked
from openrs.records.recipe import digest, seedless
from openrs.records.run import Run, sources_of
from openrs.records.scores import Score
from openrs.terminal import say

STEP = "train/global_step"
"""What curves and scores are drawn over: W&B's own step only grows, and a score may come late."""

SWEEP = "OPENRS_SWEEP"
"""Environment variable of a trial's processes: the sweep that it belongs to."""


@contextmanager
def wandb_run(config: Config, run: Run) -> Iterator[Any]:
    """This run's run of W&B, open; offline without a key or a network."""
    import wandb

    os.environ.setdefault("WANDB_SILENT", "true")  # a setting of the run leaves W&B's other lines
    sweep = os.environ.get(SWEEP)
    offline = "WANDB_MODE" not in os.environ and not (wandb_key() and reaches(WANDB_HOST))
    opened = wandb.init(
        project=config.tracker.project,
        dir=run.folder,
        id=run.id[:8],
        resume="allow",
        name=run.folder.name,
        group=sweep or f"{run.name}-{_recipe_id(run)[:8]}",
        job_type="evaluate" if config.untrained else "train",
        tags=_tags(config, sweep),
        config=_settings(config, run),
        mode="offline" if offline else None,
    )
    opened.define_metric(STEP)
    opened.define_metric("*", step_metric=STEP, step_sync=True)
    try:
        yield opened
    finally:
        opened.finish()  # else the next run of a sweep would log into this one
        if offline:
            say(f"{run.folder.name}: W&B is offline; `wandb sync {run.folder}/wandb/offline-run-*` sends it")


def _tags(config: Config, sweep: str | None) -> list[str]:
    adapter = config.adapter.name if config.adapter and not config.untrained else None
    return [tag for tag in dict.fromkeys((config.name, sweep, config.scale.name, adapter)) if tag]


def _settings(config: Config, run: Run) -> dict[str, Any]:
    """The whole resolved config with the recipe in it, and the ids of the run and of its recipe."""
    settings: dict[str, Any] = json.loads(json.dumps(masked(asdict(config))))
    ids = {"id": run.id, "recipe": _recipe_id(run)}
    return _joined(settings, masked(run.recipe)) | ids


def _recipe_id(run: Run) -> str:
    """Equal for runs that differ in their seeds alone: the rows follow from the seeds and the sources."""
    sources = sources_of(read_record(run.folder / "run.json") or {})
    marks = {name: mark for name, (_, mark) in sources.items()}
    return digest(seedless(run.recipe) | ({"sources": marks} if marks else {}))


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A tree with what another has; where both have a value, the other's."""
    both = {
        key: _joined(one[key], value) if isinstance(value, dict) and isinstance(one.get(key), dict) else value
        for key, value in other.items()
    }
    return one | both


def log_scores(config: Config, run: Run, scores: Mapping[int, Sequence[Score]]) -> None:
    """Sends the scores that the tracker does not have yet.

    Args:
        scores: step -> its scores under the settings of the config; step 0 is the base model's.
    """
    kind = config.tracker.kind
    if kind == "none":
        return
    place = f"{kind} {config.tracker.project}" if kind == "wandb" else kind
    path = run.folder / "eval" / "tracked.json"
    record = read_record(path) or {}
    sent: dict[str, Any] = record.get(place, {})
    rows = {step: _row(items, config.evaluation.benchmarks) for step, items in sorted(scores.items())}
    new = {step: row for step, row in rows.items() if row and sent.get(str(step)) != row}
    if not new:
        return
    whole = {int(step): row for step, row in sent.items()} | new
    try:
        (_to_wandb if kind == "wandb" else _to_tensorboard)(config, run, new, dict(sorted(whole.items())))
    except Exception as error:  # no score is lost with the network
        say(f"warning: {run.folder.name}: scores were not sent to {place} ({error}); the next command tries")
        return
    write_record(path, record | {place: {str(step): row for step, row in sorted(whole.items())}})


def _row(scores: Sequence[Score], benchmarks: Sequence[str]) -> dict[str, float]:
    """Names and values of a checkpoint: for each benchmark the mean over sampling seeds, and the average of
    all of them where none is missing."""
    row = {}
    for name in benchmarks:
        if values := [score.value for score in scores if score.benchmark == name]:
            row[f"eval/{name}"] = mean(values)
    return row | {"eval/average": mean(row.values())} if len(row) == len(benchmarks) else row


def _to_wandb(
    config: Config, run: Run, new: dict[int, dict[str, float]], whole: dict[int, dict[str, float]]
) -> None:
    """Logs new rows at their steps; the summary is of the last step of all that was measured."""
    last = max(whole)
    with wandb_run(config, run) as opened:
        for step, row in new.items():
            opened.log(row | {STEP: step})
        opened.summary.update(whole[last] | {"eval/step": last})


def _to_tensorboard(
    config: Config, run: Run, new: dict[int, dict[str, float]], whole: dict[int, dict[str, float]]
) -> None:
    from tensorboard.summary import Writer

    writer = Writer(str(Path(run.folder, "eval", "tensorboard")))
    for step, row in new.items():
        for name, value in row.items():
            writer.add_scalar(name, value, step)
    writer.close()
