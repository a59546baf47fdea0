"""Differences between runs: the factors in which their recipes differ, and the runs that repeat a recipe."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from openrs.analysis.run_records import RunRecords
from openrs.paths import model_name
from openrs.records.recipe import SEEDS, canonical, digest, seedless

FEW_FACTORS = 3
"""A label states each of so many factors; of more it leaves out the usual ones."""
_NUMBER = re.compile(r"((?:(?<![^=,( ])-)?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def natural(text: str) -> list[str | float]:
    """The key of a text for sorting that orders the numbers in texts by size, as 9 before 10."""
    return [float(part) if place % 2 else part for place, part in enumerate(_NUMBER.split(text))]


def names(runs: Sequence[RunRecords], seeds: bool = True) -> dict[str, str]:
    """Run id -> the run's name, with its differences from the others of that name.

    Args:
        seeds: False names recipes: runs that repeat one have one name.
    """
    differing = differences(runs, seeds)
    return {run.id: f"{run.name} ({differing[run.id]})" if differing[run.id] else run.name for run in runs}


def short_names(runs: Sequence[RunRecords], seeds: bool = True) -> dict[str, str]:
    """As `names`; where all runs have one name, what differs between them is name enough."""
    if len({run.name for run in runs}) != 1:
        return names(runs, seeds)
    texts = differences(runs, seeds, own=False).values()
    return {run.id: text or run.name for run, text in zip(runs, texts, strict=True)}


def differences(runs: Sequence[RunRecords], seeds: bool = True, own: bool = True) -> dict[str, str]:
    """Run id -> its differences from the other runs of its name ("seed=1, data=..."), or nothing; an adapter
    also where all runs have it, as a name alone means that all weights were trained, and so what a command
    chose in the place of its experiment's data, reward or model.

    Args:
        seeds: False leaves out what differs between runs that repeat a recipe.
        own: False leaves out what was chosen so and is the same in all runs.
    """
    by_name: dict[str, list[RunRecords]] = defaultdict(list)
    for run in runs:
        by_name[run.name].append(run)
    texts = {}
    for members in by_name.values():
        levels, files = factors(members), contents(members)
        if "data.rows" in levels and (len(levels) > 1 or any(files)):
            del levels["data.rows"]  # the fingerprint follows from what differs beside it
        if _follow(levels, "model.weights", "model.id"):
            del levels["model.weights"]
        levels = named(levels if seeds else without_seeds(levels))
        for run, text, file in zip(members, _joined(levels, len(members)), files, strict=True):
            stated = {level.split(".")[0] for level in levels} | ({"data"} if file else set())
            adapter = None if "adapter" in stated else run.recipe.get("adapter")
            parts = [part for part in run.own_parts if own and re.split(r"[.=]", part)[0] not in stated]
            own_file = file and f"data={file}"
            texts[run.id] = ", ".join(
                filter(None, [*parts, own_file, adapter and f"adapter={adapter['name']}", text])
            )
    return texts


def _follow(levels: dict[str, list[Any]], key: str, of: str) -> bool:
    """Whether a factor's values follow from those of another, which tells the runs apart without it."""
    if key not in levels or of not in levels:
        return False
    return len(set(map(str, levels[of]))) == len(set(map(str, zip(levels[of], levels[key], strict=True))))


