"""What a sweep has spent, and when that is enough."""

import time
from typing import TYPE_CHECKING, Any

import optuna
from omegaconf import DictConfig

from openrs.config.schema import Config
from openrs.cost.estimate import Estimate
from openrs.errors import Mistake
from openrs.records import ledger
from openrs.studies.spending import limits, reached, spent
from openrs.sweep import study_facts as reach
from openrs.train.collapse import Stop, StopRule

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep

LOOK_SECONDS = 5.0
"""The longest that a training run goes on without seeing what the other workers have spent."""


def check(config: DictConfig) -> None:
    """Refuses a budget that limits nothing.

    Raises:
        Mistake: naming it, and what would.
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


def against(config: DictConfig, used: dict[str, float], planned: Estimate) -> dict[str, str]:
    """Each limit, and how plan and spending stand to it: `over`, `within`, or `unknown`, as some of the plan
    has no known time and the rest is within."""
    amounts, states = _amounts(planned), {}
    for name, limit in limits(config.budget).items():
        over = used[name] + amounts[name] > limit
        states[name] = "over" if over else "unknown" if planned.unknown else "within"
    return states


def _amounts(planned: Estimate) -> dict[str, float]:
    return {"device_hours": planned.device_hours, "money": planned.money or 0.0}


def lines(config: DictConfig, used: dict[str, float], planned: Estimate) -> list[str]:
    """How a plan stands to the budget, for a person."""
    amounts = _amounts(planned)
    words = {
        "over": "exceeded: the sweep would be refused",
        "within": "held",
        "unknown": f"not known to be held: {planned.unknown} of unknown time; "
        "it is stopped where it is reached",
    }
    return [
        f"budget.{name}={limit:g}, {used[name]:.3g} spent, {amounts[name]:.3g} planned: "
        f"{words[against(config, used, planned)[name]]}"
        for name, limit in limits(config.budget).items()
    ]


def refuse(sweep: "Sweep") -> None:
    """Stops a sweep whose plan costs more than its budget, before it starts.

    Raises:
        Mistake: naming plan and budget.
    """
    check(sweep.config)
    if not limits(sweep.config.budget):
        return
    from openrs.sweep.estimate import estimate

    used, planned = spent(sweep.study.get_trials(deepcopy=False)), estimate(sweep)
    amounts = _amounts(planned)
    for name, state in against(sweep.config, used, planned).items():
        if state == "over":
            raise Mistake(
                f"budget.{name}={sweep.config.budget[name]:g}: this sweep would take "
                f"{used[name] + amounts[name]:.3g} ({used[name]:.3g} spent, {amounts[name]:.3g} planned "
                f"from {planned.sources}). Raise the budget, lower hydra.sweeper.n_trials, or make the runs "
                "shorter; dry_run=true shows the plan."
            )
    if planned.unknown:
        for line in lines(sweep.config, used, planned):
            sweep.say(line)


def watch(config: Config, told: dict[str, Any]) -> StopRule:
    """Ends a running trial, resumably, once the sweep's budget is reached, by whichever workers.

    What this trial has spent goes into its record, for workers that do not see its run's ledger.

    Args:
        config: the trial's.
        told: the study, as `openrs.sweep.trial.Trial.study` describes it.
    """
    began, looked = time.monotonic(), float("-inf")
    price, opened = config.hardware.price_per_device_hour, list[optuna.Study]()

    def look(line: dict[str, Any]) -> Stop | None:
        nonlocal looked
        now = time.monotonic()
        if now - looked < LOOK_SECONDS:
            return None
        looked = now
        if not opened:
            opened.append(reach.study(told))
        hours = ledger.device_hours(now - began, config.hardware.devices, config.hardware.nodes)
        money = None if price is None else hours * price
        reach.note(told, {"device_hours": hours, "money": money})
        stop = reached(config.budget, opened[0].get_trials(deepcopy=False))
        return Stop("budget", stop) if stop else None

    return look
