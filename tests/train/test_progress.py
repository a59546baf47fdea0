"""What training says while it runs, where nobody watches a terminal."""

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.slow  # imports transformers


def told(monkeypatch, capsys, seconds, steps):
    """Steps whose line was printed, of `steps` that take so many seconds each by a clock of ours."""
    from openrs.train import callbacks

    now = [1000.0]
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    line = callbacks.TrainingProgress("exp3-12345678", steps)
    line.on_train_begin(None, SimpleNamespace(global_step=0), None)
    for step in range(1, steps + 1):
        now[0] += seconds
        logs = {"reward": 1.0, "completions/mean_length": 100.0}
        line.on_log(None, SimpleNamespace(global_step=step), None, logs)
    lines = capsys.readouterr().err.splitlines()[1:]
    return [int(text.split("step ")[1].split("/")[0]) for text in lines]


def test_long_steps_are_told_one_by_one(monkeypatch, capsys):
    assert told(monkeypatch, capsys, seconds=173.0, steps=50) == list(range(1, 51))


def test_short_steps_are_told_a_minute_or_a_tenth_of_the_way_apart(monkeypatch, capsys):
    assert told(monkeypatch, capsys, seconds=0.1, steps=100) == list(range(10, 101, 10))
    assert told(monkeypatch, capsys, seconds=20.0, steps=100)[:4] == [3, 6, 9, 10]


@pytest.mark.parametrize(
    ("earlier", "shown"),
    [([60.0] * 50, ["49.0 min left", "48.0 min left"]), ([], ["length 100", "48.0 min left"])],
)
def test_a_first_step_in_which_much_is_loaded_does_not_set_the_time_left(monkeypatch, capsys, earlier, shown):
    from openrs.train import callbacks

    now = [1000.0]
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    line = callbacks.TrainingProgress("exp3-12345678", 100, earlier)
    now[0] += 500  # weights are loaded, data passed over
    line.on_train_begin(None, SimpleNamespace(global_step=50), None)
    for step, seconds in ((51, 600.0), (52, 60.0)):
        line.on_step_begin(None, None, None)
        now[0] += seconds
        logs = {"reward": 1.0, "completions/mean_length": 100.0}
        line.on_log(None, SimpleNamespace(global_step=step), None, logs)
    assert [text.split("  ")[-1] for text in capsys.readouterr().err.splitlines()[1:]] == shown
