"""The stages of one run in order: train, evaluate. Each reads records and writes records.

Heavy packages are imported in here only when their stage has something to do.
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from openrs import needs
from openrs.config.schema import Config
from openrs.errors import Mistake
from openrs.plan import Plan
from openrs.processes import launch
from openrs.records import ledger, reward_sources, scores, tracker
from openrs.records.resumption import make_way, resumption
from openrs.records.run import Run, has_results, locked
from openrs.records.training import refuse_another_training
from openrs.records.weights import weights_fault
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
    if "evaluate" in config.stages and any(plan.missing(step, run) for run, step in plan.measured):
        needs.require("evaluate", config)
    environment(config)
    if rank := launch.node_rank(config.hardware):
        if "train" in config.stages and plan.must_train:
            _train(plan, card, early)
        say(f"node {rank}: the rest is done on node 0")
        return True
    worked = False
    if "train" in config.stages and plan.mix is not None:
        with locked(plan.run):
            _restore_record(plan, plan.run)
            if early is not None and (reason := early.standing(plan)):
                say(f"{plan.run.folder.name}: stopped before: {reason}")
                return False
            worked = _train(plan, card, early)
    if "evaluate" in config.stages and plan.in_looks and plan.candidates:
        worked |= _evaluate_in_looks(plan)
    elif "evaluate" in config.stages:
        for run in {run.folder: run for run in (plan.base, plan.run)}.values():
            with locked(run):
                _restore_record(plan, run)
                worked |= _evaluate(plan, run)
        if config.tracker.kind != "none":
            _track(plan)
    if config.hub.push and plan.mix is not None:
        from openrs.hub import push

        push.refresh_cards(plan.run, card)
    return worked


def _restore_record(plan: Plan, run: Run) -> None:
    """Writes a run's record anew where it was deleted: without it no table shows the run."""
    if not (run.folder / "run.json").exists() and has_results(run.folder):
        say(f"{run.folder.name}: run.json was deleted, and is written anew without its earlier commands")
        run.log_invocation(asdict(plan.config), plan.data, plan.job)


def stop_rule(plan: Plan, early: Sequence[StopRule]) -> StopRule | None:
    """The run's collapse rules, then what else may stop it, as one rule; None where nothing may."""
    collapsed = collapse.stop_rule(plan.config, plan.run.folder)
    rules = [collapsed, *early] if collapsed else early

    def first(line: dict[str, Any]) -> Stop | None:
        stops = [stop for rule in rules if (stop := rule(line)) is not None]
        return stops[0] if stops else None

    return first if rules else None


def environment(config: Config) -> None:
    """Keeps libraries quiet, and off the network where nothing is to be fetched."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    fetches = config.catalog.kind == "hub" or needs.files.reads_hub(config) or config.hub.push
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
    weights = _weights(plan, run, 0)
    first, repository, reached = launch.node_rank(config.hardware) == 0, None, 0
    if first:
        if config.hub.push:
            from openrs.hub import push

            repository = push.preflight(config, run, card)
        if "train" in config.force:
            forget(run)
        resumed = resumption(run.folder / "train", config.stop_at)
        refuse_another_training(run.folder / "train", config.hardware, resumed.step)
        make_way(run.folder, resumed, config.stop_at)
        reached = resumed.step
        for note in reward_sources.notes(config, run):
            say(note)
        reward_sources.keep(config, run)
        run.log_invocation(asdict(config), plan.data, plan.job)
    with ledger.spending(run.folder, config.hardware, "train") if first else nullcontext():
        say_loading(config, run, "train")
        if launch.in_own_process(config, "train"):
            launch.train(config, run, weights, reached, early.saved if early else None)
        else:
            from openrs.train.trainer import train

            rule = stop_rule(plan, early.rules(plan) if early else [])
            train(config, run, plan.mix, None, rule, repository)
    if first and (stopped := plan.stopped):
        say(f"{run.folder.name}: stopped at step {stopped['step']}: {stopped['reason']}")
    return True


LOADED = {"train": ("trl", "torch and TRL"), "evaluate": ("lighteval", "torch and lighteval")}
"""Stage -> the module that takes longest to import, and what is loaded in words."""


def say_loading(config: Config, run: Run, stage: Literal["train", "evaluate"]) -> None:
    """Says what the silence before a stage's first line is; nothing where all is loaded already."""
    module, words = LOADED[stage]
    if module not in sys.modules or launch.in_own_process(config, stage):
        say(f"{run.folder.name}: loading {words}")


def forget(run: Run) -> None:
    """Moves a run's training and scores aside, never over anything, so that it starts anew."""
    run.set_aside(*(run.folder / name for name in ("train.json", "train", "eval")))


def _refuse_launcher(config: Config) -> None:
    if (started := int(os.environ.get("WORLD_SIZE", "1"))) > 1:
        raise Mistake(
            f"hardware={config.hardware.name}: openrs was started by a launcher (WORLD_SIZE={started}), and "
            "starts its training processes itself. Start it once on each machine, as `openrs ...`."
        )


