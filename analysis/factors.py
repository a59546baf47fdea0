"""Differences between runs: the factors in which their recipes differ, and the runs that repeat a recipe."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from openrs.analysis.run_records import RunRecords
from openrs.records.recipe import canonical, digest

SEEDS = ("seed", "data.seed")
"""Fields of a recipe that only name a repetition."""


def names(runs: Sequence[RunRecords]) -> dict[str, str]:
    """Run id -> the run's name, with its differences from the others of that name."""
    differing = differences(runs)
    return {run.id: f"{run.name} ({differing[run.id]})" if differing[run.id] else run.name for run in runs}


def differences(runs: Sequence[RunRecords]) -> dict[str, str]:
    """Run id -> its differences from the other runs of its name ("seed=1, data=..."), or nothing."""
    by_name: dict[str, list[RunRecords]] = defaultdict(list)
    for run in runs:
        by_name[run.name].append(run)
    texts = {}
    for members in by_name.values():
        levels = factors(members)
        if "data.rows" in levels and len(levels) > 1:
            del levels["data.rows"]  # the fingerprint follows from what differs beside it
        levels = named(levels)
        for run, text in zip(members, _joined(levels, len(members)), strict=True):
            texts[run.id] = text
    return texts


def _joined(levels: dict[str, list[Any]], count: int) -> list[str]:
    """The levels of each of so many runs in words."""
    columns = [[f"{factor}={text}" for text in spelled(values)] for factor, values in levels.items()]
    return [", ".join(column[place] for column in columns) for place in range(count)]


def factors(runs: Sequence[RunRecords]) -> dict[str, list[Any]]:
    """Dotted path in the recipe -> its value in each run, where they differ.

    Where runs have other keys at some place (another reward, another data mix), the keys themselves are
    the value ("cosine+format"), with what differs between runs of the same keys ("easy+hard, easy.count=3"),
    and below only what all have is compared.
    """
    levels: dict[str, list[Any]] = {}
    _compare([run.recipe for run in runs], "", levels)
    return levels


def named(levels: dict[str, list[Any]], requested: Collection[str] = ()) -> dict[str, list[Any]]:
    """Factors, where a group that differs in several values and has a name is told by its name alone.

    "algorithm=dapo" for what `conf/algorithm/dapo.yaml` sets; not where a value was changed beside it, so
    that one name stands for two.

    Args:
        levels: as `factors` gives them.
        requested: factors that stay as they are.
    """
    result = dict(levels)
    for key, options in levels.items():
        group = key.removesuffix(".name")
        below = [other for other in levels if other.startswith(f"{group}.")]
        if group == key or any(other in requested for other in below):
            continue
        meanings = {
            (name, canonical([levels[other][i] for other in below])) for i, name in enumerate(options)
        }
        if len(meanings) == len(set(options)):
            result = {
                group if other == key else other: result[other]
                for other in result
                if other not in below or other == key
            }
    return result


def _compare(trees: list[Any], path: str, levels: dict[str, list[Any]]) -> None:
    if not all(isinstance(tree, dict) for tree in trees):
        if len({canonical(tree) for tree in trees}) > 1:
            levels[path] = [_keys(tree) if isinstance(tree, dict) else tree for tree in trees]
        return
    common = set(trees[0]).intersection(*trees[1:])
    if path and len({tuple(sorted(tree)) for tree in trees}) > 1:
        levels[path] = _own([{key: tree[key] for key in tree.keys() - common} for tree in trees], trees)
    for key in sorted(common if path else {k for t in trees for k in t}):
        _compare([tree.get(key) for tree in trees], f"{path}.{key}" if path else key, levels)


def _own(parts: list[dict[str, Any]], trees: list[dict[str, Any]]) -> list[str]:
    """Names of trees by their keys, and where these are the same by what differs in these parts of them."""
    keys = [_keys(tree) for tree in trees]
    texts = list(keys)
    for name in set(keys):
        places = [i for i, other in enumerate(keys) if other == name]
        levels: dict[str, list[Any]] = {}
        _compare([parts[i] for i in places], "", levels)
        for i, text in zip(places, _joined(levels, len(places)), strict=True):
            texts[i] = f"{name}, {text}" if text else name
    return texts


def _keys(tree: dict[str, Any]) -> str:
    return "+".join(sorted(tree))


def spelled(values: Sequence[Any]) -> list[str]:
    """Values as labels show them: long numbers with four digits where that tells them apart, a long text by
    its beginning and four digits of its hash."""
    exact = [text if len(text) <= 30 else f"{text[:20]}...{digest(text)[:4]}" for text in map(str, values)]
    rounded = [
        f"{value:.4g}" if isinstance(value, float) and len(text) > 8 else text
        for value, text in zip(values, exact, strict=True)
    ]
    return rounded if len(set(rounded)) == len(set(exact)) else exact


def replicates(runs: Sequence[RunRecords]) -> dict[str, str]:
    """Run id -> an id of its recipe without the seeds: equal for runs that repeat each other."""
    ids = {}
    for run in runs:
        leaves = _leaves(run.recipe)
        for field in (*SEEDS, "data.rows"):  # the rows follow from data.seed and the draws
            leaves.pop(field, None)
        ids[run.id] = digest({"leaves": leaves, "trained": run.name if run.imported else None})
    return ids


def _leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of a nested dict by dotted path."""
    if not isinstance(tree, dict):
        return {prefix: tree}
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= _leaves(value, f"{prefix}.{key}" if prefix else key)
    return leaves
