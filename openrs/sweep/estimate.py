"""What a sweep would cost: trials, steps, evaluations, hours, money and disk, before any of it is spent.

Times come from this machine's own past runs of the same model on the same hardware where there are
any, else from published figures; the plan says which.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from openrs import scores
from openrs.checkpoints import logged
from openrs.config import Config
from openrs.mistake import Mistake
from openrs.plan import Plan, resolve
from openrs.run import read_record

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep

PUBLISHED = {
    "paper": (24 * 3600 / 500, 2.2 * 3600 / 1517, "arXiv 2503.16219 (24 h for 500 steps; 2.2 h a model)"),
    "nano": (1.8, 0.03, "the README's run on 2 CPU cores"),
}
"""Scale -> seconds a step, seconds a problem, source. The paper's evaluation has 1,517 problems."""

BYTES_PER_WEIGHT = 4
WEIGHTS = {"deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": 1.777e9}
"""Number of parameters, where no checkpoint of the model is here to be measured."""


@dataclass(frozen=True)
class Rates:
    """How fast this machine is with a model."""

    step_seconds: float
    problem_seconds: float
    checkpoint_bytes: float | None
    source: str


@dataclass(frozen=True)
class Todo:
    """What one run still needs."""

    name: str
    run: str
    steps: int
    problems: int
    """Problems to answer, over benchmarks and sampling seeds."""
    checkpoints: int


@dataclass(frozen=True)
class Estimate:
    """The whole of a sweep."""

    todo: tuple[Todo, ...]
    total: int
    device_hours: float
    money: float | None
    disk_gb: float | None
    source: str


def todo(plan: Plan, counted: set[str]) -> Todo:
    """What a plan still needs; the base model's share is counted once.

    Args:
        plan: a run, resolved.
        counted: runs whose cells are counted already; added to.
    """
    config = plan.config
    steps = config.stop_at - plan.trained_to if plan.must_train and "train" in config.stages else 0
    problems = 0
    if "evaluate" in config.stages:
        for step in config.checkpoints:
            owner = f"{plan.owner(step).id} {step}"
            if owner not in counted:
                problems += sum(len(plan.problems[cell.benchmark]) for cell in plan.missing(step))
                counted.add(owner)
    saves = len({*range(0, config.stop_at + 1, config.steps.save_every), config.stop_at} - {0})
    done = len(plan.run.train_record.checkpoints) if plan.run.train_record else 0
    return Todo(config.name, plan.run.id, steps, problems, max(0, saves - done) if steps else 0)


def rates(config: Config) -> Rates:
    """Median seconds of past steps and problems, and the size of a checkpoint."""
    steps: list[float] = []
    problems: list[float] = []
    sizes: list[int] = []
    completions = config.algorithm.prompts_per_step * config.algorithm.group_size
    for folder in sorted(Path(config.outputs).glob("runs/*-*"))[-50:]:
        record = read_record(folder / "run.json")
        past = record["config"] if record else {}
        if (
            not past
            or past["model"]["id"] != config.model.id
            or past["hardware"]["name"] != config.hardware.name
        ):
            continue
        share = completions / (past["algorithm"]["prompts_per_step"] * past["algorithm"]["group_size"])
        lines = logged(folder / "train" / "metrics.jsonl")
        steps += [share * line["step_seconds"] for line in lines]
        limit = config.evaluation.max_new_tokens
        problems += [
            score.seconds / score.n
            for score in scores.read_all(folder)
            if score.settings.get("max_new_tokens") == limit
        ]
        weights = folder.glob("train/checkpoint-*/*.safetensors")
        sizes += [path.stat().st_size for path in weights]
    published = PUBLISHED[config.scale.name]
    known = WEIGHTS.get(config.model.id)
    size = statistics.median(sizes) if sizes else known * BYTES_PER_WEIGHT if known else None
    told = []
    if steps or problems:
        told.append(f"this machine's past runs ({len(steps)} steps, {len(problems)} scores)")
    if not steps or not problems:
        told.append(published[2])
    return Rates(
        statistics.median(steps) if steps else published[0],
        statistics.median(problems) if problems else published[1],
        size,
        " and ".join(told),
    )


