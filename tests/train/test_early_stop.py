"""Where a training that is asked to stop ends: at the next step after which no completions are in use."""

import pytest

from openrs.train.collapse import Stop

pytestmark = pytest.mark.torch


@pytest.fixture
def early_stop():
    from openrs.train.early_stop import EarlyStop

    return EarlyStop


def test_a_rules_stop_between_generations_waits_for_the_next_step_that_may_end(early_stop):
    """Completions serve two steps: halving stops at the odd one, and is asked no more."""
    asked = []

    def look(line):
        asked.append(line["step"])
        return Stop("pruned", "too slow") if line["step"] == 3 else None

    metrics, control, state = type("", (), {})(), type("", (), {})(), type("", (), {})()
    control.should_training_stop = False
    watched = early_stop(metrics, look, last=10, iterations=2)
    for number in (1, 2, 3, 4):
        metrics.line, state.global_step = {"step": number}, number
        assert not control.should_training_stop
        watched.on_log(None, state, control, {"reward": 1.0})
    assert control.should_training_stop
    assert watched.stopped == {"step": 4, "kind": "pruned", "reason": "too slow"}
    assert asked == [1, 2, 3]
    assert not watched.interrupted


def test_an_interruption_between_generations_waits_for_the_next_step_that_may_end(early_stop):
    metrics, control, state = type("", (), {})(), type("", (), {})(), type("", (), {})()
    control.should_training_stop, metrics.line = False, {}
    watched = early_stop(metrics, None, last=10, iterations=2, stop_requested=lambda: state.global_step >= 3)
    for state.global_step in (1, 2, 3, 4):
        assert not control.should_training_stop
        watched.on_log(None, state, control, {"reward": 1.0})
    assert control.should_training_stop
    assert control.should_save
    assert (watched.stopped, watched.interrupted) == (None, True)
