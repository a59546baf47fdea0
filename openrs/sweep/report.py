"""What a sweep says: its plan before, its result after."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from openrs.errors import Mistake
from openrs.plan import Plan, describe
from openrs.studies.spending import spent
from openrs.studies.trials import RECORD, counts, described, newest, why
from openrs.sweep import budget, signal
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
    trials = [] if sweep.study is None else sweep.study.get_trials(deepcopy=False)
    if sweep.study is not None:
        print(f"  so far    {counts(newest(trials, sweep.total), sweep.total)}")
    if good or not found:
        made = estimate(sweep, found)
        print("\n".join(lines(made, sweep.total)))
        for line in budget.lines(sweep.config, spent(trials), made):
            print(f"  budget    {line}")
    print("nothing was run (dry_run=true)")
    return len(good) == len(found)


def report(sweep: "Sweep") -> bool:
    """Prints and writes the result; False where a slot was left FAILED or the sweep was cut short."""
    trials = sweep.study.get_trials(deepcopy=False)
    ended = newest(trials, sweep.total)
    failed = [trial for trial in ended if trial.state == TrialState.FAIL]
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE]
    _save(sweep, complete)
    if sweep.ours:
        _tables(sweep, ended)
    print(f"sweep: {counts(ended, sweep.total)}", file=sys.stderr)
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
    records = (trial.user_attrs.get(RECORD, {}) for trial in trials)
    return sum({record["run"]: record["disk"] for record in records if "disk" in record}.values())


def _save(sweep: "Sweep", complete: list[FrozenTrial]) -> None:
    """Writes optimization_results.yaml, as hydra-optuna-sweeper does, and prints the best."""
    if not complete:
        return
    sweep.folder.mkdir(parents=True, exist_ok=True)
    path = sweep.folder / "optimization_results.yaml"
    if len(sweep.directions) == 1:
        best = sweep.study.best_trial
        found: dict[str, Any] = {"name": "optuna", "best_params": best.params, "best_value": best.value}
        told = f"best {sweep.objectives[0]} {best.value:.4g}: {described(best)}"
    else:
        front = sweep.study.best_trials
        found = {
            "name": "optuna",
            "solutions": [{"params": trial.params, "values": list(trial.values)} for trial in front],
        }
        told = "\n".join(
            [
                f"Pareto set of {', '.join(sweep.objectives)}:",
                *(f"  {', '.join(f'{v:.4g}' for v in t.values)}: {described(t)}" for t in front),
            ]
        )
    OmegaConf.save(OmegaConf.create(found), path)
    print(told, file=sys.stderr)
    if len(sweep.directions) > 1:
        from openrs.analysis.figures import command  # matplotlib

        if drawn := command.pareto(sweep.study, sweep.folder):
            print(f"written: {', '.join(map(str, drawn))}", file=sys.stderr)


def _tables(sweep: "Sweep", ended: list[FrozenTrial]) -> None:
    """Table 1 of a small sweep's checkpoints, then the comparison."""
    from openrs.analysis import formats, records
    from openrs.analysis.tables import table1
    from openrs.sweep import table

    outputs = Path(sweep.config.outputs)
    records_of = [t.user_attrs[RECORD] for t in ended if t.state == TrialState.COMPLETE]
    folders = list(dict.fromkeys(Path(r[key]) for r in records_of for key in ("base", "folder")))
    if len(folders) <= FEW:
        runs = [run for folder in folders if (run := records.load(folder)) is not None]
        if any(run.scores for run in runs):
            made = table1.everything(runs)
            paths = formats.write(made, outputs / "tables")
            print(formats.together(made, "md"))
            print(f"written: {', '.join(map(str, paths))}", file=sys.stderr)
    looked_at = selection(signal.read(sweep.options.signal)) if sweep.options.pruner else None
    compared = table.compare(
        ended, sweep.objectives, sweep.directions, sweep.name,
        chosen_by=looked_at.benchmark if looked_at else "", missing=sweep.total - len(ended),
    )  # fmt: skip
    if compared:
        paths = formats.write(compared, outputs / "tables")
        print(formats.together(compared, "md"))
        print(f"written: {', '.join(map(str, paths))}", file=sys.stderr)
