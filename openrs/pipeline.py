"""The stages of a run in order: train, evaluate, collect. Each reads records and writes records.

Heavy packages are imported in here only when their stage has something to do.
"""

import os
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from openrs import needs
from openrs.config.compose import load
from openrs.config.schema import Config
from openrs.errors import Crashed, Mistake, Unfit
from openrs.plan import Plan, describe, describe_cost, resolve
from openrs.processes import launch
from openrs.records import ledger
from openrs.records.checkpoints import whole_checkpoints
from openrs.records.run import Run, locked
from openrs.records.training import refuse_another_training
from openrs.sweep import trial as job
from openrs.sweep.outcome import Outcome
from openrs.terminal import say

if TYPE_CHECKING:
    from openrs.hub.push import Card


class Session:
    """One command: one run, or the runs of a sweep, and the table at its end.

    Args:
        card: makes the card of a pushed checkpoint.
    """

    def __init__(self, card: "Card") -> None:
        self.card = card
        self.plans: list[Plan] = []
        self.told = False
        self.failed = 0

    def run(self, composed: DictConfig) -> Outcome | None:
        """Runs one job. A user's mistake is one line; in a sweep the other jobs go on.

        Returns:
            What a sweep makes of it; the sweep prints its own table.
        """
        try:
            config = load(composed)
            if not self.told and not config.dry_run:
                self.told = True
                say(f"scale {config.scale.name}: {config.scale.reason}")
            plan = resolve(config)
            trial = job.current()
            if trial is not None:
                return job.run(plan, trial, self.card)
            if config.dry_run:
                print("\n".join((*describe(plan), *describe_cost(plan))))
            else:
                stages(plan, None, self.card)
            self.plans.append(plan)
        except Mistake as error:
            self.failed += 1
            say(f"error: {error}")
            if isinstance(error, Unfit):
                return Outcome("unfit", reason=str(error))
            return Outcome("failed", reason=str(error), again=isinstance(error, Crashed))
        return None

    def finish(self) -> int:
        """Prints the table of all runs of this command; returns the exit status."""
        done = [plan for plan in self.plans if "collect" in plan.config.stages]
        if done and not done[0].config.dry_run:
            try:
                collect(done)
            except Mistake as error:
                say(f"error: {error}")
                return 1
        elif self.plans and self.plans[0].config.dry_run:
            print("nothing was run (dry_run=true)")
        return 1 if self.failed else 0


def stages(plan: Plan, study: dict[str, Any] | None, card: "Card") -> bool:
    """Trains and evaluates what is missing.

    Args:
        study: of a sweep's trial, the study whose pruner and budget may end training early; the run is
            then not evaluated past that step.
        card: makes the card of a pushed checkpoint.

    Returns:
        Whether anything was missing once the run was ours: another worker may have just made it.
    """
    config = plan.config
    if "evaluate" in config.stages and any(plan.missing(step) for step in config.checkpoints):
        needs.require("evaluate", config)
    _environment(config)
    if rank := launch.node_rank(config.hardware):
        if "train" in config.stages and plan.must_train:
            _train(plan, study, card)
        say(f"node {rank}: the rest is done on node 0")
        return True
    worked = False
    if "train" in config.stages and plan.mix is not None:
        with locked(plan.run):
            if study is not None and (stopped := job.verdict(plan, study)):
                say(f"{plan.run.folder.name}: stopped before: {stopped['reason']}")
                return False
            worked = _train(plan, study, card)
    if "evaluate" in config.stages:
        for run in {run.folder: run for run in (plan.base, plan.run)}.values():
            with locked(run):
                worked |= _evaluate(plan, run)
    if config.hub.push and plan.mix is not None:
        from openrs.hub import push

        push.refresh_cards(plan.run, card)
    return worked


