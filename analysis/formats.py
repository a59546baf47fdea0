"""Tables as Markdown, LaTeX (booktabs), CSV, JSON and HTML."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from html import escape as inert
from pathlib import Path

from openrs.analysis import markup
from openrs.analysis.tables.table import BEST, BLANK, MEASURED, REAL, TIED, Table, Value
from openrs.records.files import write_file

NUMBERED = re.compile(r"^Table \d+: ")
"""What LaTeX writes before a caption itself."""
DAGGER = "†"
"""On a difference that could not be paired."""


def _flags(cell: Value) -> str:
    return DAGGER * (cell.paired is False) + "≈" * (cell.mark == TIED)


def _strong(cell: Value) -> bool:
    return cell.mark in (BEST, REAL)


def markdown(table: Table) -> str:
    """GitHub-flavoured Markdown."""

    def shown(cell: Value | None) -> str:
        if cell is None:
            return BLANK
        estimate, *rest = str(cell).split(" ", 1)
        flags = _flags(cell)
        return " ".join(
            [f"**{estimate}**" if _strong(cell) else estimate, *rest, *([flags] if flags else [])]
        )

    rows = [[label, *map(shown, cells)] for label, cells in table.rows]
    return markup.markdown(table.title, ["", *table.columns], rows, table.caption)


def latex(table: Table) -> str:
    """A booktabs table."""

    def shown(cell: Value | None) -> str:
        if cell is None:
            return "--"
        estimate, *rest = str(cell).split(" ", 1)
        estimate = f"\\textbf{{{estimate}}}" if _strong(cell) else estimate
        small = f" {{\\scriptsize {markup.escaped(rest[0])}}}" if rest else ""
        return estimate + small + markup.escaped(_flags(cell))

    head = ["", *map(markup.escaped, table.columns)]
    rows = [[markup.escaped(label), *map(shown, cells)] for label, cells in table.rows]
    caption = " ".join((f"{NUMBERED.sub('', table.title)}.", *table.caption))
    return markup.latex("l" + "r" * len(table.columns), head, rows, caption)


PARTS = ("", " low", " high", " std", " n", " k", " seeds", " interval", " p", " mark", " paired")


def comma_separated(table: Table) -> str:
    """CSV: for each column mean, low, high, n, k, seeds, kind of interval, p and mark; blank where missing.

    The last two columns say of each row where it is from (measured, imported or published) and which table
    it is of, as a file has no caption.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    known = [cell for _, cells in table.rows for cell in cells if cell is not None]
    rare = {
        " p": any(cell.p is not None for cell in known),
        " std": any(cell.std is not None for cell in known),
        " seeds": any(cell.seeds for cell in known),
        " paired": any(cell.paired is not None for cell in known),
    }
    kept = [part for part in PARTS if rare.get(part, True)]
    writer.writerow(
        ["row", *(f"{column}{part}" for column in table.columns for part in kept), "origin", "table"]
    )
    for (label, cells), origin in zip(table.rows, origins(table), strict=True):
        fields = (text for cell in cells for text in _fields(cell, kept))
        writer.writerow([label, *fields, origin, table.title])
    return text.getvalue()


def origins(table: Table) -> tuple[str, ...]:
    """Where each row is from."""
    return table.origins or (MEASURED,) * len(table.rows)


def _fields(cell: Value | None, kept: Sequence[str]) -> list[str]:
    if cell is None:
        return [""] * len(kept)
    numbers = {"": cell.mean, " low": cell.low, " high": cell.high, " p": cell.p, " std": cell.std}
    fields = {part: "" if number is None else f"{number:.4f}" for part, number in numbers.items()}
    fields |= {" n": str(cell.n or ""), " k": str(cell.k or ""), " interval": cell.kind, " mark": cell.mark}
    fields |= {" seeds": cell.seeds, " paired": "" if cell.paired is None else str(cell.paired).lower()}
    return [fields[part] for part in kept]


def plain(table: Table) -> dict[str, object]:
    """The table as plain data."""
    rows = [
        {
            "row": label,
            "origin": origin,
            **{
                column: None if cell is None else asdict(cell)
                for column, cell in zip(table.columns, cells, strict=True)
            },
        }
        for (label, cells), origin in zip(table.rows, origins(table), strict=True)
    ]
    return {"title": table.title, "rows": rows, "caption": table.caption}


def as_json(table: Table) -> str:
    """JSON with the caption."""
    return json.dumps(plain(table), indent=1, ensure_ascii=False) + "\n"


def html(table: Table) -> str:
    """A table element that needs nothing around it; hovering over a cell says how it was made."""

    def shown(cell: Value | None) -> str:
        if cell is None:
            return f"<td>{BLANK}</td>"
        estimate, *rest = str(cell).split(" ", 1)
        words = [cell.mark, cell.kind]
        words += [f"n {cell.n}, k {cell.k}"] if cell.n else []
        words += [f"seeds {cell.seeds}"] if cell.seeds else []
        words += ["unpaired"] if cell.paired is False else []
        strong = f"<strong>{estimate}</strong>" if _strong(cell) else estimate
        small = f" <small>{inert(rest[0])}</small>" if rest else ""
        flags = f" {_flags(cell)}" if _flags(cell) else ""
        return f'<td title="{inert("; ".join(filter(None, words)))}">{strong}{small}{flags}</td>'

    rows = [(label, "".join(map(shown, cells))) for label, cells in table.rows]
    return markup.html(table.title, ["", *table.columns], rows, table.caption)


FORMATS: dict[str, Callable[[Table], str]] = {
    "md": markdown,
    "csv": comma_separated,
    "tex": latex,
    "json": as_json,
    "html": html,
}


def together(tables: Sequence[Table], kind: str) -> str:
    """Several tables as one text: JSON as a list, the others one after the other."""
    if kind == "json":
        return json.dumps([plain(table) for table in tables], indent=1, ensure_ascii=False) + "\n"
    return "\n".join(FORMATS[kind](table) for table in tables)


def write(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Writes each table as Markdown, CSV, LaTeX and HTML, under its name."""
    written = []
    for table in tables:
        for suffix in ("md", "csv", "tex", "html"):
            file = folder / f"{table.name}.{suffix}"
            write_file(file, FORMATS[suffix](table))
            written.append(file)
    return written
