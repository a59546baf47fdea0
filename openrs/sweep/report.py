"""What a sweep says: its plan before, its result after."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from openrs.analysis import formats
from openrs.analysis.run_records import load
from openrs.analysis.tables import sweep_comparison, table1
from openrs.analysis.tables.sweep_comparison import SweepTrial
from openrs.analysis.tables.table import Table
from openrs.errors import Mistake
from openrs.plan import Plan, describe
from openrs.sweep import budget, signal
from openrs.sweep import slots as tasks
from openrs.sweep.budget import spent
from openrs.sweep.objective import TRAINED
from openrs.sweep.selection import selection

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep

FEW = 20
"""Runs up to which the end of a sweep prints every checkpoint in Table 1 too."""


LISTED = 60
"""Points up to which a plan shows each; of a larger grid so many, evenly spaced."""


def plan(sweep: "Sweep") -> bool:
    """Prints what would run and what it would cost; runs nothing. False where a point is no run."""
    from openrs.sweep.estimate import estimate, lines, owed, plans, spaced

    budget.check(sweep.config)
    every = range(sweep.total)
    found = plans(sweep, every if sweep.total <= LISTED else spaced(owed(sweep), LISTED))
    good = [item for item in found.values() if isinstance(item, Plan)]
    for item in found.values():
        if isinstance(item, Mistake):
            print(f"error: {item}", file=sys.stderr)
        elif sweep.points is not None:
            print("\n".join(describe(item)))
    title = f"  sweep     {sweep.name} in {sweep.folder}"
    if sweep.points is None:
        title += "".join(f"\n  space     {key}: {value}" for key, value in sweep.space.distributions.items())
    elif len(found) < sweep.total:
        title += f"\n  points    {len(found)} of {sweep.total} are shown, evenly spaced over what is to do"
    print(title)
    if sweep.study is not None:
        print(f"  so far    {counts(_ended(sweep), sweep.total).removeprefix('sweep: ')}")
    if good or not found:
        made = estimate(sweep, found)
        print("\n".join(lines(made, sweep.total)))
        trials = [] if sweep.study is None else sweep.study.get_trials(deepcopy=False)
        for line in budget.lines(sweep.config, spent(trials), made):
            print(f"  budget    {line}")
    print("nothing was run (dry_run=true)")
    return len(good) == len(found)


def report(sweep: "Sweep") -> bool:
    """Prints and writes the result; False where a slot was left FAILED or the sweep was cut short."""
    trials, ended = sweep.study.get_trials(deepcopy=False), _ended(sweep)
    failed = [trial for trial in ended if trial.state == TrialState.FAIL]
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE]
    _save(sweep, complete)
    if sweep.ours:
        _tables(sweep, ended)
    print(counts(ended, sweep.total), file=sys.stderr)
    if sweep.ours:
        print(f"  took      {_took(trials, sweep.study.user_attrs.get('planned'))}", file=sys.stderr)
    for trial in failed:
        print(f"  trial {trial.number} {trial.params}: {why(trial)}", file=sys.stderr)
    return not failed and len(ended) == sweep.total


def _took(trials: list[FrozenTrial], planned: dict[str, Any] | None) -> str:
    """Hours, money and disk, each against the plan that was made when the study was."""
    used, planned = spent(trials), planned or {}

    def against(name: str, unit: float, digits: int) -> str:
        amount = planned.get(name)
        return "" if amount is None else f" (planned {amount / unit:.{digits}f})"

    told = f"{used['device_hours']:.2f} device hours{against('device_hours', 1, 2)}"
    if used["money"] or planned.get("money") is not None:
        told += f", {used['money']:.2f} dollars{against('money', 1, 2)}"
    told += f", {_disk(trials) / 1e9:.2f} GB of disk{against('disk', 1e9, 2)}"
    if planned.get("unknown"):
        told += f"; the plan left out {planned['unknown']} of unknown time"
    return told


def _disk(trials: list[FrozenTrial]) -> int:
    """Bytes of the checkpoints of these trials' runs, as each was left by its last trial."""
    records = (trial.user_attrs.get(tasks.RECORD, {}) for trial in trials)
    return sum({record["run"]: record["disk"] for record in records if "disk" in record}.values())


def _ended(sweep: "Sweep") -> list[FrozenTrial]:
    """The newest trial of every slot."""
    slots = tasks.slots(sweep.study.get_trials(deepcopy=False))
    return [slot.last for slot in slots.values() if slot.number < sweep.total]


def why(trial: FrozenTrial) -> str:
    """Why a FAILED trial ended, in a line: its error, what stopped it resumably, or a death."""
    told = trial.user_attrs.get(tasks.ERROR) or trial.user_attrs.get(tasks.REASON) or "its process died"
    return str(told).splitlines()[0]


def put_off(trial: FrozenTrial) -> bool:
    """Whether a FAILED trial is to go on later: it was stopped at the budget, or given back by a machine that
    cannot run it."""
    return bool(trial.user_attrs.get(tasks.PUT_BACK))


