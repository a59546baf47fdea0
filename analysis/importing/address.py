"""The path of a result file -> its experiment and step."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from openrs.errors import Mistake

_WORD = r"(?:global_)?(?:step|checkpoint)[-_]?"
_SEED = r"(?:[-_]seed[-_]?\d+)?"
_DATE = r"[^/]*(?:19|20)\d\d[-_]?(?:0[1-9]|1[0-2])[-_]?(?:0[1-9]|[12]\d|3[01])"
_SHELF = r"(?:(?:checkpoints?|ckpts?)/)?"
_NUMBERED = r"(?:exp|experiment|run|trial|model|version|v)"
_COUNTED = (
    rf"(?:{_NUMBERED}|seed|sample|rep|repeat|repetition|replicate|evals?|part|shard|rank|gpu|fold|epoch|"
    r"step|global_step|checkpoint|aime|amc|math)[-_]\d+/"
)
PATTERNS = (
    rf"(?P<name>[^/]+/(?:seed|run)[-_]?\d+|[^/]+)/{_SHELF}{_WORD}(?P<step>\d+){_SEED}/",
    rf"(?:^|/)(?i:(?!{_DATE}|{_COUNTED}))(?P<name>[^/]+?)(?<!(?i:seed))(?<!\de)[-_](?:{_WORD})?"
    rf"(?P<step>\d+){_SEED}/(?:.*/)?results/",
    rf"(?:^|/)(?P<name>(?i:{_NUMBERED})[-_]\d+)/(?:.*/)?results/",
    rf"(?:^|/)(?P<name>[^/]+?)[-_]{_WORD}(?P<step>\d+){_SEED}(?P<rest>(?:[-_](?!\d)[^/]*)?)/",
)
"""Forms of a path with experiment and step, in the order in which they are tried. The number of a seed, a
date, a learning rate or a benchmark (`seed_1`, `eval_2025-03-24`, `lr1e-6`, `math_500`) is no step, and that
of `exp_1` belongs to its name. A folder `checkpoints` between the two names no experiment. The last is a
name with the step in its middle, `exp1_global_step_110_actor_huggingface`."""
_WORDED = (PATTERNS[0], PATTERNS[-1])
"""Those that say `step` or `checkpoint`: a model's name may have them as well."""
FORMS = (
    "EXPERIMENT/step-N/, EXPERIMENT/checkpoint-N/ or EXPERIMENT_step_N/, or EXPERIMENT_N/ above results/ (N "
    "is the step, not a seed, a date or a benchmark's number), or from a model's name or revision with such "
    "a step"
)
"""PATTERNS in words."""
_FORM = re.compile(r"[-_](?:actor|critic|policy|huggingface|hf|fsdp|merged|model|weights)(?![^-_])")
"""A part of such a name that says how weights are stored, and nothing of what they are."""
_BRANCH = re.compile(rf"{_WORD}(?P<step>\d{{1,9}})(?:-tokens\d+[MBT])?")
_STEP_FOLDER = re.compile(rf"{_WORD}\d+{_SEED}")


@dataclass(frozen=True)
class Address:
    """An experiment and a step."""

    name: str
    step: int | None
    """None where no step is stated: a released model, not an untrained one."""
    matched: bool
    """False where no pattern fits the path: the name is the model's then."""


def pattern(text: str | None) -> tuple[re.Pattern[str], ...]:
    """The user's pattern, or the built-in ones.

    Raises:
        Mistake: it is no regular expression, or has no group `name`.
    """
    try:
        patterns = tuple(re.compile(item) for item in ((text,) if text is not None else PATTERNS))
    except re.error as error:
        raise Mistake(f"pattern={text}: is not a regular expression ({error}). Mend it.") from None
    if any("name" not in item.groupindex for item in patterns):
        raise Mistake(
            f"pattern={text}: needs a group (?P<name>...) for the experiment, and may have (?P<step>...) for "
            "the step."
        )
    return patterns


def place(file: Path, imported: Path) -> str:
    """A file's path as patterns see it: from the folder that was imported on.

    What the folder's own name leaves open is above it: a folder step-100 is seen with its parent, and a
    file that is imported by itself from two folders above results/ on.
    """
    if file != imported:
        relative = f"{imported.name}/{file.relative_to(imported).as_posix()}"
        if _STEP_FOLDER.fullmatch(imported.name):
            return f"{imported.parent.name}/{relative}"
        return relative
    parts = file.parts[1:]
    depth = len(parts) - parts.index("results") if "results" in parts else 1
    return "/".join(parts[max(0, len(parts) - depth - 2) :])


def find(path: str, patterns: tuple[re.Pattern[str], ...], model: str, branch: str | None = None) -> Address:
    """The address of a path by the first pattern that fits; a step that is no number is part of the name.

    Where the built-in patterns find no step in the path, one that the model's name states is the step, else
    one that its branch is (`step1000`).
    """
    at = _first(path, patterns)
    if (at is None or at.step is None) and patterns == pattern(None):
        worded = tuple(re.compile(item) for item in _WORDED)
        of_name = _first(path, worded) or _first(f"{model}/", worded)
        at = replace(of_name, name=at.name) if at and of_name else at or of_name
        stated = _BRANCH.fullmatch(branch or "")
        if stated and (at is None or at.step is None):
            at = Address(at.name if at else model, int(stated["step"]), True)
    return at or Address(model, None, False)


def _first(text: str, patterns: tuple[re.Pattern[str], ...]) -> Address | None:
    for item in patterns:
        match = item.search(text)
        groups = match.groupdict() if match else {}
        name, step = groups.get("name"), groups.get("step")
        if not name:  # an optional group that took no part is no experiment
            continue
        name += _FORM.sub("", groups.get("rest") or "")
        if step and not (step.isdecimal() and len(step) < 10):
            name, step = f"{name} {step}", None
        return Address(name, int(step) if step else None, True)
    return None
