"""Further training seeds of a recipe: which are free, and the command that trains and evaluates them."""

import shlex
from collections.abc import Sequence

from openrs.analysis.run_records import RunRecords
from openrs.records import faults
from openrs.records.left_out import sound_record

REPLACED = ("seed", "replicates", "outputs", "force", "stages", "dry_run", "detect")
"""Fields of a recorded command that the new one does without, or says itself."""


def free(runs: Sequence[RunRecords], count: int) -> list[int]:
    """So many seeds after those of the runs; none where a run has no seed, as what was imported."""
    taken = [run.recipe.get("seed") for run in runs]
    numbers = [seed for seed in taken if isinstance(seed, int)]
    return list(range(max(numbers) + 1, max(numbers) + 1 + count)) if len(numbers) == len(taken) else []


def spelled(seeds: Sequence[int]) -> str:
    """Consecutive seeds in words: "seed 43", "seeds 43 to 47"."""
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def command(run: RunRecords, seeds: Sequence[int]) -> str | None:
    """The newest command of a run with these seeds in the place of its own; None where none is recorded.

    A run of a sweep records the words of its own job beside the sweep's; one of an older version does not,
    and gets the command of its whole sweep.
    """
    record = sound_record(run.folder / "run.json", faults.of_run) or {}
    *_, newest = record.get("invocations") or [{}]
    words = newest.get("job") or newest.get("argv") or []
    if not words or not seeds:
        return None
    several = len(seeds) > 1 or {"-m", "--multirun"} & set(words)
    kept = [word for word in words if word not in ("-m", "--multirun") and not _is_replaced(word)]
    outputs = run.folder.parent.parent
    where = [] if str(outputs) == "outputs" else [f"outputs={outputs}"]
    seed = f"seed={','.join(map(str, seeds))}"
    return shlex.join(["openrs", *["-m"] * bool(several), *kept, *where, seed])


def _is_replaced(word: str) -> bool:
    key, equals, _ = word.partition("=")
    return bool(equals) and (key.lstrip("+") in REPLACED or key.lstrip("+").startswith("hydra."))
