"""What the rest of a sweep would cost, before any of it is spent.

Only points that are still owed are resolved, and of many a few, evenly spaced, stand for the rest.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from openrs.cost.estimate import Estimate, Work, merged
from openrs.cost.rates import Rates
from openrs.errors import Mistake
from openrs.plan import Plan, work
from openrs.sweep.points import Points, spaced

RESOLVED = 24
"""Points that are resolved for an estimate, at about a sixth of a second each."""


def estimate(
    points: Points,
    owed: Sequence[int],
    resolved: dict[int, Plan | Mistake] | None = None,
    at_most: int = RESOLVED,
) -> Estimate:
    """Adds up what the trials that are not done still need.

    Args:
        points: the sweep's.
        owed: slots that still need something.
        resolved: plans by slot, where the caller has them already.
        at_most: points that are resolved where the caller has none.

    Raises:
        Mistake: no point is a run.
    """
    rates = Rates()
    if not owed:
        return Estimate(())
    plans = points.plans(spaced(owed, at_most)) if resolved is None else resolved
    runs = {slot: plan for slot, plan in plans.items() if isinstance(plan, Plan)}
    if not runs:
        raise Mistake("sweep: no point of the space is a valid run. dry_run=true says why.")
    if points.grid is None:
        return Estimate(_sampled(next(iter(runs.values())), len(owed), rates))
    counted: set[str] = set()
    looked_at = set(owed) & set(plans)
    once = _base_models(runs.values(), rates, counted) if len(looked_at) < len(owed) else ()
    works = merged(work(runs[slot], rates, counted) for slot in sorted(looked_at & set(runs)))
    return Estimate(tuple(works), len(owed) / max(1, len(looked_at)), once)


def _base_models(plans: Iterable[Plan], rates: Rates, counted: set[str]) -> tuple[Work, ...]:
    """What the runs' base models still need, which are measured once."""
    works = []
    for plan in plans:
        measured = plan.config.evaluates and 0 in plan.config.checkpoints
        cells = {str(cell.path(plan.base.folder)): cell for cell in plan.missing(0)} if measured else {}
        problems = sum(plan.size(c) for path, c in cells.items() if path not in counted)
        counted.update(cells)
        works.append(Work.of(plan.config, plan.base.id, 0, problems, rates))
    return tuple(item for item in works if item.parts)


def _sampled(plan: Plan, number: int, rates: Rates) -> tuple[Work, ...]:
    """Runs that a sampler has yet to choose, each like `plan`; the base model is measured once."""
    first = work(plan, rates, set(), afresh=True)
    base = {str(cell.path(plan.base.folder)) for cell in plan.cells(0)}
    return (first, *[work(plan, rates, base, afresh=True)] * (number - 1))


def forecast(points: Points, owed: Sequence[int]) -> dict[str, Any]:
    """What a new sweep will take, from a few of its points, for its report to compare with what it took."""
    try:
        planned = estimate(points, owed, at_most=6)
    except Mistake:
        return {"unknown": "every trial"}
    return {
        "device_hours": planned.device_hours(),
        "money": planned.money(),
        "disk": planned.disk,
        "unknown": planned.unknown,
    }


def _cost(planned: Estimate) -> str:
    """Time and money, of which none is known where no work has a rate."""
    more = f", and {planned.unknown} of unknown time" if planned.unknown else ""
    if planned.untimed:
        return f"not known: {planned.unknown} of unknown time"
    unpriced = planned.money() is None
    money = "money unknown (hardware has no price)" if unpriced else f"${planned.span(planned.money, '.2f')}"
    return f"{planned.device_time}{more}; {money}"


def lines(planned: Estimate, total: int) -> Iterator[str]:
    """The estimate for a person."""
    yield f"  trials    {total}; {planned.runs} runs have something to do"
    if planned.share > 1:
        yield f"  estimated from {len(planned.works)} of the runs, evenly spaced"
    yield f"  to do     {planned.steps} training steps, {planned.problems} problems to answer"
    disk = "disk unknown" if planned.disk is None else f"{planned.disk / 1e9:.2f} GB of disk"
    yield f"  cost      {_cost(planned)}, {disk}"
    if planned.runs:
        yield f"  source    {planned.sources}"
