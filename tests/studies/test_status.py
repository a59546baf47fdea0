"""How a sweep stands, told from its study."""

import subprocess
import sys
from datetime import datetime, timedelta

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from openrs.errors import Mistake
from openrs.paths import ROOT
from openrs.studies import status
from openrs.studies.liveness import WORKER, me
from openrs.studies.reader import TRIAL, named
from openrs.studies.storage import open_storage
from openrs.studies.trials import ERROR, PUT_BACK, REASON, RECORD, SLOT
from openrs.sweep.__main__ import main
from openrs.sweep.run_curves import curves
from tests.helpers.commands import openrs

SPACE = {"seed": optuna.distributions.CategoricalDistribution([0, 1, 2, 3, 4])}


@pytest.fixture
def outputs(tmp_path):
    """A sweep of six trials: two complete, one pruned, one failed, one running, one to come."""
    folder = tmp_path / "sweeps" / "seeds"
    storage = open_storage(None, folder)
    study = optuna.create_study(storage=storage, study_name="seeds-1234", direction="maximize")
    study.set_user_attr("openrs", {"objectives": ["average"]})
    study.set_user_attr("total", 6)
    study.set_user_attr("budget", {"device_hours": 8.0, "money": None})
    for slot in range(5):
        study.enqueue_trial({"seed": slot}, user_attrs={SLOT: slot})
        trial = study.ask(SPACE)
        trial.set_user_attr(RECORD, {"device_hours": 0.5, "money": 1.0})
        if slot == 2:
            study.tell(trial, state=TrialState.PRUNED)
        elif slot == 3:
            trial.set_user_attr(ERROR, "out of memory\nwith a trace")
            study.tell(trial, state=TrialState.FAIL)
        elif slot == 4:
            trial.set_user_attr(WORKER, me())
            curve = curves(storage, "seeds-1234", None).ask()
            curve.set_user_attr(TRIAL, trial.number)
            curve.report(1.75, 30)
        else:
            study.tell(trial, 70.0 + slot)
    return tmp_path


def writable(outputs):
    """The study of the fixture, as a worker has it open."""
    storage = open_storage(None, outputs / "sweeps" / "seeds")
    return optuna.load_study(study_name="seeds-1234", storage=storage)


def shown(outputs):
    """The lines of the fixture's study."""
    (study,) = named("seeds", outputs)
    return list(status.lines(study))


def test_every_state_is_told(outputs):
    told = shown(outputs)
    assert told[0] == "seeds-1234: 6 trials: 2 complete, 1 pruned, 1 failed, 1 running, 1 to go"
    assert "trial 4 seed=4: 0.0 min, step 30, signal 1.75, process" in told[1]
    assert told[2] == "  best      average 70.5: one recipe, mean of 2 runs"
    assert told[3] == "  failed    trial 3 seed=3: out of memory"
    assert told[4] == "  spent     2.50 device hours, 5.00 dollars; budget.device_hours=8, 5.5 left"
    assert told[5].startswith("  left ")
    assert "with 1 worker, " in told[5]


def test_a_trial_that_the_budget_stopped_is_told_as_stopped(outputs):
    study = writable(outputs)
    study.enqueue_trial({"seed": 0}, user_attrs={SLOT: 5})
    trial = study.ask(SPACE)
    trial.set_user_attr(REASON, "budget.device_hours=8 is reached (8 spent)")
    trial.set_user_attr(PUT_BACK, True)
    study.tell(trial, state=TrialState.FAIL)
    told = shown(outputs)
    assert told[0] == "seeds-1234: 6 trials: 2 complete, 1 pruned, 1 failed, 1 running, 1 stopped"
    assert "  stopped   trial 5 seed=0: budget.device_hours=8 is reached (8 spent)" in told


