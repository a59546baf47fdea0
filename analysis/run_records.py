"""Reads what runs left in outputs/: recipes, configs and scores, and nothing else."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from openrs.analysis import devices, own_parts
from openrs.errors import Mistake
from openrs.records import faults, scores
from openrs.records.left_out import checked_record, leave_out
from openrs.records.recipe import digest
from openrs.records.run import has_results, sources_of
from openrs.records.scores import Score
from openrs.sequential import record as sequential
from openrs.sequential.record import SequentialRecord

IMPORTED = "imported"
"""Folder of imported records beside runs/."""


@dataclass(frozen=True)
class RunRecords:
    """The records of one run."""

    name: str
    id: str
    recipe: dict[str, Any]
    config: dict[str, Any]
    scores: tuple[Score, ...]
    """Those of whole benchmarks; of looks none, as their intervals do not hold where looks decide the end."""
    folder: Path = Path()
    sequential: tuple[SequentialRecord, ...] = ()
    """Comparisons in looks that have ended."""
    looked_at: int = 0
    """Scores of looks."""
    own_parts: tuple[str, ...] = ()
    """What its command chose in the place of its experiment's."""
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Each source of its training data: the last part of its id or file, and the fingerprint of its problems.
    Older records have none."""

    @property
    def imported(self) -> bool:
        """True where someone else measured the scores."""
        return "imported" in self.recipe

    @property
    def untrained_at_0(self) -> bool:
        """Whether step 0 is the untrained model: not where an imported file states no step, unless its
        model is known or named as the base."""
        if not self.imported:
            return True
        return bool(self.recipe["imported"].get("steps") or self.config.get("baseline"))

    @cached_property
    def _evaluated_on(self) -> dict[int, set[str]]:
        return {} if self.imported else devices.evaluated_on(self.folder)

    def device(self, score: Score) -> str:
        """The kind of device that one of its scores was measured on, or NOT_STATED."""
        return devices.device(score, self.config, self._evaluated_on)


@dataclass(frozen=True)
class Evaluation:
    """A checkpoint under one way of measuring it."""

    run: RunRecords
    step: int
    settings: dict[str, Any]
    """Those of its scores, the kind of device, the examples in the prompt, and k of pass@k."""
    scores: dict[str, list[Score]]
    """Title of a benchmark -> its scores, one per sampling seed. A missing title is a blank cell."""
    variant: int = 0
    """Above 0 where a benchmark's problems or gold answers were others than in the evaluation before."""

    @property
    def trained(self) -> bool:
        """False for the base model."""
        return self.step > 0 or not self.run.untrained_at_0

    @property
    def stepped(self) -> bool:
        """False for a trained model whose step is not stated; its `step` is 0."""
        return self.step > 0 or self.run.untrained_at_0

    @property
    def way(self) -> tuple[str, int]:
        """A key of the way of measuring: two evaluations of one checkpoint differ in it."""
        return str(sorted(self.settings.items())), self.variant

    def is_measured_like(self, other: "Evaluation") -> bool:
        """Whether both were measured in one way; a device that is not stated is like any."""
        values = {item.settings.get("device", devices.NOT_STATED) for item in (self, other)}
        return (
            len(values - {devices.NOT_STATED}) < 2
            and self.settings | {"device": ""} == other.settings | {"device": ""}
            and self.variant == other.variant
        )


def load(folder: Path) -> RunRecords | None:
    """The records of a run's folder, or None where no run was started.

    Raises:
        Mistake: `run.json` is damaged. A damaged score is left out and named on standard error.
    """
    record = checked_record(folder / "run.json", faults.of_run)
    if record is None:
        return None
    read = scores.read_all(folder)
    whole = tuple(score for score in read if "look" not in score.settings)
    return RunRecords(
        name=record["name"],
        id=record["id"],
        recipe=record["recipe"],
        config=record["config"],
        scores=whole,
        folder=folder,
        sequential=tuple(sequential.read_all(folder)),
        looked_at=len(read) - len(whole),
        own_parts=own_parts.of_run(record),
        sources={key: (PurePath(id_).name, mark) for key, (id_, mark) in sources_of(record).items()},
    )


