"""What a study asked: its question, its dates, what was varied between its arms, and what was held fixed."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openrs.analysis.arms import Arms
from openrs.analysis.factors import factors, named, spelled, without_seeds
from openrs.analysis.run_records import runs_of
from openrs.config import option_folders
from openrs.records.recipe import SEEDS, canonical, leaves_of
from openrs.studies.reader import StudyFacts

MOST = 12
"""Factors that are shown, and arms that a question names."""
LONGEST = 400
"""Letters of the arms that a question names."""


def overview(
    study: Arms, described: Sequence[dict[str, Any]], sweeps: Sequence[StudyFacts], today: str
) -> dict[str, Any]:
    """For the page: question, dates, varied (arms and their levels), fixed (groups, and every value).

    Args:
        described: the runs as the page has them, with their invocations.
        today: the date of the page.
    """
    own = [runs_of(row.evaluations) for row in study.means if not row.evaluations[0].run.imported]
    firsts = [runs[0] for runs in own]
    levels = dict(list(named(without_seeds(factors(firsts))).items())[:MOST]) if firsts else {}
    columns = [spelled(values) for values in levels.values()]
    labels = [row.label for row in study.means]
    return {
        "question": _question(sweeps, levels, labels, [row.label for row in study.bases]),
        "dates": _dates(described, today),
        "factors": list(levels),
        "arms": [
            {
                "label": labels[place],
                "seeds": ", ".join(sorted({str(run.recipe.get("seed", "not stated")) for run in runs})),
                "levels": [column[place] for column in columns],
            }
            for place, runs in enumerate(own)
        ],
        "fixed": _fixed([run.recipe for runs in own for run in runs]),
    }


def _question(
    sweeps: Sequence[StudyFacts], levels: dict[str, list[Any]], arms: Sequence[str], bases: Sequence[str]
) -> str:
    """That of the only sweep's file, or else the one that the differences between the arms put."""
    files = list(dict.fromkeys(Path(sweep.file).parent.name for sweep in sweeps if sweep.ours))
    if len(files) == 1 and (text := _of_file(files[0])):
        return text
    if len(arms) < 2:
        return f"Is {arms[0]} better than {bases[0]}?" if arms and bases else "How good are these models?"
    if len(levels) == 1:
        ((factor, values),) = levels.items()
        options = list(dict.fromkeys(spelled(values)))
        return f"Which {factor.removesuffix('.name')} is best: {_listed(options)}?"
    listed = _listed(arms)
    return (
        f"Which recipe is best: {listed}?"
        if len(listed) < LONGEST
        else f"Which of {len(arms)} recipes is best?"
    )


def _listed(texts: Sequence[str]) -> str:
    if len(texts) > MOST:
        return f"{', '.join(texts[:MOST])} or one of {len(texts) - MOST} more"
    return f"{', '.join(texts[:-1])} or {texts[-1]}"


def _of_file(name: str) -> str:
    """The comment at the head of a sweep's file."""
    for root in option_folders.searched():
        path = option_folders.place(root, f"{option_folders.SWEEPS}/{name}.yaml")
        if path.is_file():
            head = path.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
            comments = (line.lstrip("# ").strip() for line in head if re.match(r"# (?!@)", line))
            return " ".join(comments)
    return ""


def _dates(described: Sequence[dict[str, Any]], today: str) -> str:
    """The days on which runs were started, and that of the page."""
    days = sorted(str(call["time"])[:10] for run in described for call in run["invocations"] if call["time"])
    if not days:
        return f"Page of {today}."
    return f"Runs of {days[0]}{f' to {days[-1]}' if days[-1] != days[0] else ''}; page of {today}."


def _fixed(recipes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Groups of the recipe in which no run differs from another, and every value that all share."""
    if not recipes:
        return {"groups": [], "values": []}
    trees = [leaves_of(recipe) for recipe in recipes]
    shared = {
        key: value
        for key, value in trees[0].items()
        if key not in (*SEEDS, "schema") and len({canonical(tree.get(key)) for tree in trees}) == 1
    }
    groups = [
        group
        for group in recipes[0]
        if any(key.split(".")[0] == group for key in shared)
        and all(
            key in shared for tree in trees for key in tree if key.split(".")[0] == group and key not in SEEDS
        )
    ]
    return {"groups": groups, "values": [[key, str(value)] for key, value in shared.items()]}
