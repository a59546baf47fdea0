"""Checks of `algorithm.trl`: fields of TRL's GRPOConfig that are passed on under TRL's own names.

The fields are those of the installed packages, read from their files, as importing TRL takes seconds.
"""

import ast
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from openrs.config import names, values
from openrs.config.names import Place
from openrs.config.trl_words import OWN, WORDS
from openrs.errors import Unfit, refuse

CLASSES = (
    ("transformers", "training_args.py", "TrainingArguments"),
    ("trl", "trainer/base_config.py", "_BaseConfig"),
    ("trl", "trainer/grpo_config.py", "GRPOConfig"),
)
"""GRPOConfig and what it inherits from, the last one last: package, file, class."""


def check(passed: dict[str, Any]) -> None:
    """Checks the fields that a config passes on.

    Raises:
        Mistake: TRL has no such field, openrs decides it, or the value is of another type.
        Unfit: the installed TRL is laid out otherwise.
    """
    for name, value in passed.items():
        field = f"algorithm.trl.{name}"
        if name in WORDS:
            refuse(field, value, f"is decided by {WORDS[name]}", f"Give {WORDS[name]} instead")
        if name in OWN:
            refuse(field, value, f"cannot be passed on, as {OWN[name]}", "Leave it out")
        if name not in installed():
            close = get_close_matches(name, [*installed()], 3)
            meant = " or ".join(close)
            remedy = f"Perhaps {meant} is meant" if close else "See trl.GRPOConfig for its fields"
            refuse(field, value, "is no field of the installed TRL's GRPOConfig", remedy)
        stands = Place(installed()[name])
        kinds = names.alternatives(stands.annotation)
        for at, place, wrong in values.misfits(field, stands, value):
            values.refuse_value(at, place or stands, wrong, values.spell(wrong))
        if isinstance(value, str) and str not in kinds:
            values.refuse_value(field, stands, value, f"'{value}'")


@cache
def installed() -> dict[str, Any]:
    """The fields of the installed GRPOConfig -> their types."""
    fields: dict[str, Any] = {}
    for package, file, name in CLASSES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder, file)
            tree = ast.parse(path.read_bytes()) if path.exists() else ast.Module([], [])
            body = next((n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), [])
            lines = [line for line in body if isinstance(line, ast.AnnAssign)]
            fields |= {ast.unparse(line.target): _type(line.annotation) for line in lines}
    if "num_generations" not in fields:
        raise Unfit(
            "algorithm.trl: the fields of GRPOConfig are not where TRL 1.16 has them. Install trl>=1.16,<2."
        )
    return fields


TYPES = {"bool": bool, "int": int, "float": float, "str": str, "None": None, "dict": dict[str, Any]}


def _type(annotation: ast.expr) -> Any:
    """A type as this process knows it; an enumeration of transformers is a text."""
    if isinstance(annotation, ast.BinOp):
        return _type(annotation.left) | _type(annotation.right)
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "list":
        return list[_type(annotation.slice)]  # type: ignore[misc]
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "dict":
        return dict[str, Any]
    return TYPES.get(ast.unparse(annotation), str)