def test_what_is_left_is_reckoned_from_the_trials_that_ended():
    start = datetime(2026, 11, 1)
    done = [
        FrozenTrial(
            number=number, trial_id=number, state=TrialState.COMPLETE, value=1.0, params={}, distributions={},
            datetime_start=start, datetime_complete=start + timedelta(minutes=minutes), system_attrs={},
            user_attrs={RECORD: {"device_hours": minutes / 60, "money": money}}, intermediate_values={},
        )
        for number, (minutes, money) in enumerate([(20, 1.0), (40, 3.0)])
    ]  # fmt: skip
    told = status._left(done, running=[900.0, 9000.0], to_go=3)
    assert told == "  left      52.5 min with 2 workers, 1.75 device-hours, 7.00 dollars"
    for trial in done:
        trial.user_attrs[RECORD]["money"] = None
    assert status._left(done, [], 1) == "  left      30 min with 1 worker, 30 device-minutes"


def test_a_worker_that_died_is_told(outputs):
    study = writable(outputs)
    running = study.get_trials(deepcopy=False)[4]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    optuna.Trial(study, running._trial_id).set_user_attr(WORKER, me() | {"pid": gone.pid})
    told = shown(outputs)
    assert "which is dead: the next worker takes the trial up" in told[1]


def test_a_study_with_a_name_of_its_own_is_found_by_it_and_by_its_folder(outputs):
    storage = open_storage(None, outputs / "sweeps" / "steps")
    study = optuna.create_study(storage=storage, study_name="mine", direction="maximize")
    study.set_user_attr("openrs", {"objectives": ["average"]})
    for name in ("mine", "steps"):
        (found,) = named(name, outputs, None)
        assert found.name == "mine"
    url = f"sqlite:///{outputs}/sweeps/steps/study.db"
    assert [one.name for one in named("mine", outputs, url)] == ["mine"]
    with pytest.raises(Mistake, match="the storage has no study whose name starts so"):
        named("steps", outputs, url)


def test_an_unknown_sweep_is_one_error_that_lists_those_there(outputs):
    with pytest.raises(Mistake, match=r"no sweep and no study of this name.*there: seeds"):
        named("sedes", outputs, None)


def test_an_overview_has_every_sweep_and_an_unreadable_one_in_a_line(outputs):
    broken = outputs / "sweeps" / "broken" / "study.db"
    broken.parent.mkdir()
    broken.write_text("this is no database " * 100)
    lines = status.overview(outputs)
    assert lines[0].startswith("broken: cannot be read (")
    assert lines[1].startswith("seeds-1234: 6 trials: 2 complete")
    assert status.overview(outputs, name="seeds")[0].startswith("seeds-1234: 6 trials")
    assert "no sweep and no study of this name" in status.overview(outputs, name="sedes")[0]


def test_without_a_name_the_command_lists_the_sweeps(outputs, tmp_path, capsys):
    assert main(["--outputs", str(outputs)]) == 0
    assert capsys.readouterr().out.startswith("seeds-1234: 6 trials: 2 complete")
    assert main(["--outputs", str(tmp_path / "none")]) == 1
    assert f"{tmp_path}/none/sweeps: holds no sweep. " in capsys.readouterr().err


@pytest.mark.slow  # a process
def test_the_command_prints_it(outputs):
    def told(name):
        return openrs("status", name, "--outputs", str(outputs), module="openrs.sweep")

    assert "2 complete, 1 pruned" in told("seeds").stdout
    wrong = told("sedes")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("error: sedes: no sweep and no study")


@pytest.mark.slow  # a process
def test_a_name_that_the_terminal_lacks_or_would_obey_is_spelled_out(tmp_path):
    name = "gr\u00f6\u00dfe \x1b[31mred"
    storage = open_storage(None, tmp_path / "sweeps" / "sizes")
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    study.set_user_attr("openrs", {"objectives": ["average"]})
    where = ("--outputs", str(tmp_path))
    shown_ = openrs("status", "sizes", *where, module="openrs.sweep", PYTHONIOENCODING="ascii")
    assert (shown_.returncode, shown_.stderr) == (0, "")
    assert shown_.stdout.startswith("gr??e \\u001b[31mred: 0 trials")
    wrong = openrs("status", name, *where, "--storage", "sqlite:///x\x1b", module="openrs.sweep",
                   PYTHONIOENCODING="ascii")  # fmt: skip
    assert wrong.returncode == 1
    assert "no file lies at x\\u001b. Check the path." in wrong.stderr
    assert not (ROOT / "x\x1b").exists()
    assert "\x1b" not in wrong.stderr
    assert "Traceback" not in wrong.stderr
