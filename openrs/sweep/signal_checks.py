"""Whether the runs of a sweep will give the signal that its pruner is to see, asked before any starts."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from hydra.core.object_type import ObjectType
from omegaconf import DictConfig, OmegaConf

from openrs.config import own_data
from openrs.errors import Mistake
from openrs.records.metric_names import LOGGED
from openrs.sweep.points import Points
from openrs.sweep.signal import TERM, Selection, Signal, selection, text, weights
from openrs.sweep.space import choices

COMPARING = ("MedianPruner", "SuccessiveHalvingPruner", "HyperbandPruner")
"""Pruners that compare one run's signal with another's."""

PAIRED = "WilcoxonPruner"
"""The pruner that compares outcomes problem by problem."""


def rewarding(points: Points) -> list[str]:
    """What is swept and changes the reward's terms or weights: the reward's own fields, and options of other
    groups (experiment=exp2,exp3) that bring another reward along."""
    return [name for name in points.space.distributions if _changes_reward(points, name)]


def _changes_reward(points: Points, name: str) -> bool:
    group = name.lstrip("+").split("@")[0]
    if re.split(r"[./]", group)[0] == "reward":
        return True
    options = choices(points.space.distributions[name])
    is_group = points.loader.get_group_options(group, ObjectType.CONFIG)
    if options is None or not is_group:
        return False
    return len(set(_rewards(points, name, options))) > 1


def _rewards(points: Points, name: str, options: list[Any]) -> Iterator[str]:
    """The reward of every option, as text; an option that cannot be composed is refused with its point."""
    for option in options:
        try:
            yield OmegaConf.to_yaml(points.compose({name: option}).reward, resolve=True)
        except Mistake:
            continue


def check(signal: Signal, config: DictConfig, rewards: Collection[str] = (), pruner: str = "") -> None:
    """Refuses a signal that no run of the sweep will give.

    Args:
        signal: the sweep's.
        config: the sweep's.
        rewards: names of what is swept and changes the reward.
        pruner: the pruner's class.

    Raises:
        Mistake: the signal cannot be read or compared, its benchmark is not known, or its step is not saved.
    """
    scores, name = selection(signal), text(signal)
    by_problem = scores is not None and scores.step is not None
    if by_problem and pruner != PAIRED:
        raise Mistake(
            f"hydra.sweeper.signal={name}: {pruner} compares runs step by step, and these are outcomes "
            "problem by problem. Take hydra/sweeper/pruner=wilcoxon, or a score, as signal=score:BENCHMARK."
        )
    if pruner == PAIRED and not by_problem:
        raise Mistake(
            f"hydra.sweeper.signal={name}: {PAIRED} compares runs problem by problem. Give "
            "hydra.sweeper.signal=outcomes:BENCHMARK@STEP, or take another pruner, as "
            "hydra/sweeper/pruner=median."
        )
    if scores is not None:
        _check_scores(scores, name, config)
    else:
        _check_metrics(signal, name, config, rewards, pruner)


def _check_metrics(
    signal: Signal, name: str, config: DictConfig, rewards: Collection[str], pruner: str
) -> None:
    if isinstance(signal, str) and ":" in signal:
        raise Mistake(
            f"hydra.sweeper.signal={signal}: is no signal. Give a metric of metrics.jsonl (reward, "
            "rewards.accuracy, -kl), a combination of them, score:BENCHMARK, or outcomes:BENCHMARK@STEP."
        )
    own = config.reward.get("custom") or {}
    terms = [str(term) for term, value in config.reward.items() if value is not None or rewards]
    terms = [*(term for term in terms if term != "custom"), *map(str, own)]
    logged = [*LOGGED, *(f"{TERM}{term}" for term in terms)]
    for metric in weights(signal):
        if metric not in logged:
            raise Mistake(
                f"hydra.sweeper.signal={name}: training logs no {metric}. Give one of: {', '.join(logged)}; "
                "or a score, as score:BENCHMARK, or outcomes:BENCHMARK@STEP."
            )
    if "reward" in weights(signal) and rewards and pruner in COMPARING:
        raise Mistake(
            f"hydra.sweeper.signal={name}: {', '.join(rewards)} is swept, and totals of other terms or "
            "weights cannot be compared. Take one term, as hydra.sweeper.signal=rewards.accuracy, or a "
            "score, as score:BENCHMARK."
        )


def _check_scores(scores: Selection, name: str, config: DictConfig) -> None:
    named = [own_data.name_of(name) for name in config.evaluation.benchmarks]
    benchmarks = list(dict.fromkeys([*config.catalog.benchmarks, *named]))
    if scores.benchmark not in benchmarks:
        raise Mistake(
            f"hydra.sweeper.signal={name}: the catalog has no benchmark {scores.benchmark}. "
            f"Give one of: {', '.join(benchmarks)}."
        )
    if config.evaluation.get("looks") is not None:
        raise Mistake(
            f"hydra.sweeper.signal={name}: evaluation.looks={config.evaluation.looks} ends where a run is "
            "compared with the reference, and a pruner compares runs on the same problems. Give "
            "evaluation=paper, or a metric of training, as signal=reward."
        )
    if "evaluate" not in config.stages:
        raise Mistake(
            f"hydra.sweeper.signal={name}: needs the stage evaluate, and stages={list(config.stages)} "
            "leaves it out. Add evaluate to stages, or take a metric of training, as signal=reward."
        )
    steps = config.steps
    last = steps.total if steps.stop_at is None else steps.stop_at
    if scores.step is not None and (scores.step % steps.save_every or not 0 < scores.step < last):
        raise Mistake(
            f"hydra.sweeper.signal={name}: step {scores.step} is not saved before the last one "
            f"(steps.save_every={steps.save_every}, training to step {last}). Give a multiple of "
            f"{steps.save_every} below {last}."
        )
