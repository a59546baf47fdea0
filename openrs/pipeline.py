"""The stages of a run in order: train, evaluate, collect. Each reads records and writes records.

Heavy packages are imported in here only when their stage has something to do.
"""

import os
import sys
from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig

from openrs import collapse
from openrs.collapse import Watch
from openrs.compose import load
from openrs.config import Config
from openrs.mistake import Mistake
from openrs.plan import Plan, describe, resolve
from openrs.run import Run, locked
from openrs.sweep import job
from openrs.sweep.outcome import Outcome


def say(text: str) -> None:
    """Tells the user what happens, on standard error; standard output is for results."""
    print(text, file=sys.stderr, flush=True)


class Session:
    """One command: one run, or the runs of a sweep, and the table at its end."""

    def __init__(self) -> None:
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
                return job.run(plan, trial)
            if config.dry_run:
                print("\n".join(describe(plan)))
            else:
                stages(plan)
            self.plans.append(plan)
        except Mistake as error:
            self.failed += 1
            say(f"error: {error}")
            return Outcome("failed", reason=str(error), again=False)
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


def stages(plan: Plan, watch: Watch | None = None) -> None:
    """Trains and evaluates what is missing.

    Args:
        watch: sees every logged training step and may end training there; the run is then not
            evaluated past that step.
    """
    config = plan.config
    _environment(config)
    if "train" in config.stages and plan.mix is not None:
        with locked(plan.run):
            _train(plan, watch)
    if "evaluate" in config.stages:
        for run in {run.folder: run for run in (plan.base, plan.run)}.values():
            with locked(run):
                _evaluate(plan, run)


def _environment(config: Config) -> None:
    """Keeps libraries quiet, and off the network where nothing is to be fetched."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if config.catalog.kind != "hub" and config.model.package is not None:
        os.environ["HF_HUB_OFFLINE"] = "1"


def _train(plan: Plan, watch: Watch | None) -> None:
    config, run = plan.config, plan.run
    assert plan.mix is not None
    if not plan.must_train:
        collapsed = f" ({plan.stopped['reason']})" if plan.stopped else ""
        say(f"{run.folder.name}: trained to step {plan.trained_to}{collapsed}, nothing to train")
        return
    _fits_machine(config)
    if "train" in config.force:
        forget(run)
    run.log_invocation(asdict(config))
    from openrs.train import train

    train(config, run, plan.mix, watch or collapse.watch(config, run.folder))
    stopped = plan.stopped
    if stopped:
        say(f"{run.folder.name}: stopped at step {stopped['step']}: {stopped['reason']}")


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


def _fits_machine(config: Config) -> None:
    hardware = config.hardware
    if hardware.device == "cuda":
        from openrs.scale import visible_devices

        found = visible_devices()
        enough = [memory for memory in found if memory >= hardware.device_memory_gib]
        if len(enough) < hardware.devices:
            raise Mistake(
                f"hardware={hardware.name}: needs {hardware.devices} NVIDIA devices of "
                f"{hardware.device_memory_gib} GiB, found {len(enough)}. Use another hardware option, or "
                "scale=nano on this machine."
            )
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes != hardware.training_processes:
        raise Mistake(
            f"hardware.training_processes={hardware.training_processes}: training runs in {processes} "
            "process(es), which would take another batch than the recipe says. Give "
            f"hardware.training_processes={processes}."
        )


def _evaluate(plan: Plan, run: Run) -> None:
    config = plan.config
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
        run.log_invocation(asdict(config))
        from openrs.evaluate import evaluate

        evaluate(config, run, step, weights, cells, plan.problems)


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
    from analysis import records, tables

    config = plans[0].config
    outputs = Path(config.outputs)
    folders = list(dict.fromkeys(r.folder for plan in plans for r in (plan.base, plan.run)))
    runs = [run for folder in folders if (run := records.load(folder)) is not None]
    table = tables.table1(runs)
    paths = tables.write(table, outputs / "tables" / "table1")
    print(tables.markdown(table))
    say(f"written: {', '.join(str(path) for path in paths)}")
