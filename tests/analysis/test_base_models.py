"""A trained model is compared with the model that it was trained from."""

import pytest

from openrs.analysis import commands
from tests.helpers.run_folders import make_run

BASES = {"small": [1] * 10 + [0] * 30, "large": [1] * 30 + [0] * 10}
"""Model -> its answers before training. Both learn five more."""


def folder_of(outputs, model, steps, name):
    recipe = {"seed": 1, "model": {"id": model, "weights": model[0] * 64}}
    make_run(outputs, name, {step: {"amc23": [right]} for step, right in steps.items()}, recipe)


def after(right):
    return [1] * (sum(right) + 5) + [0] * (35 - sum(right))


@pytest.fixture
def outputs(tmp_path):
    for model, right in BASES.items():
        folder_of(tmp_path, model, {0: right, 10: after(right)}, f"{model}-trained")
    return tmp_path


def differences(text):
    return [line for line in text.splitlines() if line.startswith(("| small-", "| large-")) and "+" in line]


@pytest.mark.parametrize("verb", ["table1", "report"])
def test_each_run_is_beside_its_own_base_model(outputs, tmp_path, verb, capsys):
    words = [str(outputs)] if verb == "table1" else [str(outputs), "-o", str(tmp_path / "page.html")]
    assert commands.main([verb, *words]) == 0
    if verb == "table1":
        shown = differences(capsys.readouterr().out)
        assert len(shown) == 2
        assert all("+12.5" in line for line in shown)
    else:
        page = (tmp_path / "page.html").read_text()
        assert "+12.5" in page
        assert "+62.5" not in page, "the large one against the small base model"


def test_a_run_whose_base_model_was_not_evaluated_is_named(tmp_path, capsys):
    folder_of(tmp_path, "small", {0: BASES["small"], 10: after(BASES["small"])}, "small-trained")
    folder_of(tmp_path, "large", {10: after(BASES["large"])}, "large-trained")
    assert commands.main(["table1", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert len(differences(text)) == 1
    assert "No difference is shown for large-trained, step 10" in text


@pytest.mark.parametrize(("answer", "kind"), [(0, "right"), (1, "wrong")])
def test_a_benchmark_that_tells_nothing_apart_is_named(tmp_path, capsys, answer, kind):
    folder_of(tmp_path, "small", {0: [answer] * 40, 10: [answer] * 40}, "small-trained")
    assert commands.main(["table1", str(tmp_path)]) == 0
    assert f"No row has a {kind} answer on AMC23" in capsys.readouterr().out


def test_the_page_answers_without_a_script(outputs, tmp_path):
    assert commands.main(["report", str(outputs), "-o", str(tmp_path / "page.html")]) == 0
    head = (tmp_path / "page.html").read_text().split("<style>")[0]
    assert "large-trained" in head
    assert "On average beyond noise better than" in head or "Could be noise" in head


def test_what_is_no_share_of_right_answers_is_not_called_so(tmp_path, capsys):
    folder_of(tmp_path, "small", {0: [1, 0] * 20, 10: [1, 0] * 20}, "small-trained")
    assert commands.main(["table1", str(tmp_path), "--metric", "truncated"]) == 0  # none is
    assert "tells nothing apart" not in capsys.readouterr().out
