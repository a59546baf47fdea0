"""Tables as Markdown, LaTeX (booktabs), CSV, JSON and HTML."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from openrs.analysis.tables.table import BEST, BLANK, MEASURED, REAL, TIED, Entry, Table, Value
from openrs.records.files import write_file
from openrs.terminal import plain

DAGGER = "†"
"""On a difference that could not be paired."""
NUMBER = re.compile(r"^Table \d+: ")
"""The part of a title that LaTeX writes before a caption itself."""
TEX = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
       "–": "--", "±": r"$\pm$", "†": r"\textdagger{}", "≈": r"$\approx$"}  # fmt: skip
FIELDS = ("", " low", " high", " std", " n", " k", " seeds", " interval", " p", " mark", " paired")
"""A value's columns in CSV, after the name of its column in the table."""


RAW = re.compile(r"<(?=[A-Za-z/!?])")
"""Begins HTML in Markdown."""
FORMULA = re.compile(r"[=+\-@\t\r]")
"""Begins what a spreadsheet computes."""


def one_line(text: str) -> str:
    """A text without line ends, and with control characters spelled out."""
    return plain(" ".join(text.split("\n")))


def in_markdown(text: str) -> str:
    """A text that is no HTML, no link and no image, and does not end its cell."""
    return RAW.sub("&lt;", one_line(text)).replace("](", "]\\(").replace("|", "\\|")


def in_csv(text: str) -> str:
    """A text that no spreadsheet computes; a number stays one."""
    if not FORMULA.match(text):
        return one_line(text)
    try:
        float(text)
    except ValueError:
        return f"'{one_line(text)}"
    return text


def parts(cell: Entry) -> tuple[str, str, str, bool]:
    """A cell's estimate or words, what follows the estimate, its flags, and whether it is emphasised."""
    if not isinstance(cell, Value):
        return BLANK if cell is None else cell, "", "", False
    estimate, _, rest = str(cell).partition(" ")
    flags = DAGGER * (cell.paired is False) + "≈" * (cell.mark == TIED)
    return estimate, rest, flags, cell.mark in (BEST, REAL)


def _values(table: Table) -> list[Value]:
    return [cell for _, cells in table.rows for cell in cells if isinstance(cell, Value)]


def origins(table: Table) -> tuple[str, ...]:
    """The origin of each row."""
    return table.origins or (MEASURED,) * len(table.rows)


def markdown(table: Table) -> str:
    """GitHub-flavoured Markdown."""

    def shown(cell: Entry) -> str:
        estimate, rest, flags, strong = parts(cell)
        return " ".join(filter(None, (f"**{estimate}**" if strong else estimate, rest, flags)))

    def line(texts: Sequence[str]) -> str:
        return "|".join(["", *(f" {in_markdown(text)} " if text else " " for text in texts), ""])

    head = [table.labels, *table.columns]
    body = [line([label, *map(shown, cells)]) for label, cells in table.rows]
    return "\n".join(
        [
            *(f"**{_prose(table.title)}**", "", line(head), f"|{'---|' * len(head)}"),
            *(*body, "", *map(_prose, table.caption), ""),
        ]
    )


def _prose(text: str) -> str:
    return in_markdown(text).replace("\\|", "|")


def _tex(text: str) -> str:
    return "".join(f"\\{c}" if c in "&%$#_{}" else TEX.get(c, c) for c in one_line(text))


def latex(table: Table) -> str:
    """A table for the packages booktabs and threeparttable: a short caption, notes below the table."""

    def shown(cell: Entry) -> str:
        estimate, rest, flags, strong = parts(cell)
        text = f"\\textbf{{{_tex(estimate)}}}" if strong else _tex(estimate)
        return text + (f" {{\\scriptsize {_tex(rest)}}}" if rest else "") + _tex(flags)

    rows = [[_tex(text) for text in (table.labels, *table.columns)]]
    rows += [[_tex(label), *map(shown, cells)] for label, cells in table.rows]
    head, *body = (f"{' & '.join(row)} \\\\" for row in rows)
    align = "l" + ("r" if _values(table) else "l") * len(table.columns)
    caption, label = _tex(NUMBER.sub("", table.title)), re.sub(r"[^A-Za-z0-9:-]", "-", table.name)
    lines = [r"\begin{table}", r"\centering", r"\begin{threeparttable}"]
    lines += [f"\\caption{{{caption}.}}", f"\\label{{tab:{label}}}"]
    lines += [f"\\begin{{tabular}}{{{align}}}", r"\toprule", head, r"\midrule", *body]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if table.caption:
        notes = (f"\\item {_tex(line)}" for line in table.caption)
        lines += [r"\begin{tablenotes}\footnotesize", *notes, r"\end{tablenotes}"]
    return "\n".join([*lines, r"\end{threeparttable}", r"\end{table}", ""])


