"""What may end a training run early: collapse rules, and in a sweep its pruner and its budget.

Built in the process that trains, from what can be written into a file, as that process may be another
than the one in which the sweep runs.
"""

from typing import Any

from openrs.plan import Plan
from openrs.train import collapse
from openrs.train.collapse import Stop, StopRule


def build(plan: Plan, study: dict[str, Any] | None = None) -> StopRule | None:
    """A watch over a run's training, or None where nothing may end it.

    Storage is opened at the first step: of several training processes only one looks.

    Args:
        plan: the run.
        study: the sweep's study as `openrs.sweep.trial.Trial.study` describes it.
    """
    watches: list[StopRule] = []
    rules = collapse.stop_rule(plan.config, plan.run.folder)
    if rules is not None:
        watches.append(rules)
    if study is not None and study["pruner"] is not None:
        from openrs.sweep import pruning
        from openrs.sweep.selection import selection

        if selection(study["signal"]) is None:
            watches.append(pruning.watch(plan, study))
    budget = plan.config.budget
    if study is not None and (budget.device_hours is not None or budget.money is not None):
        from openrs.sweep import budget as spending

        watches.append(spending.watch(plan.config, study))
    if not watches:
        return None

    def first(line: dict[str, Any]) -> Stop | None:
        found = [stop for watch in watches if (stop := watch(line)) is not None]
        return found[0] if found else None

    return first
