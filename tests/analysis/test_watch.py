"""The live view: what a frame shows, of which runs, and that an empty folder is no error."""

import io
import json
import os

import optuna
from rich.console import Console

from openrs.analysis import commands as cli
from openrs.analysis import watch
from tests.helpers.run_folders import make_run


def text(outputs, width=200):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(watch.frame(outputs))
    return console.export_text()


def test_a_curve_by_hand():
    assert watch.sparkline([0, 7]) == "▁█"
    assert watch.sparkline([1, 3, 5, 7], width=2) == "▁█"  # means 2 and 6
    assert watch.sparkline([0, 3.5, 7]) == "▁▅█"
    assert watch.sparkline([5, 5, 5]) == "▁▁▁"


def test_a_folder_without_runs_says_so(tmp_path):
    assert "No run has started yet" in text(tmp_path)


def test_a_frame_has_scores_curves_and_trials(tmp_path):
    make_run(tmp_path, "base", {0: {"aime24": [[1, 0] * 15]}}, report_step=0)
    folder = make_run(tmp_path, "exp1", {10: {"aime24": [[1] * 30]}})
    (folder / "train").mkdir()
    logged = [{"step": step, "reward": step / 10} for step in (1, 2, 3)]
    (folder / "train" / "metrics.jsonl").write_text("\n".join(map(json.dumps, logged)) + '\n{"torn')
    storage = tmp_path / "sweeps" / "lr" / "study.db"
    storage.parent.mkdir(parents=True)
    study = optuna.create_study(storage=f"sqlite:///{storage}", study_name="lr-1")
    study.tell(study.ask(), 1.0)
    study.ask()
    shown = text(tmp_path)
    assert "the base" in shown
    assert "100.0 [88.6, 100.0]" in shown
    assert "▁▅█" in shown
    assert "0.1 to 0.3" in shown
    assert "lr-1: 2 trials: 1 complete, 1 running" in shown


def test_names_are_readable_in_a_narrow_terminal(tmp_path):
    everything = {name: [[1, 0] * 15] for name in ("aime24", "math_500", "amc23", "minerva", "olympiadbench")}
    make_run(tmp_path, "exp1_of_size", {10: everything}, prefix="nano-")
    shown = text(tmp_path, width=80)
    assert "exp1_of_size" in shown
    assert [shown.count(part) for part in ("50.0", "66.8]", "Avg.")] == [6, 5, 1]


def test_only_the_runs_that_wrote_last_are_shown(tmp_path):
    make_run(tmp_path, "base", {0: {"aime24": [[1, 0] * 15]}}, report_step=0)
    for number in range(watch.RUNS + 2):
        folder = make_run(tmp_path, f"r{number:02}x", {10: {"aime24": [[1, 0] * 15]}})
        for place in (folder / "run.json", *folder.glob("eval/*")):
            os.utime(place, (1000 + number, 1000 + number))
    shown = text(tmp_path)
    assert "r01x" not in shown
    assert "r02x" in shown
    assert "the base" in shown
    assert f"the {watch.RUNS} of {watch.RUNS + 2} trained runs that wrote last" in shown


def test_one_look_by_command(tmp_path, capsys, monkeypatch):
    make_run(tmp_path, "exp1", {10: {"aime24": [[1] * 30]}})
    monkeypatch.setattr("sys.argv", ["analysis", "watch", str(tmp_path), "--once"])
    assert cli.main() == 0
    assert "exp1, step 10" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["analysis", "watch", str(tmp_path), "--every", "0"])
    assert cli.main() == 1


def test_ctrl_c_ends_it_quietly(tmp_path, monkeypatch):
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", sleep)
    watch.watch(tmp_path, every=3.0)
    assert len(looks) == 2
    assert min(looks) >= 3