def counts(ended: list[FrozenTrial], total: int) -> str:
    """How many slots of the study are in which state."""
    stopped = [trial for trial in ended if trial.state == TrialState.FAIL and put_off(trial)]
    states = [trial.state for trial in ended if trial not in stopped]
    repeated = sum(bool(trial.user_attrs.get(tasks.REPEATED)) for trial in ended)
    parts = [
        f"{states.count(state)} {word}"
        for state, word in (
            (TrialState.COMPLETE, "complete"),
            (TrialState.PRUNED, "pruned"),
            (TrialState.FAIL, "failed"),
            (TrialState.RUNNING, "running"),
        )
        if states.count(state) or state == TrialState.COMPLETE
    ]
    if stopped:
        parts.append(f"{len(stopped)} stopped")
    missing = total - len(ended)
    more = f", {missing} to go" if missing else ""
    answered = f" ({repeated} answered from records)" if repeated else ""
    return f"sweep: {total} trials: {', '.join(parts)}{more}{answered}"


def _save(sweep: "Sweep", complete: list[FrozenTrial]) -> None:
    """Writes optimization_results.yaml, as hydra-optuna-sweeper does, and prints the best."""
    if not complete:
        return
    sweep.folder.mkdir(parents=True, exist_ok=True)
    path = sweep.folder / "optimization_results.yaml"
    if len(sweep.directions) == 1:
        best = sweep.study.best_trial
        found: dict[str, Any] = {"name": "optuna", "best_params": best.params, "best_value": best.value}
        told = f"best {sweep.objectives[0]} {best.value:.4g}: {_params(best)}"
    else:
        front = sweep.study.best_trials
        found = {
            "name": "optuna",
            "solutions": [{"params": trial.params, "values": list(trial.values)} for trial in front],
        }
        told = "\n".join(
            [
                f"Pareto set of {', '.join(sweep.objectives)}:",
                *(f"  {', '.join(f'{v:.4g}' for v in t.values)}: {_params(t)}" for t in front),
            ]
        )
    OmegaConf.save(OmegaConf.create(found), path)
    print(told, file=sys.stderr)
    if len(sweep.directions) > 1:
        from openrs.analysis.figures import drawing  # matplotlib

        if drawn := drawing.pareto(sweep.study, sweep.folder):
            print(f"written: {', '.join(map(str, drawn))}", file=sys.stderr)


def _params(trial: FrozenTrial) -> str:
    return ", ".join(f"{key}={value}" for key, value in trial.params.items())


def _tables(sweep: "Sweep", ended: list[FrozenTrial]) -> None:
    """Table 1 of a small sweep's checkpoints, then the comparison."""
    outputs = Path(sweep.config.outputs)
    records_of = [t.user_attrs[tasks.RECORD] for t in ended if t.state == TrialState.COMPLETE]
    folders = list(dict.fromkeys(Path(r[key]) for r in records_of for key in ("base", "folder")))
    if len(folders) <= FEW:
        runs = [run for folder in folders if (run := load(folder)) is not None]
        if any(run.scores for run in runs):
            _publish(table1.everything(runs), outputs)
    pruned_by = selection(signal.read(sweep.options.signal)) if sweep.options.pruner else None
    benchmark = pruned_by.benchmark if pruned_by else ""
    missing = sweep.total - len(ended)
    _publish(comparison(ended, sweep.objectives, sweep.directions, sweep.name, benchmark, missing), outputs)


def _publish(tables: list[Table], outputs: Path) -> None:
    """Writes tables and prints them."""
    if tables:
        paths = formats.write(tables, outputs / "tables")
        print(formats.together(tables, "md"))
        print(f"written: {', '.join(map(str, paths))}", file=sys.stderr)


def comparison(
    trials: Sequence[FrozenTrial],
    objectives: Sequence[str],
    directions: Sequence[str],
    name: str,
    selected_by: str = "",
    missing: int = 0,
) -> list[Table]:
    """The comparison of these trials, each the newest of its slot."""
    points = [compared_point(trial) for trial in trials]
    return sweep_comparison.tables(points, objectives, directions, name, TRAINED, selected_by, missing)


def compared_point(trial: FrozenTrial) -> SweepTrial:
    """What the comparison needs of a trial; one that died at once has only what was enqueued for it."""
    params = trial.params or trial.system_attrs.get("fixed_params", {})
    if trial.state != TrialState.COMPLETE:
        return SweepTrial(params, outcome=_outcome(trial))
    record = trial.user_attrs[tasks.RECORD]
    folder, files = Path(record.get("folder", "")), tuple(map(Path, record.get("scores", [])))
    return SweepTrial(params, tuple(trial.values), "", record["run"], folder, record.get("step", 0), files)


def _outcome(trial: FrozenTrial) -> str:
    """How a trial that is not complete ended."""
    if trial.state == TrialState.PRUNED:
        reason = trial.user_attrs.get(tasks.REASON, "")
        return f"pruned ({reason})" if reason else "pruned"
    return f"failed ({why(trial)})" if trial.state == TrialState.FAIL else "still running"