def load_all(outputs: Path, imported: bool = False) -> list[RunRecords]:
    """Every run under an outputs folder, or everything that was imported into it.

    A run with a record that cannot be read is left out and named on standard error: one torn file must not
    hide all others.

    Raises:
        Mistake: the folder holds no runs.
    """
    folders = sorted(outputs.glob(f"{IMPORTED if imported else 'runs'}/*/"))
    runs = [run for folder in folders if (run := load_sound(folder)) is not None]
    started = any((folder / "run.json").exists() for folder in folders)
    if not started and imported:
        raise Mistake(
            f"{outputs}: nothing was imported here (no {IMPORTED}/*/run.json). Run `openrs "
            f"import PATH --outputs {outputs}` first."
        )
    if not started:
        there = any(outputs.glob(f"{IMPORTED}/*/run.json"))
        remedy = (
            "What was imported is here: give --imported to see it"
            if there
            else "Give the outputs folder of `openrs`, or start a run first"
        )
        fault = "holds no runs (no runs/*/run.json)" if outputs.is_dir() else "is no folder"
        raise Mistake(f"{outputs}: {fault}. {remedy}.")
    return runs


def load_sound(folder: Path) -> RunRecords | None:
    """The records of a run's folder, or None where no run was started or its record is left out."""
    try:
        run = load(folder)
    except Mistake as error:
        leave_out(str(error))
        return None
    if run is None and has_results(folder):
        leave_out(
            f"{folder}: holds results and no run.json, which says of what. Put it back from a copy, or start "
            "the command of the run again, which writes it anew."
        )
    return run


def evaluations(run: RunRecords) -> list[Evaluation]:
    """A run's evaluations by step: one per checkpoint, way of measuring, and set of problems.

    What was measured in looks is none of them, which is said.
    """
    say_looks(run)
    variants: dict[tuple[Any, ...], list[tuple[str, str]]] = defaultdict(list)
    groups: dict[tuple[int, str, str, int, int, int], list[Score]] = defaultdict(list)
    for score in run.scores:
        way = digest(score.settings), run.device(score), *_of_title(score.title)
        earlier, ids = variants[score.step, *way, score.title], (score.settings_id, score.scoring_id)
        if ids not in earlier:
            earlier.append(ids)
        groups[score.step, *way, earlier.index(ids)].append(score)
    return [
        Evaluation(
            run,
            step,
            members[0].settings | {"device": kind, "few_shots": shots, "pass_k": k},
            by_title(members),
            variant,
        )
        for (step, _, kind, shots, k, variant), members in sorted(groups.items())
    ]


def say_looks(run: RunRecords) -> None:
    """Says that what was measured in looks is left out, where there is any."""
    if run.looked_at:
        leave_out(
            f"{run.folder}: {run.looked_at} scores of looks (evaluation=sequential), which only the table of "
            "sequential comparisons shows. See it with openrs table1."
        )


def _of_title(title: str) -> tuple[int, int]:
    """Examples in the prompt, and k of pass@k, which the import writes at the end of a benchmark's title."""
    shots, k = re.search(r"(?: (\d+)-shot)?(?: pass@(\d+))?$", title).groups()  # type: ignore[union-attr]
    return int(shots or 0), int(k or 1)


def runs_of(evaluations: Iterable[Evaluation]) -> list[RunRecords]:
    """The runs of these evaluations, each once."""
    return list({item.run.id: item.run for item in evaluations}.values())


def by_title(members: list[Score]) -> dict[str, list[Score]]:
    """Title of a benchmark -> its scores by sampling seed."""
    titles: dict[str, list[Score]] = defaultdict(list)
    for score in sorted(members, key=lambda item: item.seed):
        titles[score.title].append(score)
    return dict(titles)
