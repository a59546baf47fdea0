"""Markdown, LaTeX, CSV, JSON and HTML hold the same numbers and the same marks."""

import csv
import io
import json
from html.parser import HTMLParser

import pytest

from openrs.analysis import commands as cli
from openrs.analysis import formats, run_records
from openrs.analysis.tables import references, table1
from openrs.analysis.tables.table import Table
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
    shown = capsys.readouterr().out
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
