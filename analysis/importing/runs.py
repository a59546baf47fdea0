"""The run of an imported result: the same weights, and never others, share a step of a run.

A run is an experiment of one collection, and its steps are what the paths say. A released model without a
step is a run of its own, one for each revision that is stated. Where one step of an experiment was measured
with two revisions, the second is a run of its own too.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openrs.analysis.importing.reading import ForeignScore, origin
from openrs.analysis.importing.result import file_name
from openrs.analysis.mixing import NOT_STATED
from openrs.analysis.run_records import IMPORTED, RunRecords
from openrs.errors import Mistake
from openrs.records import paper
from openrs.records.files import read_record, write_record
from openrs.records.recipe import digest

STEP = re.compile(r"[/_-]*(?:global_)?(?:step|checkpoint)[-_]?\d+/*$")
"""A checkpoint's part of a model's path: checkpoints of one experiment are one run."""
MIDDLE = re.compile(r"[/_-]+(?:global_)?(?:step|checkpoint)[-_]?\d+(?=[/_-](?!\d))")
"""The same in the middle of a path or name, looked for where it does not end in one."""


def recipe(item: ForeignScore, collection: str, apart: bool = False) -> dict[str, Any]:
    """The recipe of an imported run, which is its identity.

    Args:
        apart: the step has scores of another revision in its experiment's run.
    """
    model, revision = item.origin["model"], item.origin["revision"]
    if apart:
        revision = revision or NOT_STATED
    elif item.stepped:
        revision = None  # each step has its own
    return {
        "imported": {
            "from": collection,
            "name": item.name,
            "model": _without_step(model) if item.stepped else model,
            "revision": revision,
            "steps": item.stepped,
        }
    }


def _without_step(model: str) -> str:
    rest = STEP.sub("", model)
    return MIDDLE.sub("", model) if rest == model else rest


def address(recipe_: dict[str, Any]) -> str:
    """A run without the collection that it came with."""
    return digest({key: value for key, value in recipe_["imported"].items() if key != "from"})


def folder(outputs: Path, recipe_: dict[str, Any]) -> Path:
    """The folder of a recipe's run."""
    safe = file_name(re.sub(r"[^A-Za-z0-9_.-]+", "_", recipe_["imported"]["name"]))
    return outputs / IMPORTED / f"{safe}-{digest(recipe_)[:8]}"


def open_run(folder_: Path, recipe_: dict[str, Any], baseline: bool) -> None:
    """Writes run.json, or adds to it that the run is the untrained model."""
    name, path = recipe_["imported"]["name"], folder_ / "run.json"
    record = read_record(path)
    if record is None:
        config = {
            "report_step": None,
            "scale": {"name": IMPORTED},
            "model": {"title": name},
            "baseline": baseline,
        }
        record = {"name": name, "id": digest(recipe_), "recipe": recipe_, "invocations": [], "config": config}
        write_record(path, record)
    elif baseline and not record["config"].get("baseline"):
        record["config"]["baseline"] = True
        write_record(path, record)


def adopted(items: Sequence[ForeignScore], stored: Sequence[RunRecords], collection: str) -> dict[str, str]:
    """Address of a run -> the collection of a stored run that it is the same as.

    Same outputs at the same address say that two collections hold one checkpoint (evals/ and overall/ of
    one experiment): what else the second holds of it belongs to the stored run.
    """
    by_outputs = {
        (address(run.recipe), score.step, score.benchmark, origin(score)["outputs"]): run
        for run in stored
        for score in run.scores
    }
    own = {address(run.recipe) for run in stored if run.recipe["imported"]["from"] == collection}
    collections: dict[str, str] = {}
    for item in items:
        at, outputs = address(recipe(item, collection)), item.origin["outputs"]
        run = by_outputs.get((at, item.score.step, item.score.benchmark, outputs))
        if run is not None and outputs is not None and at not in own:
            collections.setdefault(at, run.recipe["imported"]["from"])
    return collections


def is_baseline(item: ForeignScore, named: str | None) -> bool:
    """Whether a result without a step is of an untrained model: the paper's, or the one that is named."""
    if item.stepped:
        return False
    texts = (item.name, item.origin["model"])
    names = {part.lower() for text in texts for part in (text, text.split("/")[-1])}
    return bool({name.lower() for name in (paper.BASE, named) if name} & names)


def check_baseline(items: Sequence[ForeignScore], named: str | None) -> None:
    """Checks that the named baseline is there.

    Raises:
        Mistake: no result without a step is of that model or experiment.
    """
    if named is None or any(is_baseline(item, named) for item in items):
        return
    names = sorted({item.name for item in items if not item.stepped})
    there = f"Models without a step: {', '.join(names)}." if names else "Every file here has a step."
    raise Mistake(
        f"baseline={named}: no result without a training step belongs to that model or experiment. {there} "
        "Name one of these, or leave the option out (step 0 of an experiment is its baseline anyway)."
    )
