"""The stages of one run in order: train, evaluate. Each reads records and writes records.

Heavy packages are imported in here only when their stage has something to do.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrs import needs
from openrs.config.schema import Config
from openrs.errors import Mistake
from openrs.plan import Plan
from openrs.processes import launch
from openrs.records import ledger
from openrs.records.checkpoints import whole_checkpoints
from openrs.records.run import Run, locked
from openrs.records.training import refuse_another_training
from openrs.terminal import say
from openrs.train import collapse
from openrs.train.collapse import Stop, StopRule

if TYPE_CHECKING:
    from openrs.hub.push import Card


@dataclass(frozen=True)
class EarlyStopping:
    """What may end the training of a run, besides the run's own collapse rules."""

    standing: Callable[[Plan], str]
    """Why the run was stopped before and is not to be trained further, or nothing; asked with its lock."""
    rules: Callable[[Plan], list[StopRule]]
    """Makes the rules that are asked at each step."""
    saved: dict[str, Any]
    """What a training process of its own makes the rules from: JSON, for the stage's file."""


def stages(plan: Plan, card: "Card", early: EarlyStopping | None = None) -> bool:
    """Trains and evaluates what is missing.

    Args:
        card: makes the card of a pushed checkpoint.
        early: what may end training early; the run is then not evaluated past that step.

    Returns:
        Whether anything was missing once the run was ours: another worker may have just made it.
    """
    config = plan.config
    if "evaluate" in config.stages and any(plan.missing(step) for step in config.checkpoints):
        needs.require("evaluate", config)
    _environment(config)
    if rank := launch.node_rank(config.hardware):
        if "train" in config.stages and plan.must_train:
            _train(plan, card, early)
        say(f"node {rank}: the rest is done on node 0")
        return True
    worked = False
    if "train" in config.stages and plan.mix is not None:
        with locked(plan.run):
            if early is not None and (reason := early.standing(plan)):
                say(f"{plan.run.folder.name}: stopped before: {reason}")
                return False
            worked = _train(plan, card, early)
    if "evaluate" in config.stages:
        for run in {run.folder: run for run in (plan.base, plan.run)}.values():
            with locked(run):
                worked |= _evaluate(plan, run)
    if config.hub.push and plan.mix is not None:
        from openrs.hub import push

        push.refresh_cards(plan.run, card)
    return worked


def stop_rule(plan: Plan, early: Sequence[StopRule]) -> StopRule | None:
    """The run's collapse rules, then what else may stop it, as one rule; None where nothing may."""
    collapsed = collapse.stop_rule(plan.config, plan.run.folder)
    rules = [collapsed, *early] if collapsed else early

    def first(line: dict[str, Any]) -> Stop | None:
        stops = [stop for rule in rules if (stop := rule(line)) is not None]
        return stops[0] if stops else None

    return first if rules else None


def _environment(config: Config) -> None:
    """Keeps libraries quiet, and off the network where nothing is to be fetched."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    fetches = config.catalog.kind == "hub" or needs.reads_hub(config) or config.hub.push
    if config.model.package is not None and not fetches:
        os.environ["HF_HUB_OFFLINE"] = "1"


def _train(plan: Plan, card: "Card", early: EarlyStopping | None) -> bool:
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
            launch.train(config, run, _weights(plan, 0), reached, early.saved if early else None)
        else:
            from openrs.train.trainer import train

            rule = stop_rule(plan, early.rules(plan) if early else [])
            train(config, run, plan.mix, None, rule, repository)
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
