"""Reads what runs left in outputs/: recipes, configs and scores. Nothing else is asked."""

import sys
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrs.errors import Mistake
from openrs.records import scores
from openrs.records.files import read_record
from openrs.records.recipe import canonical, digest
from openrs.records.scores import Score


@dataclass(frozen=True)
class RunRecords:
    """The records of one run."""

    name: str
    id: str
    recipe: dict[str, Any]
    config: dict[str, Any]
    scores: tuple[Score, ...]
    folder: Path = Path()

    @property
    def imported(self) -> bool:
        """True where someone else measured it."""
        return "imported" in self.recipe

    @property
    def untrained_at_0(self) -> bool:
        """Whether step 0 is the untrained model: not where an imported file states no step, unless its
        model is known or named as the base."""
        if not self.imported:
            return True
        return bool(self.recipe["imported"].get("steps") or self.config.get("baseline"))


@dataclass(frozen=True)
class Row:
    """One row of a table: a checkpoint under one way of measuring it."""

    run: RunRecords
    step: int
    settings: dict[str, Any]
    cells: dict[str, list[Score]]
    """Column title -> its scores, one per sampling seed. A missing title is a blank cell."""
    variant: int = 0
    """Above 0 where a benchmark's problems or gold answers were others than in the row before."""

    @property
    def trained(self) -> bool:
        """False for the base model."""
        return self.step > 0 or not self.run.untrained_at_0

    @property
    def stepped(self) -> bool:
        """False for a trained model whose step is not stated; its `step` is 0."""
        return self.step > 0 or self.run.untrained_at_0


def load(folder: Path) -> RunRecords | None:
    """The records of a run's folder, or None where no run was started."""
    record = read_record(folder / "run.json")
    if record is None:
        return None
    return RunRecords(
        name=record["name"],
        id=record["id"],
        recipe=record["recipe"],
        config=record["config"],
        scores=tuple(scores.read_all(folder)),
        folder=folder,
    )


IMPORTED = "imported"
"""Folder of imported records beside runs/."""


def load_all(outputs: Path, imported: bool = False) -> list[RunRecords]:
    """Every run under an outputs folder, or everything that was imported into it.

    A run with a record that cannot be read is left out and named on standard error: one torn file must not
    hide all others.

    Raises:
        Mistake: the folder holds no runs.
    """
    paths = sorted(outputs.glob(f"{IMPORTED if imported else 'runs'}/*/run.json"))
    found = [_readable(path.parent) for path in paths]
    if not found and imported:
        raise Mistake(
            f"{outputs}: nothing was imported here (no {IMPORTED}/*/run.json). Run `python -m analysis "
            f"import PATH --outputs {outputs}` first."
        )
    if not found:
        raise Mistake(
            f"{outputs}: holds no runs (no runs/*/run.json). Give the outputs folder of `python -m openrs`, "
            "or start a run first."
        )
    return [run for run in found if run is not None]


def _readable(folder: Path) -> RunRecords | None:
    try:
        return load(folder)
    except Mistake as error:
        print(f"left out: {error}", file=sys.stderr)
    except (KeyError, TypeError, AttributeError) as error:
        print(f"left out: {folder}: a record lacks a field ({error!r}).", file=sys.stderr)
    return None


def rows(run: RunRecords) -> list[Row]:
    """The rows of a run by step: one per checkpoint, way of measuring, and set of problems."""
    variants: dict[tuple[int, str, str], list[tuple[str, str]]] = defaultdict(list)
    grouped: dict[tuple[int, str, int], list[Score]] = defaultdict(list)
    for score in run.scores:
        settings, ids = digest(score.settings), (score.settings_id, score.scoring_id)
        known = variants[(score.step, settings, score.title)]
        if ids not in known:
            known.append(ids)
        grouped[(score.step, settings, known.index(ids))].append(score)
    made = []
    for (step, _, variant), members in sorted(grouped.items()):
        cells: dict[str, list[Score]] = defaultdict(list)
        for score in sorted(members, key=lambda item: item.seed):
            cells[score.title].append(score)
        made.append(Row(run, step, members[0].settings, dict(cells), variant))
    return made