def without_seeds(levels: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Factors without those in which runs of one recipe differ (the rows follow from data.seed)."""
    return {key: values for key, values in levels.items() if key not in (*SEEDS, "data.rows")}


def contents(runs: Sequence[RunRecords]) -> list[str]:
    """For each run the files or ids of those of its sources that hold other problems in another run."""
    marks: dict[str, dict[str, str]] = defaultdict(dict)  # source -> fingerprint -> the last part of its id
    for run in runs:
        for source, (title, mark) in run.sources.items():
            marks[source][mark] = title
    titles = {
        source: {mark: title if len(set(read.values())) == len(read) else f"{title}...{mark[:4]}"
                 for mark, title in read.items()}
        for source, read in marks.items() if len(read) > 1
    }  # fmt: skip
    return [
        "+".join(titles[key][mark] for key, (_, mark) in run.sources.items() if key in titles) for run in runs
    ]


def _joined(levels: dict[str, list[Any]], count: int) -> list[str]:
    """The levels of each of so many runs in words; of many factors without what more than half of the runs
    share, so that a label holds what is special of its run. Labels tell the same runs apart either way."""
    columns = [[f"{factor}={text}" for text in spelled(values)] for factor, values in levels.items()]
    if len(columns) > FEW_FACTORS:
        columns = [_without_usual(column) for column in columns]
    return [", ".join(filter(None, (column[place] for column in columns))) for place in range(count)]


def _without_usual(texts: list[str]) -> list[str]:
    ((usual, number),) = Counter(texts).most_common(1)
    return ["" if text == usual and 2 * number > len(texts) else text for text in texts]


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
    """Factors; a group that differs in several values and has a name stands as that name alone.

    "algorithm=dapo" for what `conf/algorithm/dapo.yaml` sets; where a value was changed beside it, so that
    one name stands for two, the name and that value.

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
        apart = {other for other in below if other != key and _differs_within(options, levels[other])}
        result = {
            group if other == key else other: result[other]
            for other in result
            if other not in below or other == key or other in apart
        }
    return result


def _differs_within(names: Sequence[Any], values: Sequence[Any]) -> bool:
    """Whether runs of one name have several values."""
    pairs = {(canonical(name), canonical(value)) for name, value in zip(names, values, strict=True)}
    return len(pairs) > len({name for name, _ in pairs})


def _compare(trees: list[Any], path: str, levels: dict[str, list[Any]]) -> None:
    if not all(isinstance(tree, dict) for tree in trees):
        if len({canonical(tree) for tree in trees}) > 1:
            levels[path] = _own(trees, trees) if any(isinstance(tree, dict) for tree in trees) else trees
        return
    common = set(trees[0]).intersection(*trees[1:])
    if path and len({tuple(sorted(tree)) for tree in trees}) > 1:
        levels[path] = _own([{key: tree[key] for key in tree.keys() - common} for tree in trees], trees)
    for key in sorted(common if path else {k for t in trees for k in t}):
        _compare([tree.get(key) for tree in trees], f"{path}.{key}" if path else key, levels)


def _own(parts: list[Any], trees: list[Any]) -> list[str]:
    """Names of trees, and where these are the same what differs in these parts of them."""
    keys = [_keys(tree) for tree in trees]
    texts = list(keys)
    for name in {key for key, tree in zip(keys, trees, strict=True) if isinstance(tree, dict)}:
        places = [i for i, other in enumerate(keys) if other == name]
        levels: dict[str, list[Any]] = {}
        _compare([parts[i] for i in places], "", levels)
        for i, text in zip(places, _joined(levels, len(places)), strict=True):
            texts[i] = f"{name}, {text}" if text else name
    return texts


def _keys(tree: Any) -> str:
    """The name of a group, or its keys, of one's own parts their names; what is off is `none`."""
    if not isinstance(tree, dict):
        return "none" if tree is None else str(tree)
    if "name" in tree:
        return str(tree["name"])
    return "+".join(name for key in sorted(tree) for name in _own_rewards(key, tree[key]) or [key])


def _own_rewards(key: str, tree: Any) -> list[str]:
    """The names of one's own rewards, which a recipe has below `custom`; none for another key."""
    rewards = isinstance(tree, dict) and all(
        isinstance(part, dict) and "function" in part for part in tree.values()
    )
    return sorted(tree) if key == "custom" and rewards else []


def spelled(values: Sequence[Any]) -> list[str]:
    """Values as labels show them: long numbers with four digits where that tells them apart, long paths by
    their last part where that does, another long text by its beginning and four digits of its hash."""
    last = [model_name(text) if len(text) > 30 and " " not in text else text for text in map(str, values)]
    if len(set(last)) == len(set(map(str, values))):
        values = [value if str(value) == text else text for value, text in zip(values, last, strict=True)]
    exact = [
        text
        if len(text) <= (60 if "+" in text or "/" in text else 30)
        else f"{text[:20]}...{digest(text)[:4]}"
        for text in map(str, values)
    ]
    rounded = [
        f"{value:.4g}" if isinstance(value, float) and len(text) > 8 else text
        for value, text in zip(values, exact, strict=True)
    ]
    return rounded if len(set(rounded)) == len(set(exact)) else exact


def replicates(runs: Sequence[RunRecords]) -> dict[str, str]:
    """Run id -> an id of its recipe without the seeds: equal for runs that repeat each other.

    The rows of a recipe follow from its seed and from its sources, so where the sources' problems differ, the
    recipes do.
    """
    ids = {
        run.id: digest({"leaves": seedless(run.recipe), "trained": run.name if run.imported else None})
        for run in runs
    }
    contents = defaultdict[str, set[str]](set)
    for run in runs:
        if run.sources:
            contents[ids[run.id]].add(_content(run))
    return {run.id: ids[run.id] + (_content(run) if len(contents[ids[run.id]]) > 1 else "") for run in runs}


def sort_keys(runs: Sequence[RunRecords]) -> dict[str, tuple[list[str | float], str]]:
    """Run id -> the key of its recipe for sorting those of one name: what differs, numbers by size."""
    ids, texts = replicates(runs), differences(runs, seeds=False, own=False)
    least: dict[str, list[str | float]] = {}
    for run in runs:
        key = natural(texts[run.id])
        least[ids[run.id]] = min(key, least.get(ids[run.id], key))
    return {run.id: (least[ids[run.id]], ids[run.id]) for run in runs}


def _content(run: RunRecords) -> str:
    return digest({name: mark for name, (_, mark) in run.sources.items()}) if run.sources else ""
