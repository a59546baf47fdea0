"""Markdown, LaTeX, CSV, JSON and HTML hold the same numbers and the same marks."""

import csv
import io
import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from openrs.analysis import commands as cli
from openrs.analysis import formats, run_records
from openrs.analysis.tables import references, table1
from openrs.analysis.tables.table import Table, Value
from openrs.records.files import write_record
from tests.helpers.run_folders import halves, imported_run, make_run


def test_the_formats_hold_the_same_numbers(tmp_path):
    make_run(tmp_path, "exp_1", {10: {"aime24": halves()}})
    table = table1.everything(run_records.load_all(tmp_path))[0]
    parsed = list(csv.reader(io.StringIO(formats.comma_separated(table))))
    assert parsed[0][:4] == ["row", "AIME24", "AIME24 low", "AIME24 high"]
    assert float(parsed[1][1]) == 50.0
    assert json.loads(formats.as_json([table]))[0]["rows"][0]["AIME24"]["mean"] == 50.0
    text = formats.latex(table)
    assert r"exp\_1, step 10" in text
    assert text.count(r"\\") == 2
    page = formats.html(table)
    assert '<th scope="row">exp_1, step 10' in page
    assert 'title="Wilson; n 4, k 1; seeds 1234"' in page
    written = formats.write([table], tmp_path / "tables")
    assert [path.name for path in written] == [f"table1.{kind}" for kind in ("md", "csv", "tex", "html")]
    assert all(path.exists() for path in written)


@pytest.mark.parametrize("kind", formats.FORMATS)
def test_every_format_is_printed_with_a_reference(tmp_path, capsys, monkeypatch, kind):
    make_run(tmp_path, "exp1", {10: {"aime24": halves()}})
    arguments = ["analysis", "table1", str(tmp_path), "--reference", "sober", "--format", kind]
    monkeypatch.setattr("sys.argv", arguments)
    assert cli.main() == 0
    shown, said = capsys.readouterr()
    if kind == "csv":  # one table and one header, and a line on the others
        assert [row["origin"] for row in csv.DictReader(io.StringIO(shown))] == ["measured"]
        assert "Open-RS3" not in shown
        assert said.startswith("not in this CSV, which holds the first table alone: Published")
        assert said.endswith("--format json has all.\n")
        return
    assert said == ""
    assert "Open-RS3" in shown
    assert "69.2" in shown
    if kind == "json":
        assert [table["title"][:9] for table in json.loads(shown)] == ["Table 1: ", "Published"]


def test_every_format_says_which_numbers_were_published_or_imported():
    paper = references.table("paper")
    assert r"\caption{Published, not measured here: the paper's Table 1." in formats.latex(paper)
    rows = list(csv.DictReader(io.StringIO(formats.comma_separated(paper))))
    assert {(row["origin"], row["table"]) for row in rows} == {("published", paper.title)}
    run = imported_run("exp1", {10: {"AMC23": 0.6}})
    base, table = references.base_differences([run], table1.DEFAULT)[0], table1.everything([run])[0]
    assert r"\caption{Differences to the published base row (DeepSeek" in formats.latex(base)
    assert r"\caption{zero-shot pass@1" in formats.latex(table)
    above, below = formats.latex(table).split(r"\begin{tablenotes}")
    assert r"\label{tab:table1}" in above
    assert "95 \\% interval (Wilson)" in below, "the notes stand below the table, not in its caption"
    for shown in (base, table):
        (row,) = csv.DictReader(io.StringIO(formats.comma_separated(shown)))
        assert row["origin"] == "imported"
        assert json.loads(formats.as_json([shown]))[0]["rows"][0]["origin"] == "imported"
    assert row["AMC23 seeds"] == "not stated"


def test_what_a_table_shows_is_inert_in_html(tmp_path):
    folder = make_run(tmp_path, "base", {0: {"aime24": halves()}}, report_step=0)
    record = json.loads((folder / "run.json").read_text())
    record["config"]["model"]["title"] = "<script>alert(1)</script>"
    write_record(folder / "run.json", record)
    page = formats.html(table1.everything(run_records.load_all(tmp_path))[0])
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


class Cells(HTMLParser):
    """Collects the text of a page's cells, and its tags."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)


def test_a_table_of_words_is_html_with_heads_and_inert_text():
    table = Table("Table 2: cost", ("A & B",), (("<script>", ("7k",)), ("hours", ("<b>24</b>",))), ("Note.",))
    cells = Cells()
    cells.feed(formats.html(table))
    assert cells.texts == ["Table 2: cost", "A & B", "<script>", "7k", "hours", "<b>24</b>", "Note."]
    assert cells.tags.count("tr") == 4
    assert cells.tags.count("th") == 4
    assert not {"script", "b"} & set(cells.tags)


HOSTILE = {
    "=HYPERLINK(1)": ("'=HYPERLINK(1)", "=HYPERLINK(1)"),
    "+cmd|' /C calc'!A0": ("'+cmd|' /C calc'!A0", "+cmd\\|' /C calc'!A0"),
    "-2+3": ("'-2+3", "-2+3"),
    "@SUM(A1)": ("'@SUM(A1)", "@SUM(A1)"),
    "-25.0": ("-25.0", "-25.0"),
    "<img src=x>": ("<img src=x>", "&lt;img src=x>"),
    "</table><!-- ": ("</table><!-- ", "&lt;/table>&lt;!-- "),
    "![x](http://a/b)": ("![x](http://a/b)", "![x]\\(http://a/b)"),
    "a\x1b[31mb\x9bc\nd": ("a\\u001b[31mb\\u009bc d", "a\\u001b[31mb\\u009bc d"),
    "p < 0.05": ("p < 0.05", "p < 0.05"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", ["label", "column", "cell"])
def test_names_are_inert_in_every_format(name, place):
    where = {key: name if key == place else "x" for key in ("label", "column", "cell")}
    table = Table("Title", (where["column"],), ((where["label"], (where["cell"],)),), (), labels="row")
    in_csv, in_markdown = HOSTILE[name]
    assert any(in_csv in row for row in csv.reader(io.StringIO(formats.comma_separated(table))))
    assert f" {in_markdown} |" in formats.markdown(table)
    for kind, writer in formats.WRITERS.items():
        text = writer(table)
        assert not {"\x1b", "\x9b"} & set(text), kind
    assert "<img" not in formats.html(table)
    assert "<img" not in formats.markdown(replace(table, title=name, caption=(name,)))


def test_differences_below_zero_stay_numbers():
    table = Table("T", ("A",), (("row", (Value(-25.0, -71.7, 38.3),)),), ())
    assert [*csv.reader(io.StringIO(formats.comma_separated(table)))][1][1:4] == [
        "-25.0000",
        "-71.7000",
        "38.3000",
    ]


def test_a_name_with_an_escape_does_not_reach_the_terminal(tmp_path, monkeypatch, capsys):
    folder = make_run(tmp_path, "exp", {10: {"aime24": halves()}})
    record = json.loads((folder / "run.json").read_text())
    write_record(folder / "run.json", record | {"name": "a\x1b]0;x\x07b"})
    for command in ("table1", "watch"):
        once = ["--once"] if command == "watch" else []
        monkeypatch.setattr("sys.argv", ["analysis", command, str(tmp_path), *once])
        assert cli.main() == 0
        text = capsys.readouterr().out
        assert not {"\x1b", "\x07"} & set(text)
        assert "a\\u001b" in text
