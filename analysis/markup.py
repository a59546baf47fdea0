"""What every table is framed with in Markdown, LaTeX and HTML, whatever its cells are."""

from collections.abc import Sequence
from html import escape as inert

SPECIAL = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
           "–": "--", "±": r"$\pm$", "†": r"\textdagger{}", "≈": r"$\approx$"}  # fmt: skip

Rows = Sequence[Sequence[str]]


def markdown(title: str, head: Sequence[str], rows: Rows, caption: Sequence[str]) -> str:
    """GitHub-flavoured Markdown.

    Args:
        head, rows: cells as Markdown.
    """

    def line(cells: Sequence[str]) -> str:
        return "|".join(
            ["", *(f" {cell.replace('|', chr(92) + '|')} " if cell else " " for cell in cells), ""]
        )

    above = [f"**{title}**", "", line(head), f"|{'---|' * len(head)}"]
    return "\n".join([*above, *map(line, rows), "", *caption]) + "\n"


def escaped(text: str) -> str:
    """Text as LaTeX prints it."""
    return "".join(f"\\{c}" if c in "&%$#_{}" else SPECIAL.get(c, c) for c in text)


def latex(align: str, head: Sequence[str], rows: Rows, caption: str) -> str:
    """A booktabs table.

    Args:
        align: the columns, as `lrr`.
        head, rows: cells as LaTeX.
        caption: plain text.
    """
    lines = [
        r"\begin{table}",
        f"\\begin{{tabular}}{{{align}}}",
        r"\toprule",
        f"{' & '.join(head)} \\\\",
        r"\midrule",
        *(f"{' & '.join(cells)} \\\\" for cells in rows),
        r"\bottomrule",
        r"\end{tabular}",
        f"\\caption{{{escaped(caption)}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def html(title: str, head: Sequence[str], rows: Sequence[tuple[str, str]], caption: Sequence[str]) -> str:
    """A table element that needs nothing around it.

    Args:
        head: the columns' names, the first "" where rows are named by themselves.
        rows: the name of each row, and its cells as `td` elements.
    """
    lines = ["<table>", f"<caption>{inert(title)}</caption>", "<thead><tr>"]
    lines += [f'<th scope="col">{inert(column)}</th>' if column else "<th></th>" for column in head]
    lines.append("</tr></thead><tbody>")
    lines += [f'<tr><th scope="row">{inert(name)}</th>{cells}</tr>' for name, cells in rows]
    lines.append(f'</tbody><tfoot><tr><td colspan="{len(head)}">')
    lines += [f"<p>{inert(line)}</p>" for line in caption]
    return "\n".join([*lines, "</td></tr></tfoot></table>"]) + "\n"
