"""The reference of a sequential evaluation: the base model, or a checkpoint of a run that is there."""

from pathlib import Path

from openrs.errors import refuse
from openrs.records import faults
from openrs.records.left_out import checked_record
from openrs.records.run import Run

FIELD = "evaluation.reference"
BASE = "base"


def find(runs: Path, text: str, base: Run) -> tuple[Run, int]:
    """The run and the step that a text names.

    Args:
        runs: the folder of the runs.
        text: `base`, or RUN@STEP, where RUN is a run's folder or its name.
        base: the run of the base model.

    Raises:
        Mistake: there is no such run or checkpoint, several have the name, or it is of another model.
    """
    if text == BASE:
        return base, 0
    name, _, step = text.partition("@")
    folders = sorted(path.parent for path in runs.glob("*/run.json"))
    fits = [folder for folder in folders if name in (folder.name, folder.name.rpartition("-")[0])]
    if len(fits) != 1:
        rule = f"{len(fits)} runs have this name" if fits else f"{runs} holds no such run"
        there = ", ".join(folder.name for folder in fits or folders)
        refuse(FIELD, text, rule, f"Give {BASE}" + (f", or a step of one of: {there}" if there else ""))
    record = checked_record(fits[0] / "run.json", faults.of_address)
    assert record is not None
    run = Run(fits[0], record["id"], record["recipe"])
    if run.recipe.get("model", {}).get("weights") != base.recipe["model"]["weights"]:
        rule = "was trained from another model, whose prompts are other ones"
        refuse(FIELD, text, rule, "Name a run of the same base model")
    steps = [item.step for item in run.train_record.checkpoints] if run.train_record else []
    if not step.isdecimal() or int(step) not in steps:
        there = ", ".join(map(str, steps)) or "none"
        refuse(FIELD, text, f"{run.folder.name} has no such checkpoint (it has {there})",
               f"Give {run.folder.name}@STEP of a checkpoint that is there")  # fmt: skip
    return run, int(step)
