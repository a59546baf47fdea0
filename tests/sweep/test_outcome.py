"""What a job's error means for its trial."""

from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from openrs.command import session as command
from openrs.errors import Crashed, Mistake, Unfit
from openrs.sweep.joining import join
from openrs.sweep.outcome import Outcome, read


@pytest.mark.parametrize(
    ("error", "state", "again"),
    [(Mistake, "failed", False), (Crashed, "failed", True), (Unfit, "unfit", True)],
)
def test_a_crash_is_tried_again_and_a_machine_that_cannot_gives_it_back(monkeypatch, error, state, again):
    def load(composed):
        raise error("it is so")

    monkeypatch.setattr(command.compose, "load", load)
    outcome = command.Session().run(OmegaConf.create())
    assert (outcome.state, outcome.again, outcome.reason) == (state, again, "it is so")


def test_an_objective_that_is_no_number_is_a_failure_for_good():
    returned = SimpleNamespace(return_value=Outcome("complete", values=(1.0, float("nan"))))
    outcome = read(returned, 2)
    assert (outcome.state, outcome.again, outcome.reason) == ("failed", False, "the objectives are 1.0, nan")


def test_a_study_is_joined_with_the_options_that_it_was_made_with(tmp_path):
    from openrs.studies.storage import open_storage

    storage = open_storage(None, tmp_path)
    question = {"space": {}, "fixed": {}, "deletions": [], "grid": True, "objectives": ["average"]}
    join(storage, "mine", question | {"made_of": {"scale": "nano", "data": "easy"}}, ["maximize"])
    join(storage, "mine", question | {"made_of": {"scale": "nano"}}, ["maximize"])
    with pytest.raises(ValueError, match="scale=paper: the study mine was made with scale=nano"):
        join(storage, "mine", question | {"made_of": {"scale": "paper"}}, ["maximize"])
