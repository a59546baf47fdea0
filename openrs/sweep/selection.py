"""What pruners are to look at, read and refused before anything runs; scores of a selection benchmark too.

    hydra.sweeper.signal=score:amc23           its score at each saved checkpoint
    hydra.sweeper.signal=outcomes:amc23@50     every problem's outcome at step 50 (for the Wilcoxon pruner)

A run is evaluated on the benchmark before its training goes on. Choosing by a benchmark flatters its
score. So it is one that is named, and best one that is not reported.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hydra.core.object_type import ObjectType
from omegaconf import DictConfig, OmegaConf

from openrs.errors import Mistake
from openrs.sweep import signal
from openrs.sweep.signal import Signal

if TYPE_CHECKING:
    from openrs.sweep.sweeper import Sweep


@dataclass(frozen=True)
class Selection:
    """What a signal of this kind looks at."""

    benchmark: str
    step: int | None
    """The step whose outcomes are compared problem by problem; None: the score at each saved step."""


def selection(asked: Signal) -> Selection | None:
    """Reads a signal; None where it is made of figures that training logs."""
    found = re.fullmatch(r"score:(\w+)|outcomes:(\w+)@(\d+)", asked) if isinstance(asked, str) else None
    if found is None:
        return None
    return Selection(found[1] or found[2], int(found[3]) if found[3] else None)


COMPARING = ("MedianPruner", "SuccessiveHalvingPruner", "HyperbandPruner")
"""Pruners that hold one run's signal against another's."""

PAIRED = "WilcoxonPruner"
"""The pruner that wants outcomes problem by problem."""


def rewarding(sweep: "Sweep") -> list[str]:
    """What is swept and changes the reward's terms or weights: its own fields, and options of other groups
    (experiment=exp2,exp3) that bring another reward along."""
    return [name for name in sweep.space.distributions if _changes_reward(sweep, name)]


def _changes_reward(sweep: "Sweep", name: str) -> bool:
    from openrs.sweep.space import choices  # Optuna

    group = name.lstrip("+").split("@")[0]
    if re.split(r"[./]", group)[0] == "reward":
        return True
    options = choices(sweep.space.distributions[name])
    is_group = sweep.context.config_loader.get_group_options(group, ObjectType.CONFIG)
    if isinstance(options, Mistake) or not is_group:
        return False
    return len(set(_rewards(sweep, name, options))) > 1


def _rewards(sweep: "Sweep", name: str, options: list[object]) -> Iterator[str]:
    """The reward of every option, as text; one that cannot be composed is refused with its point."""
    from openrs.sweep.estimate import compose

    for option in options:
        try:
            yield OmegaConf.to_yaml(compose(sweep, {name: option}).reward, resolve=True)
        except Mistake:
            continue


def check(asked: Signal, config: DictConfig, rewards: Collection[str] = (), pruner: str = "") -> None:
    """Refuses a signal that no run of the sweep will give, before any of them starts.

    Args:
        asked: as the sweep was given it.
        config: the sweep's.
        rewards: names of what is swept and changes the reward.
        pruner: its class.

    Raises:
        Mistake: it cannot be read or compared, its benchmark is not known, or its step is not saved.
    """
    chosen, name = selection(asked), signal.told(asked)
    by_problem = chosen is not None and chosen.step is not None
    if by_problem != (pruner == PAIRED):
        raise Mistake(
            f"hydra.sweeper.signal={name}: "
            + (
                f"{pruner} compares runs step by step, and these are outcomes problem by problem. Take "
                "hydra/sweeper/pruner=wilcoxon, or a score, as signal=score:BENCHMARK."
                if by_problem
                else f"{PAIRED} compares runs problem by problem. Give hydra.sweeper.signal="
                "outcomes:BENCHMARK@STEP, or take another pruner, as hydra/sweeper/pruner=median."
            )
        )
    if chosen is not None:
        _check_selection(chosen, name, config)
        return
    if isinstance(asked, str) and ":" in asked:
        raise Mistake(
            f"hydra.sweeper.signal={asked}: give a figure of metrics.jsonl (reward, rewards.accuracy, "
            "-kl), a combination of them, score:BENCHMARK, or outcomes:BENCHMARK@STEP."
        )
    on = [term for term, value in config.reward.items() if value is not None or rewards]
    signal.check(asked, [str(term) for term in on])
    if "reward" in signal.weights(asked) and rewards and pruner in COMPARING:
        raise Mistake(
            f"hydra.sweeper.signal={name}: {', '.join(rewards)} is swept, and totals of other terms or "
            "weights cannot be compared. Take one term, as hydra.sweeper.signal=rewards.accuracy, or a "
            "score, as score:BENCHMARK."
        )


def _check_selection(chosen: Selection, name: str, config: DictConfig) -> None:
    known = list(config.catalog.benchmarks)
    if chosen.benchmark not in known:
        raise Mistake(
            f"hydra.sweeper.signal={name}: the catalog has no benchmark {chosen.benchmark}. "
            f"Known: {', '.join(known)}."
        )
    if "evaluate" not in config.stages:
        raise Mistake(
            f"hydra.sweeper.signal={name}: needs the stage evaluate, and stages={list(config.stages)} "
            "leaves it out. Add evaluate to stages, or take a figure of training, as signal=reward."
        )
    steps = config.steps
    last = steps.total if steps.stop_at is None else steps.stop_at
    if chosen.step is not None and (chosen.step % steps.save_every or not 0 < chosen.step < last):
        raise Mistake(
            f"hydra.sweeper.signal={name}: step {chosen.step} is not saved before the last one "
            f"(steps.save_every={steps.save_every}, training to step {last}). Give a multiple of "
            f"{steps.save_every} below {last}."
        )
