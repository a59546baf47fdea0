"""When a training run has collapsed: rules over the logged steps, as pure functions.

The paper saw rewards fall, lengths run into the cap and the language drift after 150 to 200 steps. A
rule looks at the lines of metrics.jsonl so far and gives a reason to stop, or None.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from openrs.records.training import logged_steps

if TYPE_CHECKING:
    from openrs.config.schema import Config
    from openrs.config.training import Collapse

Lines = Sequence[dict[str, Any]]
Rule = Callable[[Lines, int, float], str | None]
"""The lines so far, the window and the limit -> what the curve did, or None."""


@dataclass(frozen=True)
class Stop:
    """An end before the last step."""

    kind: Literal["collapse", "pruned", "budget"]
    reason: str


StopRule = Callable[[dict[str, Any]], Stop | None]
"""Called with every logged line of a training run; a Stop ends training there."""


def _means(lines: Lines, name: str, window: int) -> list[float]:
    """Means of a metric over each full window, oldest first; lines without the metric are left out."""
    values = [line[name] for line in lines if line.get(name) is not None]
    return [sum(values[i : i + window]) / window for i in range(len(values) - window + 1)]


def _above(name: str, title: str) -> Rule:
    """A rule: the last window's mean of a metric is above a limit."""

    def rule(lines: Lines, window: int, limit: float) -> str | None:
        means = _means(lines, name, window)
        if means and means[-1] > limit:
            return f"{title} {means[-1]:.3g} over the last {window} steps, above {limit:g}"
        return None

    return rule


def reward_fell(lines: Lines, window: int, share: float) -> str | None:
    """The mean reward is below this share of the best mean of an earlier, separate window."""
    means = _means(lines, "reward", window)
    before = means[:-window]
    if before and max(before) > 0 and means[-1] < share * max(before):
        return f"reward fell from {max(before):.3g} to {means[-1]:.3g} (means of {window} steps)"
    return None


def reward_flat(lines: Lines, window: int, steps: float) -> str | None:
    """No window's mean reward was above the first one's, for this many steps."""
    means = _means(lines, "reward", window)
    if len(means) > steps and max(means[1:]) <= means[0]:
        return f"reward has not risen above {means[0]:.3g} in {len(means) - 1} steps"
    return None


def length_exploded(lines: Lines, window: int, times: float) -> str | None:
    """Completions are this many times as long as in the first window."""
    means = _means(lines, "completion_length", window)
    if means and means[-1] > times * means[0]:
        return f"completions grew from {means[0]:.0f} to {means[-1]:.0f} tokens"
    return None


RULES: dict[str, tuple[Rule, str]] = {
    "reward_below": (
        reward_fell,
        "Training has unlearned what was paid. Take a checkpoint from before, and try a lower "
        "algorithm.learning_rate or a larger algorithm.beta.",
    ),
    "flat_for": (
        reward_flat,
        "Nothing that is paid was learned. Try easier problems, a larger algorithm.group_size or a higher "
        "algorithm.learning_rate.",
    ),
    "no_signal_above": (
        _above("no_signal_share", "share of groups without signal"),
        "Nearly every problem is solved always or never, so there is nothing to compare. Try problems of "
        "another difficulty (openrs curate) or a larger algorithm.group_size.",
    ),
    "truncated_above": (
        _above("truncated_share", "share of truncated completions"),
        "Rewards judge answers that were cut off. Try a larger length.completion, or pay for shorter answers "
        "(reward=length).",
    ),
    "length_above": (
        length_exploded,
        "Answers grow far more than the problems need. Read them, and try reward=repetition_penalty, "
        "reward=length or a smaller length.completion.",
    ),
    "kl_above": (
        _above("kl", "KL divergence from the base model"),
        "The model has left what it was. Try a lower algorithm.learning_rate or a larger algorithm.beta.",
    ),
    "foreign_above": (
        _above("foreign_share", "share of letters in foreign scripts"),
        "The language drifts. Try prompt=r1_english, reward=english_only or a smaller steps.stop_at.",
    ),
    "sampling_gap_above": (
        _above("sampling_gap", "difference of vLLM's log-probabilities"),
        "vLLM samples from another policy than the one that learns. Try algorithm=grpo, which corrects for "
        "it, and see where it begins by hardware.sampler_check_every=1.",
    ),
}
"""Field of `config.schema.Collapse` -> its rule, and what a person would conclude and try."""


def collapsed(lines: Lines, settings: "Collapse") -> str | None:
    """The reason of the first rule that asks for a stop, with what to conclude from it, or None."""
    for name, (rule, advice) in RULES.items():
        limit = getattr(settings, name)
        if limit is not None:
            reason = rule(lines, settings.window, limit)
            if reason is not None:
                return f"{reason}. {advice}"
    return None


def on(config: "Config") -> bool:
    """Whether any rule is on."""
    return any(getattr(config.collapse, name) is not None for name in RULES)


def stop_rule(config: "Config", folder: Path) -> StopRule | None:
    """The rules that are on, over a run's training.

    Args:
        config: the run's config.
        folder: the run's folder, whose metrics.jsonl holds the steps of earlier processes.
    """
    if not on(config):
        return None
    lines: list[dict[str, Any]] = []

    def rule(line: dict[str, Any]) -> Stop | None:
        if not lines:  # the trainer has dropped by now what a killed process logged too much
            logged = logged_steps(folder / "train")
            lines.extend(earlier for earlier in logged if earlier["step"] < line["step"])
        lines.append(line)
        reason = collapsed(lines, config.collapse)
        return None if reason is None else Stop("collapse", reason)

    return rule
