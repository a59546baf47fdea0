"""A table of words, written as Markdown, CSV, LaTeX, JSON or HTML."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape as inert

from openrs.analysis import markup


@dataclass(frozen=True)
class TextTable:
    """Columns, rows of as many cells, lines below."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: tuple[str, ...]


def markdown(table: TextTable) -> str:
    """GitHub-flavoured Markdown."""
    return markup.markdown(table.title, table.columns, table.rows, table.caption)


def comma_separated(table: TextTable) -> str:
    """CSV without the caption."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.columns, *table.rows])
    return text.getvalue()


def latex(table: TextTable) -> str:
    """A booktabs table."""
    head, *rows = ([markup.escaped(cell) for cell in cells] for cells in (table.columns, *table.rows))
    return markup.latex("l" * len(table.columns), head, rows, " ".join((f"{table.title}.", *table.caption)))


def as_json(table: TextTable) -> str:
    """JSON with the caption."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    content = {"title": table.title, "rows": rows, "caption": table.caption}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def html(table: TextTable) -> str:
    """A table element that needs nothing around it; the first cell of a row is its head."""
    rows = [(first, "".join(f"<td>{inert(cell)}</td>" for cell in others)) for first, *others in table.rows]
    return markup.html(table.title, table.columns, rows, table.caption)


FORMATS: dict[str, Callable[[TextTable], str]] = {
    "md": markdown,
    "csv": comma_separated,
    "tex": latex,
    "json": as_json,
    "html": html,
}
