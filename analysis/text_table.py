"""A table of words, written as Markdown, CSV, LaTeX, JSON or HTML."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape as inert

SPECIAL = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "–": "--"}


@dataclass(frozen=True)
class TextTable:
    """Columns, rows of as many cells, lines below."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: tuple[str, ...]


def markdown(table: TextTable) -> str:
    """GitHub-flavoured Markdown."""

    def line(cells: tuple[str, ...]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    head = [f"**{table.title}**", "", line(table.columns), f"|{'---|' * len(table.columns)}"]
    return "\n".join([*head, *map(line, table.rows), "", *table.caption]) + "\n"


def comma_separated(table: TextTable) -> str:
    """CSV without the caption."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.columns, *table.rows])
    return text.getvalue()


def latex(table: TextTable) -> str:
    """A booktabs table."""

    def escape(text: str) -> str:
        return "".join(f"\\{c}" if c in "&%$#_{}" else SPECIAL.get(c, c) for c in text)

    def line(cells: tuple[str, ...]) -> str:
        return " & ".join(map(escape, cells)) + r" \\"

    return "\n".join(
        [
            r"\begin{table}",
            f"\\begin{{tabular}}{{{'l' * len(table.columns)}}}",
            r"\toprule",
            line(table.columns),
            r"\midrule",
            *map(line, table.rows),
            r"\bottomrule",
            r"\end{tabular}",
            f"\\caption{{{escape(' '.join((f'{table.title}.', *table.caption)))}}}",
            r"\end{table}",
            "",
        ]
    )


def as_json(table: TextTable) -> str:
    """JSON with the caption."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    content = {"title": table.title, "rows": rows, "caption": table.caption}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def html(table: TextTable) -> str:
    """A table element that needs nothing around it; the first cell of a row is its head."""
    lines = ["<table>", f"<caption>{inert(table.title)}</caption>", "<thead><tr>"]
    lines += [f'<th scope="col">{inert(column)}</th>' for column in table.columns]
    lines.append("</tr></thead><tbody>")
    for first, *others in table.rows:
        cells = "".join(f"<td>{inert(cell)}</td>" for cell in others)
        lines.append(f'<tr><th scope="row">{inert(first)}</th>{cells}</tr>')
    lines.append(f'</tbody><tfoot><tr><td colspan="{len(table.columns)}">')
    lines += [f"<p>{inert(line)}</p>" for line in table.caption]
    return "\n".join([*lines, "</td></tr></tfoot></table>"]) + "\n"


FORMATS: dict[str, Callable[[TextTable], str]] = {
    "md": markdown,
    "csv": comma_separated,
    "tex": latex,
    "json": as_json,
    "html": html,
}
