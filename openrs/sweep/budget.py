"""A sweep's budget: refused before it starts if the plan costs more, stopped where it is reached."""

import time
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig

from openrs.config.schema import Config
from openrs.cost.estimate import Estimate
from openrs.errors import Mistake
from openrs.records import ledger
from openrs.studies.spending import limits, reached
from openrs.sweep.link import StudyLink
from openrs.train.collapse import Stop, StopRule

LOOK_SECONDS = 5.0
"""The longest that a training run goes on without seeing what the other workers have spent."""


def check(config: DictConfig) -> None:
    """Refuses a budget that limits nothing.

    Raises:
        Mistake: naming the limit, and what would limit.
    """
    budget, price = config.budget, config.hardware.price_per_device_hour
    for name, limit in limits(budget).items():
        if limit <= 0:
            raise Mistake(f"budget.{name}={limit:g}: must be above 0. Leave it out for no limit.")
    if budget.money is not None and price is None:
        raise Mistake(
            f"budget.money={budget.money:g}: hardware={config.hardware.name} has no price. Give "
            "hardware.price_per_device_hour=0.44 (dollars), or budget.device_hours."
        )


def lines(config: DictConfig, used: dict[str, float], planned: Estimate) -> list[str]:
    """How a plan and what was spent stand to each limit, for a person."""
    stop = "the sweep is stopped where the budget is reached"
    words = {
        "over": "exceeded: the sweep would be refused",
        "within": "held",
        "perhaps": f"may not be enough; {stop}",
        "unknown": f"not known to be held: {planned.unknown} of unknown time; {stop}",
    }
    states, sums = _states(config, used, planned), _sums(planned)
    return [
        f"budget.{name}={limit:g}, {used[name]:.3g} spent, "
        f"{'an unknown amount' if planned.untimed else planned.span(sums[name], '.3g')} planned: "
        f"{words[states[name]]}"
        for name, limit in limits(config.budget).items()
    ]


def hold(config: DictConfig, used: dict[str, float], planned: Estimate) -> list[str]:
    """Stops a sweep whose plan costs more than its budget, before it starts.

    Returns:
        What there is to say of a plan that may cost more, as some of it has no known time, or an inferred
        one.

    Raises:
        Mistake: naming plan and budget.
    """
    states = _states(config, used, planned)
    for name, state in states.items():
        if state == "over":
            least = _sums(planned)[name](-1) or 0.0
            raise Mistake(
                f"budget.{name}={config.budget[name]:g}: this sweep would take "
                f"{'at least ' * planned.inferred}{used[name] + least:.3g} ({used[name]:.3g} spent, "
                f"{least:.3g} planned from {planned.sources}). Raise the budget, lower "
                "hydra.sweeper.n_trials, or make the runs shorter; dry_run=true shows the plan."
            )
    return lines(config, used, planned) if {"perhaps", "unknown"} & set(states.values()) else []


def _states(config: DictConfig, used: dict[str, float], planned: Estimate) -> dict[str, str]:
    """How each limit stands: `over`; `unknown`, as some of the plan has no known time and the rest is within;
    `perhaps`, as the upper end of inferred times is over; or `within`."""
    states = {}
    for name, limit in limits(config.budget).items():
        least, most = (used[name] + (_sums(planned)[name](end) or 0.0) for end in (-1, 1))
        beyond = "unknown" if planned.unknown else "perhaps" if most > limit else "within"
        states[name] = "over" if least > limit else beyond
    return states


def _sums(planned: Estimate) -> dict[str, Callable[[int], float | None]]:
    return {"device_hours": planned.device_hours, "money": planned.money}


def stop_rule(config: Config, link: StudyLink) -> StopRule:
    """Ends a running trial, resumably, once the sweep's budget is reached, by whichever workers.

    What this trial has spent goes into its record, for workers that do not see its run's ledger.
    """
    began, looked = time.monotonic(), float("-inf")
    hardware, price = config.hardware, config.hardware.price_per_device_hour

    def rule(line: dict[str, Any]) -> Stop | None:
        nonlocal looked
        now = time.monotonic()
        if now - looked < LOOK_SECONDS:
            return None
        looked = now
        hours = ledger.device_hours(now - began, hardware.devices, hardware.nodes)
        link.note(device_hours=hours, money=None if price is None else hours * price)
        reason = reached(config.budget, link.open().get_trials(deepcopy=False))
        return Stop("budget", reason) if reason else None

    return rule
