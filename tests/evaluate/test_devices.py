"""The device of a score: that of the process which generated its completions, whoever scores them."""

import json

import pytest

from openrs import engines
from openrs.engines import Completion
from openrs.evaluate.unfinished import UnfinishedCompletions
from openrs.models import files as model_files
from openrs.plan import resolve
from openrs.records import scores
from tests.helpers.writing_engine import Writing, tokenizer

pytestmark = pytest.mark.slow  # imports lighteval


@pytest.fixture
def evaluate(composed, tmp_path, monkeypatch):
    """Measures three problems on a device; returns the plan and the score."""
    from openrs.evaluate import stage

    config = composed(
        "experiment=base", "evaluation.benchmarks=[aime24]", "evaluation.max_problems=3",
        "evaluation.max_new_tokens=4", f"outputs={tmp_path}",
    )  # fmt: skip
    plan, folder = resolve(config), str(model_files.packaged(config.model))

    def measured(device):
        engine = Writing()
        engine.device_kind = device
        monkeypatch.setattr(stage, "load_tokenizer", lambda path, revision: tokenizer(folder))
        monkeypatch.setattr(engines, "load", lambda *arguments: engine)
        stage.evaluate(config, plan.base, 0, folder, plan.cells(0), plan.problems)
        (score,) = scores.read_all(plan.base.folder)
        return score

    measured.plan = plan
    return measured


@pytest.mark.parametrize("device", ["CPU", "NVIDIA A40", None])
def test_a_score_has_the_engines_device_and_keeps_it_when_scored_anew(evaluate, device):
    assert evaluate(device).device == device
    assert evaluate("NVIDIA H100").device == device


@pytest.mark.parametrize(
    ("earlier", "device"),
    [
        ({"device": "NVIDIA A40"}, "CPU and NVIDIA A40"),
        ({"device": "CPU"}, "CPU"),
        ({"device": None}, None),
        ({}, None),
    ],
)
def test_completions_of_two_devices_are_a_kind_of_their_own(evaluate, earlier, device):
    plan = evaluate.plan
    (address,) = plan.cells(0)
    partial = UnfinishedCompletions(address.partial_path(plan.base.folder))
    partial.append(plan.problems["aime24"][0]["id"], Completion([7] * 4, True), 0.5)
    line = json.loads(partial.path.read_text())
    del line["device"]
    partial.path.write_text(json.dumps(line | earlier) + "\n")
    assert evaluate("CPU").device == device


def test_text_that_is_older_than_the_field_stays_so(evaluate):
    evaluate("CPU")
    plan = evaluate.plan
    (address,) = plan.cells(0)
    path = address.text_path(plan.base.folder)
    text = json.loads(path.read_text())
    assert text.pop("device") == "CPU"
    path.write_text(json.dumps(text))
    assert evaluate("NVIDIA H100").device == ""
