"""What a sweep prints: its plan before, its result after."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial, TrialState

from openrs.analysis import final_tables, planned
from openrs.analysis.tables import sweep_comparison
from openrs.analysis.tables.sweep_comparison import SweepTrial
from openrs.analysis.tables.table import Table
from openrs.cost.rates import Rates
from openrs.errors import DENIED, Mistake
from openrs.plan import Plan, work
from openrs.studies import replicates
from openrs.studies.spending import spent
from openrs.studies.trials import REASON, RECORD, counts, newest, title, why
from openrs.sweep import budget, signal
from openrs.sweep.estimate import estimate, lines
from openrs.sweep.objective import TRAINED
from openrs.sweep.points import Points, spaced
from openrs.sweep.question import Question
from openrs.sweep.slots import Patience, owed_slots
from openrs.sweep.space import spelled
from openrs.terminal import duration, say, show

FEW = 20
"""Runs up to which the end of a sweep prints every checkpoint in Table 1 too."""

LISTED = 60
"""Points up to which a plan shows each; of a larger grid so many, evenly spaced."""


def plan(question: Question, study: optuna.Study | None, patience: Patience, launcher: str) -> bool:
    """Prints what would run and what it would cost; runs nothing. False where a point is no run.

    Args:
        launcher: how it starts the trials, in words; empty where this machine runs them.
    """
    points = question.points
    budget.check(points.config)
    trials = [] if study is None else study.get_trials(deepcopy=False)
    owed = owed_slots(trials, points.total, patience)
    plans = points.plans(range(points.total) if points.total <= LISTED else spaced(owed, LISTED))
    show(f"sweep {question.name} in {question.folder}")
    scale = points.config.scale
    show(f"  scale     {scale.name}: {scale.reason}")
    if launcher:
        show(f"  launcher  {launcher}")
        if question.storage.startswith("sqlite"):
            show("  storage   SQLite, for one machine: jobs on others need hydra.sweeper.storage=URL")
    if points.grid is None:
        for line in points.space.described():
            show(f"  space     {line}")
        if points.seeds:
            show("  seeds     each proposal is run with every one: they are replicates, and not searched")
    first: dict[Any, int] = {}
    for slot, item in plans.items():
        label = "each" if points.grid is None else f"trial {slot}"
        params = {} if points.grid is None else points.params(slot)
        twin = first.setdefault(_measured(item), slot) if points.grid is not None else slot
        same = f"; the same run and scores as trial {twin}" if twin != slot else ""
        show(f"  {label:<9} {_spelled(params)}{_state(item)}{same}")
    runs = [item for item in plans.values() if isinstance(item, Plan)]
    if reason := next((item.unread for item in runs if item.unread), ""):
        show(f"  data      not known here, so the runs have no names yet: {reason}")
    if points.grid is not None and len(plans) < points.total:
        show(f"  points    {len(plans)} of {points.total} are shown, evenly spaced over what is to do")
    if study is not None:
        show(f"  so far    {counts(newest(trials, points.total), points.total)}")
    if runs or not plans:
        planned = estimate(points, owed, plans)
        show("\n".join(lines(planned, points.total)))
        for line in budget.lines(points.config, spent(trials), planned):
            show(f"  budget    {line}")
        for line in _power(points):
            show(f"  power     {line}")
    if wrong := len(plans) - len(runs):
        show(f"  left out  {wrong} trial{'s' * (wrong > 1)} that cannot run: the sums above are without them")
    show("nothing was run (dry_run=true)")
    return not wrong


def _power(points: Points) -> list[str]:
    """What the arms of a grid could show of each other, with the noise of earlier runs or a stated one."""
    arms: dict[str, int] = {}
    for params in (points.grid or [])[: points.total]:
        arm = _spelled({key: value for key, value in params.items() if key != replicates.SEED})
        arms[arm] = arms.get(arm, 0) + 1
    config = points.config
    folders = sorted(path.parent for path in Path(config.outputs).glob("runs/*/run.json"))
    return planned.lines(final_tables.runs_in(folders), arms, config.detect, config.spread)


def _spelled(params: dict[str, Any]) -> str:
    """The overrides of a point; of a sampler's trials none is drawn yet."""
    return (
        " ".join(f"{key}={spelled(value)}" for key, value in params.items())
        or "trial, as the sampler draws it"
    )


def _measured(item: Plan | Mistake) -> Any:
    """Equal for points whose runs, steps and scores are the same."""
    if isinstance(item, Mistake) or item.unread:
        return id(item)
    return item.run.folder, item.config.stop_at, tuple(item.config.checkpoints), str(item.ids)


def _state(item: Plan | Mistake) -> str:
    """What a point's run is and lacks, or why it is none."""
    if isinstance(item, Mistake):
        return f": cannot run: {item}"
    todo = ", ".join(f"{amount} {unit}" for amount, unit, _ in work(item, Rates()).parts)
    name = "" if item.unread else f" {item.run.folder.name}"
    return f":{name} {todo} to go" if todo else f":{name} nothing to do"


