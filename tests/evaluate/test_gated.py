"""A gated benchmark beside others: its questions stay out of lighteval's details, theirs are in."""

import pytest

from openrs import engines
from openrs.models import files as model_files
from openrs.plan import resolve
from openrs.records import scores
from tests.helpers.writing_engine import Writing, tokenizer

pytestmark = pytest.mark.slow  # imports lighteval


def test_details_are_kept_of_all_but_the_gated_set(composed, tmp_path, monkeypatch):
    from openrs.evaluate import stage

    config = composed(
        "experiment=base", "evaluation.benchmarks=[aime24,amc23]", "evaluation.max_problems=3",
        "catalog.benchmarks.amc23.gated=true", "evaluation.max_new_tokens=4", f"outputs={tmp_path}",
    )  # fmt: skip
    plan, folder = resolve(config), str(model_files.packaged(config.model))
    engine, loads = Writing(), []
    monkeypatch.setattr(stage, "load_tokenizer", lambda path, revision: tokenizer(folder))
    monkeypatch.setattr(engines, "load", lambda *arguments: loads.append(1) or engine)
    stage.evaluate(config, plan.base, 0, folder, plan.missing(0), plan.problems)
    assert plan.missing(0) == []
    assert (len(loads), len(engine.asked)) == (1, 6)
    assert {score.device for score in scores.read_all(plan.base.folder)} == {"CPU"}
    details = [path.name for path in tmp_path.rglob("details_*.parquet")]
    assert len(details) == 1
    assert details[0].startswith("details_aime24|")
