"""Writes docs/reference.md: every group with its options, and every field, from conf/ and the schema."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from openrs.config.fields import Limits
from openrs.config.names import alternatives, hints, words
from openrs.config.schema import Config
from openrs.paths import CONF

PAGE = Path(__file__).with_suffix(".md")
SWEEPS = CONF.parent / "sweeps"
DECIDES = {"recipe": "the weights", "evaluation": "the answers", "neither": "neither"}
"""What a field's identity is called on the page."""


def page() -> str:
    """The whole page."""
    groups = sorted(
        path for path in CONF.iterdir() if path.is_dir() and path.name not in ("hydra", "experiment")
    )
    parts = [
        "# Reference",
        "Every group with its options, then every field. `python docs/reference.py` writes this page from "
        "`conf/`, `sweeps/` and the schema.",
        "## Experiments",
        _options(CONF / "experiment"),
        "## Questions of sweeps",
        _options(SWEEPS),
    ]
    for folder in groups:
        parts += [f"## {folder.name}", _options(folder)]
    parts += [
        "## Fields",
        "*Decides* says what a field is part of: the identity of the weights (a change is another run), the "
        "identity of the answers (a change is another evaluation of the same run), or neither.",
        _table(Config),
    ]
    return "\n\n".join(parts) + "\n"


def _options(folder: Path) -> str:
    rows = [f"| `{path.stem}` | {_cell(_comment(path))} |" for path in sorted(folder.glob("*.yaml"))]
    return "\n".join(["| option | |", "|---|---|", *rows])


def _comment(path: Path) -> str:
    """The comment at the head of a file."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("# @package")]
    head = []
    for line in lines:
        if not line.startswith("#"):
            break
        head.append(line.lstrip("# "))
    return " ".join(head)


def _table(group: type) -> str:
    rows = [
        f"| `{name}` | {kind} | {decides} | {_cell(text)} |" for name, kind, decides, text in _fields(group)
    ]
    return "\n".join(["| field | takes | decides | |", "|---|---|---|---|", *rows])


def _fields(group: Any, path: str = "", identity: str | None = None) -> Iterator[tuple[str, str, str, str]]:
    """Name, type with limits, identity and docstring of each field that is a value."""
    documented, annotations = _docstrings(group), hints(group)
    for field in fields(group):
        name, annotation = f"{path}{field.name}", annotations[field.name]
        own = field.metadata.get("identity") or identity
        inner = [(one, "") for one in alternatives(annotation) if is_dataclass(one)]
        inner += [
            (get_args(one)[1], "NAME.")
            for one in alternatives(annotation)
            if get_origin(one) is dict and is_dataclass(get_args(one)[1])
        ]
        if not inner:
            yield (
                name,
                _takes(annotation, field.metadata.get("limits")),
                DECIDES[own or "neither"],
                documented.get(field.name, ""),
            )
        elif text := documented.get(field.name, ""):
            yield name, "a group", "", text
        for kind, key in inner:
            yield from _fields(kind, f"{name}.{key}", own)


def _takes(annotation: Any, limits: Limits | None) -> str:
    return _cell(f"{words(annotation)}, {limits}" if limits else words(annotation))


def _docstrings(group: Any) -> dict[str, str]:
    """Field -> the docstring under it."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(group))).body
    texts: dict[str, str] = {}
    for line, under in zip(tree.body, tree.body[1:], strict=False):  # type: ignore[attr-defined]
        if isinstance(line, ast.AnnAssign) and isinstance(under, ast.Expr):
            texts[ast.unparse(line.target)] = " ".join(str(ast.literal_eval(under.value)).split())
    return texts


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page())
