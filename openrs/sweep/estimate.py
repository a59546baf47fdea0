"""What a sweep would cost: trials, steps, evaluations, hours, money and disk, before any of it is spent.

The rates are `openrs.rates`': this machine's own past runs where there are any like these, else published
figures, else unknown. Only points that are still owed are looked at, and of many a few, evenly spaced,
stand for the rest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from openrs import cost, models
from openrs.config.compose import refusal, to_config
from openrs.errors import Mistake
from openrs.plan import Plan, resolve
from openrs.rates import Rate, Rates
from openrs.records.ledger import devices_held
from openrs.sweep import slots as tasks

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep

LOOKED_AT = 24
"""Points that are resolved for an estimate, at about a sixth of a second each."""


@dataclass(frozen=True)
class Todo:
    """What one run still needs, with the rates that it goes at."""

    run: str
    steps: int
    problems: int
    """Problems to answer, over checkpoints, benchmarks and sampling seeds."""
    step_rate: Rate | None
    problem_rate: Rate | None
    disk: int | None
    """Bytes of its checkpoints; None: unknown."""
    devices: int
    """That it holds."""
    price: float | None
    """Dollars for a device hour; None: unknown."""

    @property
    def parts(self) -> list[tuple[int, str, Rate | None]]:
        """Number, unit and rate of what there is to do."""
        parts = [(self.steps, "steps", self.step_rate), (self.problems, "problems", self.problem_rate)]
        return [part for part in parts if part[0]]

    @property
    def device_hours(self) -> float:
        """Of what has a rate."""
        seconds = sum(number * rate.seconds for number, _, rate in self.parts if rate is not None)
        return seconds / 3600 * self.devices


@dataclass(frozen=True)
class Estimate:
    """What is left of a sweep."""

    todo: tuple[Todo, ...]
    """One entry a run that was looked at."""
    share: float = 1.0
    """Trials for each one that was looked at."""
    once: tuple[Todo, ...] = ()
    """What is to be done once, however many runs the ones looked at stand for: the base models."""

    def _sum(self, of: Callable[[Todo], float]) -> float:
        return self.share * sum(map(of, self.todo)) + sum(map(of, self.once))

    @property
    def runs(self) -> int:
        """Runs that have something to do."""
        return round(self.share * sum(bool(item.parts) for item in self.todo))

    @property
    def steps(self) -> int:
        """Training steps to do."""
        return round(self._sum(lambda item: item.steps))

    @property
    def problems(self) -> int:
        """Problems to answer."""
        return round(self._sum(lambda item: item.problems))

    @property
    def device_hours(self) -> float:
        """Of what has a rate; `unknown` names the rest."""
        return self._sum(lambda item: item.device_hours)

    @property
    def money(self) -> float | None:
        """Dollars for the device hours; None: some hardware has no price."""
        if any(item.price is None for item in (*self.todo, *self.once)):
            return None
        return self._sum(lambda item: item.device_hours * (item.price or 0.0))

    @property
    def disk(self) -> float | None:
        """Bytes of checkpoints; None: some are unknown."""
        if any(item.disk is None for item in self.todo):
            return None
        return self._sum(lambda item: item.disk or 0)

    @property
    def unknown(self) -> str:
        """What is of unknown time, or nothing."""
        units = {u: None for item in (*self.todo, *self.once) for _, u, rate in item.parts if rate is None}
        return " and ".join(f"{round(self._sum(partial(_untimed, unit=unit)))} {unit}" for unit in units)

    @property
    def sources(self) -> str:
        """Where the rates are from."""
        every = (*self.todo, *self.once)
        told = [rate.source for item in every for _, _, rate in item.parts if rate is not None]
        return "; ".join(dict.fromkeys(told)) or "none: no run like these was measured here or published"


def _untimed(item: Todo, unit: str) -> int:
    """How much of a unit is of unknown time."""
    return sum(number for number, name, rate in item.parts if name == unit and rate is None)


def todo(plan: Plan, rates: Rates, counted: set[str], afresh: bool = False) -> Todo:
    """What a plan still needs.

    Args:
        plan: a run, resolved.
        rates: how long a step and a problem take.
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
    disk, weights = None, models.parameters(config.model)
    if weights is not None:
        saved, each, state = cost.disk(config, weights)
        disk = saved * each + state if steps else 0
    hardware = config.hardware
    held, price = devices_held(hardware.devices, hardware.nodes), hardware.price_per_device_hour
    return Todo(
        plan.run.id, steps, problems, rates.step(config), rates.problem(config), disk, held, price
    )  # fmt: skip


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
    """The job config of one point, as Hydra composes it.

    Raises:
        Mistake: an option or a value that there is not.
    """
    overrides = list(sweep.space.overrides(params))
    try:
        composed = sweep.context.config_loader.load_sweep_config(sweep.config, overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise Mistake(refusal(error)) from error
    with read_write(composed), open_dict(composed):
        del composed["hydra"]
    return composed


def owed(sweep: "Sweep") -> list[int]:
    """The slots of a study that still need something; all of them where there is none yet."""
    trials = [] if sweep.study is None else sweep.study.get_trials(deepcopy=False)
    known = tasks.slots(trials)
    ended = {
        n for n, slot in known.items() if slot.last.state.is_finished() and not slot.owed(sweep.patience)
    }
    return [number for number in range(sweep.total) if number not in ended]


def spaced(slots: Sequence[int], at_most: int) -> list[int]:
    """About so many of them, evenly spaced."""
    return list(slots[:: -(-len(slots) // at_most)]) if len(slots) > at_most else list(slots)


def plans(sweep: "Sweep", slots: Iterable[int]) -> dict[int, Plan | Mistake]:
    """The runs of slots of a grid; of a sampler's space, that of the common settings stands for each."""
    found: dict[int, Plan | Mistake] = {}
    for slot in slots:
        try:
            tree = compose(sweep, {} if sweep.points is None else sweep.points[slot])
            found[slot] = resolve(to_config(tree))
        except Mistake as error:
            found[slot] = error
        if sweep.points is None:
            break
    return found


def estimate(
    sweep: "Sweep", known: dict[int, Plan | Mistake] | None = None, at_most: int = LOOKED_AT
) -> Estimate:
    """Adds up what the trials that are not done still need.

    Args:
        sweep: the sweep; of its study only how its slots stand is asked.
        known: plans by slot, where they are known already; slots without one are reckoned from the rest.
        at_most: points that are looked at where none is known.

    Raises:
        Mistake: no point is a run.
    """
    slots, rates = owed(sweep), Rates()
    if not slots:
        return Estimate(())
    found = known if known is not None else plans(sweep, spaced(slots, at_most))
    runs = {slot: plan for slot, plan in found.items() if isinstance(plan, Plan)}
    if not runs:
        raise Mistake("sweep: no point of the space is a valid run; dry_run=true says why.")
    if sweep.points is None:
        return Estimate(_alike(next(iter(runs.values())), len(slots), rates))
    counted: set[str] = set()
    looked_at = set(slots) & set(found)
    once = _base_models(runs.values(), rates, counted) if len(looked_at) < len(slots) else ()
    listed = merged(todo(runs[slot], rates, counted) for slot in sorted(looked_at & set(runs)))
    return Estimate(tuple(listed), len(slots) / max(1, len(looked_at)), once)


def _base_models(plans: Iterable[Plan], rates: Rates, counted: set[str]) -> tuple[Todo, ...]:
    """What the runs' base models still need, which are measured once."""
    found = []
    for plan in plans:
        measured = "evaluate" in plan.config.stages and 0 in plan.config.checkpoints
        cells = {str(cell.path(plan.base.folder)): cell for cell in plan.missing(0)} if measured else {}
        problems = sum(len(plan.problems[c.benchmark]) for path, c in cells.items() if path not in counted)
        counted.update(cells)
        hardware = plan.config.hardware
        held, price = devices_held(hardware.devices, hardware.nodes), hardware.price_per_device_hour
        found.append(Todo(plan.base.id, 0, problems, None, rates.problem(plan.config), 0, held, price))
    return tuple(item for item in found if item.parts)


def _alike(plan: Plan, number: int, rates: Rates) -> tuple[Todo, ...]:
    """As many runs that are yet to be drawn; the base model is measured once."""
    first = todo(plan, rates, set(), afresh=True)
    base = {str(cell.path(plan.base.folder)) for cell in plan.cells(0)}
    return (first, *[todo(plan, rates, base, afresh=True)] * (number - 1))


def forecast(sweep: "Sweep") -> dict[str, Any]:
    """What a new sweep will take, from a few of its points: what its report holds against what it took."""
    try:
        made = estimate(sweep, at_most=6)
    except Mistake:
        return {"unknown": "every trial"}
    return {
        "device_hours": made.device_hours, "money": made.money, "disk": made.disk, "unknown": made.unknown,
    }  # fmt: skip


def lines(made: Estimate, total: int) -> Iterator[str]:
    """The estimate for a person."""
    yield f"  trials    {total}; {made.runs} runs have something to do"
    if made.share > 1:
        yield f"  reckoned  from {len(made.todo)} of the runs, evenly spaced"
    yield f"  to do     {made.steps} training steps, {made.problems} problems to answer"
    money = "money unknown (hardware has no price)" if made.money is None else f"${made.money:.2f}"
    disk = "disk unknown" if made.disk is None else f"{made.disk / 1e9:.2f} GB of disk"
    more = f", and {made.unknown} of unknown time" if made.unknown else ""
    yield f"  cost      {made.device_hours:.2f} device hours{more}; {money}, {disk}"
    if made.runs:
        yield f"  source    {made.sources}"