def report(question: Question, study: optuna.Study, options: DictConfig) -> bool:
    """Prints and writes the result; False where a slot was left FAILED or the sweep was cut short."""
    trials, total = study.get_trials(deepcopy=False), question.points.total
    last = newest(trials, total)
    if any(trial.state == TrialState.COMPLETE for trial in last):
        try:
            _save_best(question, study)
        except OSError as error:
            if error.errno not in DENIED:
                raise
            say(f"not written: {error.filename} ({error.strerror})")
    if question.typed:
        _tables(question, last, options)
    say(f"sweep: {counts(last, total)}")
    if question.typed:
        say(f"  took      {_took(trials, study.user_attrs.get('planned'))}")
    failed = [trial for trial in last if trial.state == TrialState.FAIL]
    for trial in failed:
        say(f"  {title(trial)} {trial.params}: {why(trial)}")
    return not failed and len(last) == total


def _took(trials: list[FrozenTrial], planned: dict[str, Any] | None) -> str:
    """Hours, money and disk, each against the plan that was made when the study was."""
    used, planned = spent(trials), planned or {}

    def against(name: str, form: Callable[[float], str]) -> str:
        amount, untimed = planned.get(name), bool(planned.get("unknown")) and name != "disk"
        if untimed and not amount:
            return " (planned: not known)"
        return "" if amount is None else f" (planned {form(amount)})"

    def hours(number: float) -> str:
        return duration(3600 * number, of_devices=True)

    text = f"{hours(used['device_hours'])}{against('device_hours', hours)}"
    if used["money"] or planned.get("money") is not None:
        text += f", {used['money']:.2f} dollars{against('money', '{:.2f}'.format)}"
    text += f", {_disk(trials) / 1e9:.2f} GB of disk{against('disk', lambda size: f'{size / 1e9:.2f}')}"
    if planned.get("unknown"):
        text += f"; the plan left out {planned['unknown']} of unknown time"
    return text


def _disk(trials: list[FrozenTrial]) -> int:
    """Bytes of the checkpoints of these trials' runs, as each was left by its last trial."""
    records = (trial.user_attrs.get(RECORD, {}) for trial in trials)
    return sum({record["run"]: record["disk"] for record in records if "disk" in record}.values())


def _save_best(question: Question, study: optuna.Study) -> None:
    """Prints the best and writes optimization_results.yaml, as hydra-optuna-sweeper does; of several
    objectives the Pareto set, with its figure. Runs that differ in their seed alone count as their mean."""
    path, points = question.folder / "optimization_results.yaml", replicates.points(study)
    if not points.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        say("best: none, as every point was stopped before all of its seeds had ended")
        return
    if len(question.directions) == 1:
        best = points.best_trial
        say(f"best {question.objectives[0]} {replicates.best(points)}")
        OmegaConf.save({"name": "optuna", "best_params": best.params, "best_value": best.value}, path)
        return
    front = points.best_trials
    solutions = [{"params": trial.params, "values": list(trial.values)} for trial in front]
    say(f"Pareto set of {', '.join(question.objectives)}:")
    for trial in front:
        say(f"  {', '.join(f'{value:.4g}' for value in trial.values)}: {replicates.title(trial)}")
    OmegaConf.save({"name": "optuna", "solutions": solutions}, path)
    from openrs.analysis.figures import drawing  # matplotlib

    if paths := drawing.pareto(points, question.folder):
        say(f"written: {', '.join(map(str, paths))}")


def _tables(question: Question, last: Sequence[FrozenTrial], options: DictConfig) -> None:
    """Table 1 of a small sweep's checkpoints, then the comparison."""
    outputs = Path(question.points.config.outputs)
    records = [trial.user_attrs[RECORD] for trial in last if trial.state == TrialState.COMPLETE]
    folders = list(dict.fromkeys(Path(record[key]) for record in records for key in ("base", "folder")))
    runs = final_tables.runs_in(folders) if len(folders) <= FEW else []
    if any(run.scores or run.sequential for run in runs):
        final_tables.show_table1(final_tables.measured_alike(runs), outputs)
    selection = signal.selection(signal.parse(options.signal)) if options.pruner else None
    benchmark, missing = selection.benchmark if selection else "", question.points.total - len(last)
    compared = comparison(last, question.objectives, question.directions, question.name, benchmark, missing)
    if compared:
        final_tables.show_tables(compared, outputs)


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
    record = trial.user_attrs[RECORD]
    folder, files = Path(record.get("folder", "")), tuple(map(Path, record.get("scores", [])))
    base = Path(record["base"]) if "base" in record else None
    step = record.get("step", 0)
    return SweepTrial(params, tuple(trial.values), "", record["run"], folder, step, files, base)


def _outcome(trial: FrozenTrial) -> str:
    """How a trial that is not complete ended."""
    if trial.state == TrialState.PRUNED:
        reason = trial.user_attrs.get(REASON, "")
        return f"pruned ({reason})" if reason else "pruned"
    return f"failed ({why(trial)})" if trial.state == TrialState.FAIL else "still running"
