"""What a sweep would cost: trials, steps, evaluations, hours, money and disk, before any of it is spent.

The rates are `openrs.cost`'s: this machine's own past runs where there are any like these, else
published figures, else unknown.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from openrs import cost
from openrs.config import Config
from openrs.mistake import Mistake
from openrs.plan import Plan, resolve

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep


@dataclass(frozen=True)
class Todo:
    """What one run still needs, with the rates that it goes at."""

    run: str
    steps: int
    problems: int
    """Problems to answer, over checkpoints, benchmarks and sampling seeds."""
    step_rate: cost.Rate | None
    problem_rate: cost.Rate | None
    disk: int | None
    """Bytes of its checkpoints; None: unknown."""

    @property
    def parts(self) -> list[tuple[int, str, cost.Rate | None]]:
        """Number, unit and rate of what there is to do."""
        parts = [(self.steps, "steps", self.step_rate), (self.problems, "problems", self.problem_rate)]
        return [part for part in parts if part[0]]

    @property
    def hours(self) -> float:
        """Wall hours of what has a rate."""
        return sum(number * rate.seconds / 3600 for number, _, rate in self.parts if rate is not None)


@dataclass(frozen=True)
class Estimate:
    """The whole of a sweep."""

    todo: tuple[Todo, ...]
    """One entry a run."""
    total: int
    """Trials."""
    device_hours: float
    """Of what has a rate; `unknown` names the rest."""
    money: float | None

    @property
    def unknown(self) -> str:
        """What is of unknown time, or nothing."""
        counts: dict[str, int] = {}
        for number, unit, rate in (part for item in self.todo for part in item.parts):
            if rate is None:
                counts[unit] = counts.get(unit, 0) + number
        return " and ".join(f"{number} {unit}" for unit, number in counts.items())

    @property
    def sources(self) -> str:
        """Where the rates are from."""
        told = [rate.source for item in self.todo for _, _, rate in item.parts if rate is not None]
        return "; ".join(dict.fromkeys(told)) or "none: no run like these was measured here or published"


def todo(plan: Plan, counted: set[str], afresh: bool = False) -> Todo:
    """What a plan still needs.

    Args:
        plan: a run, resolved.
        counted: score files that another plan has counted, as the base model's; added to.
        afresh: as though the run had nothing yet; the base model keeps what it has.
    """
    config = plan.config
    trains = plan.mix is not None if afresh else plan.must_train
    steps = config.stop_at - (0 if afresh else plan.trained_to) if trains and "train" in config.stages else 0
    problems = 0
    for step in config.checkpoints if "evaluate" in config.stages else []:
        for cell in plan.cells(step) if afresh and step else plan.missing(step):
            path = str(cell.path(plan.owner(step).folder))
            if path not in counted:
                counted.add(path)
                problems += len(plan.problems[cell.benchmark])
    disk, weights = None, cost.parameters(config.model)
    if weights is not None:
        saved, each, state = cost.disk(config, weights)
        disk = saved * each + state if steps else 0
    return Todo(plan.run.id, steps, problems, cost.step_rate(config), cost.problem_rate(config), disk)


def merged(found: Iterable[Todo]) -> list[Todo]:
    """One entry a run: trials that extend one run share its steps, and each has problems of its own."""
    runs: dict[str, Todo] = {}
    for item in found:
        known = runs.get(item.run)
        if known is not None:
            farthest = max(known, item, key=lambda one: one.steps)
            item = replace(farthest, problems=known.problems + item.problems)
        runs[item.run] = item
    return list(runs.values())


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

    Raises:
        Mistake: no point is a run.
    """
    resolved = found if found is not None else [p for p in plans(sweep) if isinstance(p, Plan)]
    if not resolved:
        raise Mistake("sweep: no point of the space is a valid run; dry_run=true says why.")
    counted: set[str] = set()
    sampled = sweep.points is None  # a run of the common settings stands for each one that will be drawn
    listed = merged(todo(plan, counted, sampled) for plan in resolved)
    if sampled:  # the base model is measured once
        base = {str(cell.path(resolved[0].base.folder)) for cell in resolved[0].cells(0)}
        alike = todo(resolved[0], base, sampled)
        to_go = max(0, sweep.total - sweep.finished())
        listed = [*listed, *[alike] * (to_go - 1)] if to_go else []
    hardware = resolved[0].config.hardware
    hours, price = sum(item.hours for item in listed) * cost.devices(hardware), hardware.price_per_device_hour
    return Estimate(tuple(listed), sweep.total, hours, None if price is None else hours * price)


def forecast(sweep: "Sweep") -> float | None:
    """Device hours that a new sweep will take, from a few of its points; None where they are unknown."""
    found = [plan for plan in plans(sweep, at_most=6) if isinstance(plan, Plan)]
    if not found:
        return None
    made = estimate(sweep, found)
    if made.unknown:
        return None
    return made.device_hours if sweep.points is None else made.device_hours * sweep.total / len(found)


def lines(made: Estimate) -> Iterator[str]:
    """The estimate for a person."""
    open_runs = [item for item in made.todo if item.parts]
    steps, problems = sum(i.steps for i in made.todo), sum(i.problems for i in made.todo)
    yield f"  trials    {made.total}; {len(open_runs)} runs have something to do"
    yield f"  to do     {steps} training steps, {problems} problems to answer"
    money = "money unknown (hardware has no price)" if made.money is None else f"${made.money:.2f}"
    bytes_of = [item.disk for item in made.todo if item.disk is not None]
    disk = "disk unknown" if len(bytes_of) < len(made.todo) else f"{sum(bytes_of) / 1e9:.2f} GB of disk"
    more = f", and {made.unknown} of unknown time" if made.unknown else ""
    yield f"  cost      {made.device_hours:.2f} device hours{more}; {money}, {disk}"
    if open_runs:
        yield f"  source    {made.sources}"