def differences(runs: list[RunRecords]) -> dict[str, str]:
    """Run id -> what tells it from the others of its name ("seed=1, data=..."), or nothing."""
    by_name: dict[str, list[RunRecords]] = defaultdict(list)
    for run in runs:
        by_name[run.name].append(run)
    told = {}
    for members in by_name.values():
        found = factors(members)
        if "data.rows" in found and len(found) > 1:
            del found["data.rows"]  # the fingerprint follows from what differs beside it
        found = named(found)
        for place, run in enumerate(members):
            told[run.id] = ", ".join(f"{key}={short(values[place])}" for key, values in found.items())
    return told


def factors(runs: list[RunRecords]) -> dict[str, list[Any]]:
    """Dotted path in the recipe -> its value in each run, where they differ.

    Where runs have other keys at some place (another reward, another data mix), the keys themselves are
    the value ("cosine+format"), with what differs between runs of the same keys ("easy+hard, easy.count=3"),
    and below only what all have is compared.
    """
    found: dict[str, list[Any]] = {}
    _compare([run.recipe for run in runs], "", found)
    return found


def named(found: dict[str, list[Any]], asked: Collection[str] = ()) -> dict[str, list[Any]]:
    """Factors, where a group that differs in several values and has a name is told by its name alone.

    "algorithm=dapo" for what `conf/algorithm/dapo.yaml` sets; not where a value was changed beside it, so
    that one name stands for two.

    Args:
        found: as `factors` gives them.
        asked: factors that are wanted as they are.
    """
    made = dict(found)
    for key, names in found.items():
        group = key.removesuffix(".name")
        below = [other for other in found if other.startswith(f"{group}.")]
        if group == key or any(other in asked for other in below):
            continue
        meant = {(name, canonical([found[other][i] for other in below])) for i, name in enumerate(names)}
        if len(meant) == len(set(names)):
            made = {
                group if other == key else other: made[other]
                for other in made
                if other not in below or other == key
            }
    return made


def _compare(trees: list[Any], path: str, found: dict[str, list[Any]]) -> None:
    if not all(isinstance(tree, dict) for tree in trees):
        if len({canonical(tree) for tree in trees}) > 1:
            found[path] = [_keys(tree) if isinstance(tree, dict) else tree for tree in trees]
        return
    common = set(trees[0]).intersection(*trees[1:])
    if path and len({tuple(sorted(tree)) for tree in trees}) > 1:
        found[path] = _own([{key: tree[key] for key in tree.keys() - common} for tree in trees], trees)
    for key in sorted(common if path else {k for t in trees for k in t}):
        _compare([tree.get(key) for tree in trees], f"{path}.{key}" if path else key, found)


def _own(parts: list[dict[str, Any]], trees: list[dict[str, Any]]) -> list[str]:
    """Names of trees by their keys, and where these are the same by what differs in these parts of them."""
    names = [_keys(tree) for tree in trees]
    told = list(names)
    for name in set(names):
        places = [i for i, other in enumerate(names) if other == name]
        found: dict[str, list[Any]] = {}
        _compare([parts[i] for i in places], "", found)
        for at, i in enumerate(places):
            told[i] = ", ".join([name, *(f"{key}={short(values[at])}" for key, values in found.items())])
    return told


def _keys(tree: dict[str, Any]) -> str:
    return "+".join(sorted(tree))


def short(value: Any) -> str:
    """A value as a label shows it; a long text by its beginning and four digits of its hash."""
    text = str(value)
    return text if len(text) <= 30 else f"{text[:20]}...{digest(text)[:4]}"


def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of a nested dict by dotted path."""
    if not isinstance(tree, dict):
        return {prefix: tree}
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= flatten(value, f"{prefix}.{key}" if prefix else key)
    return leaves


SEEDS = ("seed", "data.seed")
"""Fields of a recipe that only name a repetition."""


def replicates(runs: list[RunRecords]) -> dict[str, str]:
    """Run id -> an id of its recipe without the seeds: equal for runs that repeat each other."""
    made = {}
    for run in runs:
        leaves = {key: value for key, value in flatten(run.recipe).items() if key not in SEEDS}
        leaves.pop("data.rows", None)  # follows from data.seed and the draws
        made[run.id] = digest({"leaves": leaves, "trained": run.name if run.imported else None})
    return made