def _evaluate(plan: Plan, run: Run) -> bool:
    """Measures what is missing of the checkpoints that a run owns; False where nothing was."""
    config, worked = plan.config, False
    steps = [step for step in config.checkpoints if plan.owner(step) == run]
    reached = [step for step in steps if not (plan.stopped and step > plan.trained_to)]
    missing = [step for step in reached if plan.missing(step)]
    weights = {step: _weights(plan, run, step) for step in missing}  # all before the first takes hours
    for step in steps:
        if step not in missing:
            done = "evaluated" if step in reached else "was not reached"
            say(f"{run.folder.name}: step {step} {done}, nothing to evaluate")
            continue
        for part in plan.looks if plan.in_looks else (plan,):
            worked |= _measure(part, run, step, weights[step])
    return worked


def _track(plan: Plan) -> None:
    """Sends the scores of the run's checkpoints, with those of its base model, to the tracker."""
    measured: dict[int, list[scores.Score]] = {step: [] for step in plan.config.checkpoints}
    for step, items in measured.items():
        for cell in plan.cells(step):
            with suppress(Mistake):  # the tables name a damaged score
                score = scores.read(cell.path(plan.owner(step).folder))
                items += [score] if score else []
    with locked(plan.run):
        tracker.log_scores(plan.config, plan.run, measured)


def _measure(plan: Plan, run: Run, step: int, weights: str) -> bool:
    """Measures what is missing of one checkpoint; False where nothing was."""
    config, missing = plan.config, plan.missing(step, run)
    if not missing:
        return False
    if run in (plan.base, plan.run):  # the config is not that of another recipe's run, a reference
        run.log_invocation(asdict(config), plan.data, plan.job)
    with ledger.spending(run.folder, config.hardware, f"evaluate step {step}"):
        say_loading(config, run, "evaluate")
        if launch.in_own_process(config, "evaluate"):
            launch.evaluate(config, run, step, weights, plan.look)
        else:
            from openrs.evaluate.stage import evaluate

            evaluate(config, run, step, weights, missing, plan.problems)
    return True


def _evaluate_in_looks(plan: Plan) -> bool:
    """Measures checkpoints and the reference look by look, until each comparison has ended; False where
    nothing was missing."""
    assert plan.reference is not None
    reached = [step for step in plan.candidates if not (plan.stopped and step > plan.trained_to)]
    places = [plan.reference, *((plan.owner(step), step) for step in reached)]
    weights = {
        (run.folder, step): _weights(plan, run, step) for run, step in places if plan.missing(step, run)
    }
    looked: set[tuple[Path, int, int]] = set()
    worked = False
    for step in plan.candidates:
        run = plan.owner(step)
        if step not in reached:
            say(f"{run.folder.name}: step {step} was not reached, nothing to evaluate")
            continue
        for part in plan.looks:
            measured = False
            for side, at in (plan.reference, (run, step)):
                if (side.folder, at, part.look) in looked:
                    continue  # by the candidate before
                looked.add((side.folder, at, part.look))
                with locked(side):
                    _restore_record(plan, side)
                    measured |= _measure(part, side, at, weights.get((side.folder, at), ""))
            worked |= measured
            if _ends(plan, step, part.look, measured):
                break
    return worked


def _ends(plan: Plan, step: int, look: int, measured: bool) -> bool:
    """Whether a look ends the comparison of a checkpoint, which then gets its record.

    Args:
        measured: whether the look was just taken, which is said; of older ones the last is.
    """
    from openrs.sequential import record

    assert plan.reference is not None
    progress, run, (reference, at) = plan.progress(step, look), plan.owner(step), plan.reference
    comparison = progress.comparison
    assert comparison is not None
    score, bound = comparison.effect / comparison.error, plan.design.boundaries[comparison.look - 1]
    state = f"{comparison.verdict}, nothing further to evaluate" if comparison.verdict else "not decided yet"
    if not (measured or comparison.verdict):
        return False
    say(
        f"{run.folder.name}: step {step} against {reference.folder.name} step {at}, look {comparison.look} "
        f"of {len(plan.looks)}: {100 * comparison.effect:+.1f} points, standard score {score:.2f} of "
        f"{bound:.2f}: {state}"
    )
    if comparison.verdict is None:
        return False
    sizes, tested = {name: len(rows) for name, rows in plan.problems.items()}, plan.config.evaluation.tested
    record.write(run.folder, record.record(progress, plan.design, tested, sizes, reference.folder))
    return True


def _weights(plan: Plan, run: Run, step: int) -> str:
    """Folder or Hub id of a checkpoint's weights, looked at before anything is loaded from them."""
    if step == 0:
        from openrs.models.files import loadable

        model = plan.config.model
        weights = loadable(model, Path(plan.config.outputs) / "models")
        if Path(weights).is_dir() and (fault := weights_fault(Path(weights))):
            raise Mistake(f"model={model.title}: {fault}. Put the file back from a copy, or make it anew.")
        return weights
    record = run.train_record
    saved = {item.step: item.path for item in record.checkpoints} if record else {}
    if step not in saved:
        raise Mistake(
            f"evaluation.checkpoints={step}: {run.folder.name} has no checkpoint of step {step} "
            f"(it has {', '.join(map(str, saved)) or 'none'}). Train it first, with stages=[train] or "
            "all stages."
        )
    folder = run.folder / saved[step]
    if fault := weights_fault(folder):
        raise Mistake(
            f"{fault}. Put it back from a copy, leave step {step} out of evaluation.checkpoints, or train "
            "anew with force=[train], which keeps what there is beside it."
        )
    return str(folder)
