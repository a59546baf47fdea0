"""How sweeps stand, in lines for a person, read from their studies."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from openrs.errors import Mistake
from openrs.studies import reader, replicates
from openrs.studies.liveness import WORKER, dead
from openrs.studies.reader import QUESTION, TRIAL, SweepStudy
from openrs.studies.spending import spent
from openrs.studies.trials import FROZEN, RECORD, REPEATED, counts, described, newest, put_back, title, why
from openrs.terminal import duration


def overview(outputs: Path, storage: str | None = None, name: str = "") -> list[str]:
    """The lines of every sweep, or of those of one name, for a live view; an unreadable study is one line.

    Args:
        outputs: where runs and sweeps are.
        storage: the URL of sweeps that are kept in no file under outputs/sweeps/.
        name: a sweep file's name, a folder under outputs/sweeps/, or how a study's name starts; "" for all.
    """
    try:
        studies = reader.named(name, outputs, storage) if name else reader.every(outputs, storage)
    except Mistake as error:
        return [str(error)]
    return [line for study in studies for line in lines(study)]


def lines(sweep: SweepStudy) -> Iterator[str]:
    """One study: counts, trials in flight, the best, failures, time and money."""
    if sweep.study is None:
        yield f"{sweep.name}: cannot be read ({sweep.error})"
        return
    study, trials = sweep.study, sweep.study.get_trials(deepcopy=False)
    ours = QUESTION in study.user_attrs
    total = study.user_attrs.get("total", 0) if ours else len(trials)
    last = newest(trials, total) if ours else trials
    yield f"{study.study_name}: {counts(last, total)}"
    signals = _signals(sweep.curves)
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            yield _running(trial, signals)
    yield from _best(study)
    for trial in last:
        if trial.state == TrialState.FAIL:
            word = "stopped" if put_back(trial) else "failed "
            yield f"  {word}   {title(trial)} {described(trial)}: {why(trial)}"
    if ours:
        yield from _costs(study, trials, last, total)


def _best(study: optuna.Study) -> Iterator[str]:
    """The best point, or with several objectives the Pareto set."""
    names, points = reader.objectives(study), replicates.points(study)
    if not points.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        return
    if len(names) == 1:
        yield f"  best      {names[0]} {replicates.best(points)}"
        return
    for trial in points.best_trials:
        values = ", ".join(f"{name} {value:.4g}" for name, value in zip(names, trial.values, strict=True))
        yield f"  best      {values}: {replicates.title(trial)}"


def _signals(curves: optuna.Study | None) -> dict[int, tuple[int, float]]:
    """Trial -> step and signal of its run's curve, where the sweep prunes."""
    return {
        curve.user_attrs[TRIAL]: (curve.last_step, curve.intermediate_values[curve.last_step])
        for curve in (curves.get_trials(deepcopy=False) if curves else [])
        if TRIAL in curve.user_attrs and curve.last_step is not None
    }


def _running(trial: FrozenTrial, signals: dict[int, tuple[int, float]]) -> str:
    worker = trial.user_attrs.get(WORKER)
    since = f"{_elapsed(trial) / 60:.1f} min" if trial.datetime_start else "not started"
    where = "no worker yet" if worker is None else f"process {worker['pid']} on {worker['host'].split()[0]}"
    gone = ", which is dead: the next worker takes the trial up" if worker and dead(worker) else ""
    signal = signals.get(trial.number)
    at = f", step {signal[0]}, signal {signal[1]:.4g}" if signal else ""
    return f"  running   {title(trial)} {described(trial)}: {since}{at}, {where}{gone}"


def _elapsed(trial: FrozenTrial) -> float:
    """Seconds from a trial's start to its end, or to now."""
    assert trial.datetime_start is not None
    return ((trial.datetime_complete or datetime.now()) - trial.datetime_start).total_seconds()


def _costs(
    study: optuna.Study, trials: Sequence[FrozenTrial], last: Sequence[FrozenTrial], total: int
) -> Iterator[str]:
    used = spent(trials)
    text = f"  spent     {used['device_hours']:.2f} device hours"
    if used["money"]:
        text += f", {used['money']:.2f} dollars"
    for name, limit in (study.user_attrs.get("budget") or {}).items():
        if limit is not None:
            text += f"; budget.{name}={limit:g}, {max(0.0, limit - used[name]):.3g} left"
    yield text
    ended = [trial for trial in last if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    trained = [trial for trial in ended if not {REPEATED, FROZEN} & trial.user_attrs.keys()]
    running = [_elapsed(t) for t in last if t.state == TrialState.RUNNING and t.datetime_start]
    if trained and (running or total > len(last)):
        yield _left(trained, running, total - len(last))


def _left(trained: Sequence[FrozenTrial], running: Sequence[float], to_go: int) -> str:
    """Time, device-hours and dollars that are left, if trials go on as those that ended.

    Args:
        trained: trials that ended with a run of their own.
        running: seconds for which each running trial has run.
        to_go: trials that are yet to start.
    """
    each = sum(map(_elapsed, trained)) / len(trained)
    seconds = to_go * each + sum(max(0.0, each - elapsed) for elapsed in running)
    workers = max(1, len(running))
    text = f"  left      {duration(seconds / workers)} with {workers} worker{'s' * (workers > 1)}"
    trials = seconds / each if each else float(to_go)
    for name in ("device_hours", "money"):
        costs = [trial.user_attrs.get(RECORD, {}).get(name) for trial in trained]
        stated = [cost for cost in costs if cost is not None]
        if stated:
            amount = trials * sum(stated) / len(stated)
            hours = name == "device_hours"
            text += f", {duration(3600 * amount, of_devices=True) if hours else f'{amount:.2f} dollars'}"
    return text
