"""A damaged file of outcomes beside sound results costs the outcomes, not the score, and is named."""

import json

import pyarrow
import pyarrow.parquet
import pytest

from tests.helpers.result_files import command, harness, imported, new, put

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def lines(values):
    """A samples file of the harness."""
    rows = (
        {
            "doc": {"question": f"How many is {i}?"}, "arguments": [], "resps": [["é"]], "filter": "none",
            "doc_hash": f"h{i}", "exact_match": value,
        }
        for i, value in enumerate(values)
    )  # fmt: skip
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


WHOLE = lines([1, 0, 0, 1])


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (WHOLE, ""),
        (WHOLE.replace(b"\n", b"\r\n"), ""),
        (WHOLE.replace(b"\n", b"\n \n", 1), "is damaged (line 2 is no JSON)"),
        (WHOLE[:-30], "is damaged (line 4 is no JSON)"),
        (b"\x00\x01" + WHOLE, "is damaged (line 1 is no JSON)"),
        (WHOLE.decode().encode("latin-1"), "is not UTF-8 (line 1)"),
        (lines([1, 0, 1]), "has 3 of 4 problems"),
        (b"", "has 0 of 4 problems"),
        (lines([1, 1, 1, 0]), "has 3 right answers of 4, which is no score of 0.5000"),
        (b'{"exact_match": 1}\n', "not of the documented form (KeyError: 'resps')"),
        (b"[1]\n", "not of the documented form (AttributeError: 'list' object has no attribute 'get')"),
        (b"[" * 100_000, "is damaged (line 1 is no JSON)"),
        (POINTER.encode(), "is a Git-LFS pointer, not the file itself (`git lfs pull` brings that)"),
    ],
)
def test_the_samples_file_of_the_harness(tmp_path, content, note):
    put(tmp_path / "in/results_1.json", harness({"exact_match,none": 0.5}, n=4))
    (tmp_path / "in/samples_gsm8k_1.jsonl").write_bytes(content)
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (score,) = run.scores
    assert (score.value, score.n, len(score.ids), report.skipped) == (0.5, 4, 0 if note else 4, [])
    text = f"results_1.json: without outcomes: samples_gsm8k_1.jsonl {note}"
    assert report.notes == ([text] if note else [])


def details(values):
    rows = {
        "doc": [{"query": f"problem {i}"} for i in range(len(values))],
        "metric": [{"extractive_match": float(value)} for value in values],
        "model_response": [{"output_tokens": [[1, 2]]}] * len(values),
    }
    stream = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(rows), stream)
    return stream.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (details([1, 0, 0, 1]), ""),
        (details([1, 0, 0, 1])[:-100], "is not a whole parquet file"),
        (details([1, 1, 0, 1]), "has 3 right answers of 4, which is no score of 0.5000"),
        (POINTER.encode(), "is a Git-LFS pointer"),
    ],
)
def test_the_details_of_lighteval(tmp_path, content, note):
    put(tmp_path / "in/results/m/results_d.json", new({"extractive_match": 0.5}, n=4))
    place = tmp_path / "in/details/m/d/details_aime24|0_d.parquet"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    report, (run,) = imported(tmp_path / "in", tmp_path / "out")
    (score,) = run.scores
    assert (score.value, score.n, len(score.ids), report.skipped) == (0.5, 4, 0 if note else 4, [])
    text = f"results/m/results_d.json: without outcomes: details_aime24|0_d.parquet {note}"
    assert [item.startswith(text) for item in report.notes] == ([True] if note else [])


def test_a_pointer_in_place_of_a_result_file_is_called_that(tmp_path, monkeypatch, capsys):
    put(tmp_path / "in/results/m/results_1.json", POINTER)
    put(tmp_path / "in/results/m/results_2.json", new({"extractive_match": 0.3}))
    arguments = ("import", tmp_path / "in", "--outputs", tmp_path / "out")
    status, shown, _ = command(monkeypatch, capsys, *arguments)
    assert status == 3
    assert "skipped results/m/results_1.json: is a Git-LFS pointer, not the file itself" in shown