def _environment(config: Config) -> None:
    """Keeps libraries quiet, and off the network where nothing is to be fetched."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if config.catalog.kind != "hub" and config.model.package is not None and not config.hub.push:
        os.environ["HF_HUB_OFFLINE"] = "1"


def _train(plan: Plan, study: dict[str, Any] | None, card: "Card") -> bool:
    """Trains what is missing; False where nothing was."""
    config, run = plan.config, plan.run
    assert plan.mix is not None
    if not plan.must_train:
        ended = f" ({plan.stopped['reason']})" if plan.stopped else ""
        say(f"{run.folder.name}: trained to step {plan.trained_to}{ended}, nothing to train")
        if config.hub.push:
            from openrs.hub import push

            push.deliver(config, run, card)
        return False
    _refuse_launcher(config)
    needs.require("train", config)
    first, repository = launch.node_rank(config.hardware) == 0, None
    if first:
        if config.hub.push:
            from openrs.hub import push

            repository = push.preflight(config, run, card)
        if "train" in config.force:
            forget(run)
        refuse_another_training(run.folder / "train", config.hardware)
        run.log_invocation(asdict(config), plan.data)
    with ledger.spending(run.folder, config.hardware, "train") if first else nullcontext():
        if launch.in_own_process(config, "train"):
            reached = max(whole_checkpoints(run.folder / "train"), default=0)
            launch.train(config, run, _weights(plan, 0), reached, study)
        else:
            from openrs.sweep.early_stopping import build
            from openrs.train.trainer import train

            train(config, run, plan.mix, None, build(plan, study), repository)
    if first and (stopped := plan.stopped):
        say(f"{run.folder.name}: stopped at step {stopped['step']}: {stopped['reason']}")
    return True


def forget(run: Run) -> None:
    """Moves a run's training and scores aside, never over anything, so that it starts anew."""
    for name in ("train.json", "train", "eval"):
        path = run.folder / name
        if path.exists():
            number = 1
            while (aside := run.folder / f"replaced-{number}" / name).exists():
                number += 1
            aside.parent.mkdir(exist_ok=True)
            path.rename(aside)


def _refuse_launcher(config: Config) -> None:
    if (started := int(os.environ.get("WORLD_SIZE", "1"))) > 1:
        raise Mistake(
            f"hardware={config.hardware.name}: openrs was started by a launcher (WORLD_SIZE={started}), and "
            "starts its training processes itself. Start it once on each machine, as `python -m openrs ...`."
        )


def _evaluate(plan: Plan, run: Run) -> bool:
    """Measures what is missing of the checkpoints that a run owns; False where nothing was."""
    config, worked = plan.config, False
    steps = [step for step in config.checkpoints if plan.owner(step) == run]
    for step in steps:
        if plan.stopped and step > plan.trained_to:
            say(f"{run.folder.name}: step {step} was not reached, nothing to evaluate")
            continue
        cells = plan.missing(step)
        if not cells:
            say(f"{run.folder.name}: step {step} evaluated, nothing to evaluate")
            continue
        weights = _weights(plan, step)
        run.log_invocation(asdict(config), plan.data)
        with ledger.spending(run.folder, config.hardware, f"evaluate step {step}"):
            if launch.in_own_process(config, "evaluate"):
                launch.evaluate(config, run, step, weights)
            else:
                from openrs.evaluate.stage import evaluate

                evaluate(config, run, step, weights, cells, plan.problems)
        worked = True
    return worked


def _weights(plan: Plan, step: int) -> str:
    """Folder or Hub id of a checkpoint's weights."""
    if step == 0:
        from openrs.models import loadable

        return loadable(plan.config.model, Path(plan.config.outputs) / "models")
    record = plan.run.train_record
    saved = {item.step: item.path for item in record.checkpoints} if record else {}
    if step not in saved:
        raise Mistake(
            f"evaluation.checkpoints={step}: {plan.run.folder.name} has no checkpoint of step {step} "
            f"(it has {', '.join(map(str, saved)) or 'none'}). Train it first, with stages=[train] or "
            "all stages."
        )
    return str(plan.run.folder / saved[step])


def collect(plans: list[Plan]) -> None:
    """Writes and prints Table 1 of these runs and their base models."""
    from openrs.analysis import formats
    from openrs.analysis.run_records import load
    from openrs.analysis.tables import table1

    config = plans[0].config
    outputs = Path(config.outputs)
    folders = list(dict.fromkeys(r.folder for plan in plans for r in (plan.base, plan.run)))
    runs = [run for folder in folders if (run := load(folder)) is not None]
    made = table1.everything(runs)
    paths = formats.write(made, outputs / "tables")
    print(formats.together(made, "md"))
    say(f"written: {', '.join(str(path) for path in paths)}")