def comma_separated(table: Table) -> str:
    """CSV: of a value its mean, bounds, n, k, seeds, kind of interval, p and mark; blank where missing.

    The last two columns say of each row where it is from (measured, imported or published) and which table
    it is of, as a file has no caption. A table of words has only its words.
    """
    values = _values(table)
    rare = {
        " p": any(value.p is not None for value in values),
        " std": any(value.std is not None for value in values),
        " seeds": any(value.seeds for value in values),
        " paired": any(value.paired is not None for value in values),
    }
    fields = [field for field in FIELDS if rare.get(field, True)] if values else [""]
    rows = [[table.labels or "row", *(column + field for column in table.columns for field in fields)]]
    rows += [
        [label, *(text for cell in cells for text in _fields(cell, fields))] for label, cells in table.rows
    ]
    if values:
        ends = [("origin", "table"), *((origin, table.title) for origin in origins(table))]
        rows = [[*row, *end] for row, end in zip(rows, ends, strict=True)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*map(in_csv, row)] for row in rows)
    return text.getvalue()


def _fields(cell: Entry, fields: Sequence[str]) -> list[str]:
    if not isinstance(cell, Value):
        return [cell or "", *[""] * (len(fields) - 1)]
    numbers = {"": cell.mean, " low": cell.low, " high": cell.high, " p": cell.p, " std": cell.std}
    texts = {field: "" if number is None else f"{number:.4f}" for field, number in numbers.items()}
    texts |= {" n": str(cell.n or ""), " k": str(cell.k or ""), " interval": cell.kind, " mark": cell.mark}
    texts |= {" seeds": cell.seeds, " paired": "" if cell.paired is None else str(cell.paired).lower()}
    return [texts[field] for field in fields]


def as_json(tables: Sequence[Table]) -> str:
    """JSON with the captions, a list of tables."""
    plain = [
        {"title": table.title, "rows": [*_plain_rows(table)], "caption": table.caption} for table in tables
    ]
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def _plain_rows(table: Table) -> Iterator[dict[str, Any]]:
    for (label, cells), origin in zip(table.rows, origins(table), strict=True):
        source = {"origin": origin} if _values(table) else {}
        plain = (asdict(cell) if isinstance(cell, Value) else cell for cell in cells)
        yield {table.labels or "row": label, **source, **dict(zip(table.columns, plain, strict=True))}


def html(table: Table) -> str:
    """A table element that needs nothing around it; hovering over a value says how it was made."""

    def shown(cell: Entry) -> str:
        estimate, rest, flags, strong = parts(cell)
        text = f"<strong>{inert(estimate)}</strong>" if strong else inert(estimate)
        text += (f" <small>{inert(rest)}</small>" if rest else "") + (f" {flags}" if flags else "")
        return f"<td{_hover(cell)}>{text}</td>"

    heads = (
        f'<th scope="col">{inert(text)}</th>' if text else "<th></th>"
        for text in (table.labels, *table.columns)
    )
    lines = [
        "<table>",
        f"<caption>{inert(table.title)}</caption>",
        "<thead><tr>",
        *heads,
        "</tr></thead><tbody>",
    ]
    lines += [
        f'<tr><th scope="row">{inert(label)}</th>{"".join(map(shown, cells))}</tr>'
        for label, cells in table.rows
    ]
    lines.append(f'</tbody><tfoot><tr><td colspan="{len(table.columns) + 1}">')
    return "\n".join(
        [*lines, *(f"<p>{inert(line)}</p>" for line in table.caption), "</td></tr></tfoot></table>", ""]
    )


def inert(text: str) -> str:
    """A text that is no HTML."""
    return escape(one_line(text))


def _hover(cell: Entry) -> str:
    if not isinstance(cell, Value):
        return ""
    words = [cell.mark, cell.kind, f"n {cell.n}, k {cell.k}" if cell.n else ""]
    words += [f"seeds {cell.seeds}" if cell.seeds else "", "unpaired" if cell.paired is False else ""]
    return f' title="{inert("; ".join(filter(None, words)))}"'


WRITERS: dict[str, Callable[[Table], str]] = {
    "md": markdown,
    "csv": comma_separated,
    "tex": latex,
    "html": html,
}
FORMATS = ("md", "csv", "tex", "json", "html")


def together(tables: Sequence[Table], kind: str) -> str:
    """Several tables as one text: JSON as a list, the others one after the other."""
    return as_json(tables) if kind == "json" else "\n".join(map(WRITERS[kind], tables))


def write(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Writes each table as Markdown, CSV, LaTeX and HTML, under its name."""
    paths = []
    for table in tables:
        for suffix, writer in WRITERS.items():
            paths.append(folder / f"{table.name}.{suffix}")
            write_file(paths[-1], writer(table))
    return paths
