"""What a job's error means for its trial."""

import pytest
from omegaconf import OmegaConf

from openrs import pipeline
from openrs.analysis.card import card
from openrs.errors import Crashed, Mistake, Unfit
from openrs.sweep import question as study


@pytest.mark.parametrize(
    ("error", "state", "again"),
    [(Mistake, "failed", False), (Crashed, "failed", True), (Unfit, "unfit", True)],
)
def test_a_crash_is_tried_again_and_a_machine_that_cannot_gives_it_back(monkeypatch, error, state, again):
    def load(composed):
        raise error("it is so")

    monkeypatch.setattr(pipeline, "load", load)
    outcome = pipeline.Session(card).run(OmegaConf.create())
    assert (outcome.state, outcome.again, outcome.reason) == (state, again, "it is so")


def test_a_study_is_joined_with_the_options_that_it_was_made_with(tmp_path):
    from openrs.studies.storage import open_storage

    storage = open_storage(None, tmp_path)
    question = {"space": {}, "fixed": {}, "deletions": [], "grid": True, "objectives": ["average"]}
    study.join(storage, "mine", question | {"made_of": {"scale": "nano", "data": "easy"}}, ["maximize"])
    study.join(storage, "mine", question | {"made_of": {"scale": "nano"}}, ["maximize"])
    with pytest.raises(ValueError, match="scale=paper: the study mine was made with scale=nano"):
        study.join(storage, "mine", question | {"made_of": {"scale": "paper"}}, ["maximize"])
