"""What the rest of a sweep would cost, before any of it is spent.

Only points that are still owed are resolved, and of many a few, evenly spaced, stand for the rest.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from openrs.config.compose import refusal, to_config
from openrs.cost.estimate import Estimate, Work, merged
from openrs.cost.rates import Rates
from openrs.errors import Mistake
from openrs.plan import Plan, resolve, work
from openrs.sweep import slots as tasks

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep

RESOLVED = 24
"""Points that are resolved for an estimate, at about a sixth of a second each."""


def compose(sweep: "Sweep", params: dict[str, Any]) -> DictConfig:
    """The job config of one point, as Hydra composes it.

    Raises:
        Mistake: an option or a value does not exist.
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
    slots = tasks.slots(trials)
    ended = {
        n for n, slot in slots.items() if slot.last.state.is_finished() and not slot.owed(sweep.patience)
    }
    return [number for number in range(sweep.total) if number not in ended]


def spaced(slots: Sequence[int], at_most: int) -> list[int]:
    """About `at_most` of the slots, evenly spaced."""
    return list(slots[:: -(-len(slots) // at_most)]) if len(slots) > at_most else list(slots)


def plans(sweep: "Sweep", slots: Iterable[int]) -> dict[int, Plan | Mistake]:
    """The runs of a grid's slots; in a sampler's space the run of the common settings stands for all."""
    points: dict[int, Plan | Mistake] = {}
    for slot in slots:
        try:
            tree = compose(sweep, {} if sweep.points is None else sweep.points[slot])
            points[slot] = resolve(to_config(tree))
        except Mistake as error:
            points[slot] = error
        if sweep.points is None:
            break
    return points


def estimate(
    sweep: "Sweep", resolved: dict[int, Plan | Mistake] | None = None, at_most: int = RESOLVED
) -> Estimate:
    """Adds up what the trials that are not done still need.

    Args:
        sweep: the sweep; of its study only the state of the slots is read.
        resolved: plans by slot, where the caller has them already.
        at_most: points that are resolved where the caller has none.

    Raises:
        Mistake: no point is a run.
    """
    slots, rates = owed(sweep), Rates()
    if not slots:
        return Estimate(())
    points = plans(sweep, spaced(slots, at_most)) if resolved is None else resolved
    runs = {slot: plan for slot, plan in points.items() if isinstance(plan, Plan)}
    if not runs:
        raise Mistake("sweep: no point of the space is a valid run; dry_run=true says why.")
    if sweep.points is None:
        return Estimate(_sampled(next(iter(runs.values())), len(slots), rates))
    counted: set[str] = set()
    looked_at = set(slots) & set(points)
    once = _base_models(runs.values(), rates, counted) if len(looked_at) < len(slots) else ()
    works = merged(work(runs[slot], rates, counted) for slot in sorted(looked_at & set(runs)))
    return Estimate(tuple(works), len(slots) / max(1, len(looked_at)), once)


def _base_models(plans: Iterable[Plan], rates: Rates, counted: set[str]) -> tuple[Work, ...]:
    """What the runs' base models still need, which are measured once."""
    works = []
    for plan in plans:
        measured = plan.config.evaluates and 0 in plan.config.checkpoints
        cells = {str(cell.path(plan.base.folder)): cell for cell in plan.missing(0)} if measured else {}
        problems = sum(len(plan.problems[c.benchmark]) for path, c in cells.items() if path not in counted)
        counted.update(cells)
        works.append(Work.of(plan.config, plan.base.id, 0, problems, rates))
    return tuple(item for item in works if item.parts)


def _sampled(plan: Plan, number: int, rates: Rates) -> tuple[Work, ...]:
    """Runs that a sampler has yet to choose, each like `plan`; the base model is measured once."""
    first = work(plan, rates, set(), afresh=True)
    base = {str(cell.path(plan.base.folder)) for cell in plan.cells(0)}
    return (first, *[work(plan, rates, base, afresh=True)] * (number - 1))


def forecast(sweep: "Sweep") -> dict[str, Any]:
    """What a new sweep will take, from a few of its points, for its report to compare with what it took."""
    try:
        planned = estimate(sweep, at_most=6)
    except Mistake:
        return {"unknown": "every trial"}
    return {
        "device_hours": planned.device_hours,
        "money": planned.money,
        "disk": planned.disk,
        "unknown": planned.unknown,
    }


def lines(planned: Estimate, total: int) -> Iterator[str]:
    """The estimate for a person."""
    yield f"  trials    {total}; {planned.runs} runs have something to do"
    if planned.share > 1:
        yield f"  estimated from {len(planned.works)} of the runs, evenly spaced"
    yield f"  to do     {planned.steps} training steps, {planned.problems} problems to answer"
    money = "money unknown (hardware has no price)" if planned.money is None else f"${planned.money:.2f}"
    disk = "disk unknown" if planned.disk is None else f"{planned.disk / 1e9:.2f} GB of disk"
    more = f", and {planned.unknown} of unknown time" if planned.unknown else ""
    yield f"  cost      {planned.device_hours:.2f} device hours{more}; {money}, {disk}"
    if planned.runs:
        yield f"  source    {planned.sources}"