def compose(sweep: "Sweep", params: dict[str, Any]) -> DictConfig:
    """The job config of one point, as Hydra composes it."""
    overrides = list(sweep.space.overrides(params))
    composed = sweep.context.config_loader.load_sweep_config(sweep.config, overrides)
    with read_write(composed), open_dict(composed):
        del composed["hydra"]
    return composed


def plans(sweep: "Sweep", at_most: int | None = None) -> Iterator[Plan | Mistake]:
    """The run of every grid point in order; of a sampler's space, that of the common settings.

    Args:
        sweep: the sweep.
        at_most: take only about so many points, evenly spaced.
    """
    points = (sweep.points or [{}])[: sweep.total]
    for params in points[:: max(1, len(points) // at_most) if at_most else 1]:
        try:
            config = OmegaConf.to_object(compose(sweep, params))
            assert isinstance(config, Config)
            yield resolve(config)
        except Mistake as error:
            yield error


def estimate(sweep: "Sweep", found: list[Plan] | None = None) -> Estimate:
    """Adds up what the trials that are not done still need.

    Args:
        sweep: the sweep; of its study only the number of finished trials is asked.
        found: its plans, where they are known already.
    """
    resolved = found if found is not None else [p for p in plans(sweep) if isinstance(p, Plan)]
    if not resolved:
        raise Mistake("sweep: no point of the space is a valid run; dry_run=true says why.")
    counted: set[str] = set()
    items = {item.run: item for item in (todo(plan, counted) for plan in resolved)}
    listed = list(items.values())
    if sweep.points is None:  # the same run again and again; the base model is measured once
        alike = todo(resolved[0], {f"{resolved[0].base.id} 0"})
        to_go = max(0, sweep.total - sweep.finished())
        listed = [*listed, *[alike] * (to_go - 1)] if to_go else []
    config = resolved[0].config
    speed, devices = rates(config), max(1, config.hardware.devices)
    seconds = sum(i.steps * speed.step_seconds + i.problems * speed.problem_seconds for i in listed)
    hours, price = seconds * devices / 3600, config.hardware.price_per_device_hour
    disk = speed.checkpoint_bytes
    # weights of every checkpoint, and Adam's two moments of each run's newest
    saved = sum(i.checkpoints + (2 if i.checkpoints else 0) for i in listed)
    return Estimate(
        tuple(listed),
        sweep.total,
        hours,
        None if price is None else hours * price,
        None if disk is None else disk * saved / 1e9,
        speed.source,
    )


def forecast(sweep: "Sweep") -> float | None:
    """Device hours that a new sweep will take, from a few of its points; None where none is a run."""
    found = [plan for plan in plans(sweep, at_most=6) if isinstance(plan, Plan)]
    if not found:
        return None
    hours = estimate(sweep, found).device_hours
    return hours if sweep.points is None else hours * sweep.total / len(found)


def lines(made: Estimate) -> Iterator[str]:
    """The estimate for a person."""
    open_runs = [item for item in made.todo if item.steps or item.problems]
    steps, problems = sum(i.steps for i in made.todo), sum(i.problems for i in made.todo)
    yield f"  trials    {made.total}; {len(open_runs)} runs have something to do"
    yield f"  to do     {steps} training steps, {problems} problems to answer"
    money = "money unknown (hardware has no price)" if made.money is None else f"{made.money:.2f} dollars"
    disk = "disk unknown" if made.disk_gb is None else f"{made.disk_gb:.2f} GB of disk"
    yield f"  cost      {made.device_hours:.2f} device hours, {money}, {disk}"
    yield f"  source    {made.source}"
