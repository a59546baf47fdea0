"""What a training is: its rows, lengths, rewards, algorithm and schedule, and when it is stopped early."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal

from openrs import rewards
from openrs.config.catalog import Columns
from openrs.config.fields import option


@dataclass(kw_only=True)
class Draw:
    """Rows taken from one source."""

    source: str
    """Name of a source in the catalog."""
    count: int | None = option(None, above=0)
    """Rows to draw; null takes all."""
    difficulty_min: float | None = None
    difficulty_max: float | None = None
    exclude: list[str] = field(default_factory=list)
    """Sources whose problems are left out (raw without filtered is what the filter dropped)."""
    boxed: bool = False
    """Only rows whose worked solution, in the source's solution column, boxes an answer."""
    single_part: bool = False
    """Only rows that ask one thing, by the heuristic of `filters.several_parts`."""


@dataclass(kw_only=True)
class Data(Columns):
    """The data mix: counts per source, drawn with a seed, without duplicates and problems of benchmarks.

    With an `id` it has a source of one's own, `own`, of which the columns are stated here too.
    """

    id: str | None = option(None, identity="neither")
    """Path of a file of rows, or id of a data set: `data=PATH_OR_HUB_ID` on the command line."""
    draws: dict[str, Draw] = option(identity="recipe")
    seed: int = option(42, identity="recipe", at_least=0, below=2**32)
    decontaminate_ngram: int | None = option(
        None,
        identity="recipe",
        at_least=8,
        reason="fewer are everyday phrases; every sixth row of MATH's training set shares even 8",
    )
    """Rows that share this many words in a row with a benchmark's problem are left out; null leaves out the
    rows whose whole text is such a problem."""
    shuffled_golds: bool = option(False, identity="recipe")
    """Each problem gets the gold answer of another row: a control arm that cannot teach what is right."""
    curriculum: list[list[str]] = option(factory=list, identity="recipe")
    """Draws in the order in which each epoch takes them; the draws of one list are shuffled together. Empty
    shuffles all draws together."""
    pass_rate: str | None = option(None, identity="recipe")
    """Each epoch goes from easy to hard, by the pass rates that this filter of `openrs curate` recorded.
    Problems of one rate are shuffled together, and those without a rate come last."""


@dataclass(kw_only=True)
class LengthStage:
    """A smaller cap at the start of training."""

    until: int = option(above=0, at_most=10**9)
    """The last optimizer step with this cap."""
    completion: int


@dataclass(kw_only=True)
class GrowingCap:
    """A cap that starts small and grows as often as many completions ran into it."""

    start: int = option(above=0)
    factor: float = option(1.5, above=1)
    """The next cap, as a multiple of the last."""
    truncated_above: float = option(0.2, at_least=0, below=1)
    """The share of truncated completions above which the cap grows."""
    window: int = option(5, above=0)
    """Generations with one cap over which that share is taken."""

    def after(self, shares: Sequence[float], most: int) -> int:
        """The cap of the next generation.

        Args:
            shares: of truncated completions, of each generation so far.
            most: the last cap.
        """
        cap, since = self.start, 0
        for end in range(1, len(shares) + 1):
            over = fmean(shares[max(since, end - self.window) : end]) > self.truncated_above
            if end - since >= self.window and over:
                cap, since = min(most, math.ceil(cap * self.factor)), end
        return cap


@dataclass(kw_only=True)
class Length:
    """Token caps. The cosine reward, the trainer and the context all follow from these."""

    prompt: int = option(above=0)
    completion: int = option(above=0)
    stages: list[LengthStage] = field(default_factory=list)
    """Caps on generation before `completion`, in order. Rewards and losses that count against a cap go on
    counting against `completion`."""
    growing: GrowingCap | None = None
    """In the place of stages: a cap on generation that follows the share of truncated completions."""

    def at(self, step: int, truncated: Sequence[float] = ()) -> int:
        """The cap on the completions of an optimizer step, counted from 1.

        Args:
            truncated: the share of truncated completions of each generation before.
        """
        if self.growing:
            return self.growing.after(truncated, self.completion)
        return next((stage.completion for stage in self.stages if step <= stage.until), self.completion)


@dataclass(kw_only=True)
class Reward:
    """The reward terms that are on (null is off); the total is their weighted sum. See `openrs.rewards`."""

    format: rewards.FormatReward | None = None
    accuracy: rewards.AccuracyReward | None = None
    cosine: rewards.CosineReward | None = None
    tag_count: rewards.TagCountReward | None = None
    length: rewards.LengthReward | None = None
    repetition_penalty: rewards.RepetitionPenaltyReward | None = None
    reasoning_steps: rewards.ReasoningStepsReward | None = None
    english_only: rewards.EnglishOnlyReward | None = None
    custom: dict[str, rewards.CustomReward] = field(default_factory=dict)
    """The user's own functions by the name that metrics give them. See `openrs.rewards.custom`."""

    @property
    def built_in(self) -> dict[str, Any]:
        """The terms of openrs that are on, in the schema's order."""
        return {name: term for name, term in vars(self).items() if name != "custom" and term is not None}

    @property
    def terms(self) -> dict[str, Any]:
        """All terms that are on. The user's own are in the order of their names: the order of an addition
        decides its last bit, and a recipe has none."""
        return self.built_in | dict(sorted(self.custom.items()))


@dataclass(kw_only=True)
class Prompt:
    """The system prompt of training (evaluation has its own instruction)."""

    system: str | None


@dataclass(kw_only=True)
class Algorithm:
    """The policy-gradient method, in the paper's words. TRL's argument names are in openrs/train."""

    name: str
    prompts_per_step: int = option(12, above=0)
    """Prompts per optimizer step (paper: 12, from 6 x 3 x 4 / 6)."""
    group_size: int = option(6, at_least=2, reason="an advantage compares completions of one prompt")
    """Completions per prompt, G in the paper."""
    micro_batch: int = option(6, above=0)
    """Completions over which one loss mean is taken."""
    whole_groups: bool
    """True: a micro-batch is the completions of whole prompts, or an even share of one prompt's where the
    loss adds up to the same; False: TRL shuffles them."""
    learning_rate: float = option(above=0, at_most=100, usual=1e-6)
    schedule: Literal["cosine_with_min_lr", "linear", "constant_with_warmup", "cosine"]
    min_lr_rate: float | None = option(at_least=0, at_most=1)
    """Floor of cosine_with_min_lr, as a share of the peak; null for other schedules."""
    warmup: float = option(at_least=0, below=1)
    """Share of the schedule's steps."""
    optimizer: Literal["adamw_torch", "adamw_torch_fused", "adamw_8bit"]
    """adamw_torch_fused makes the same updates up to rounding, without copies of the weights while it steps;
    adamw_8bit holds its moments in 8 bits (extra `8bit`)."""
    adam_beta1: float = option(0.9, at_least=0, below=1)
    adam_beta2: float = option(0.999, at_least=0, below=1)
    adam_epsilon: float = option(1e-8, above=0)
    weight_decay: float = option(0.0, at_least=0)
    max_grad_norm: float = option(1.0, at_least=0)
    temperature: float = option(above=0, at_most=10)
    """Sampling temperature of training completions."""
    logits_over_temperature: bool
    """Whether log-probabilities in the loss are divided by the sampling temperature."""
    beta: float = option(at_least=0)
    """KL coefficient against the base model."""
    epsilon: float = option(0.2, at_least=0)
    epsilon_high: float | None = option(None, at_least=0)
    num_iterations: int = option(1, above=0)
    """Optimizer steps for which the completions of one generation are used."""
    loss: Literal["bnpo", "cispo", "dapo", "dr_grpo", "grpo", "luspo", "sapo", "vespo"]
    ratio_level: Literal["token", "sequence"] = "token"
    """Whether the ratio of new to old policy is one of each token or one of a whole completion (GSPO)."""
    ratio_cap: float | None = option(None, above=1)
    """The largest ratio where the advantage is negative (two-sided clipping); null sets none."""
    entropy_bonus: float = option(0.0, at_least=0)
    """Coefficient of the mean entropy of a token, which the loss rewards."""
    scale_rewards: Literal["group", "batch", "none"]
    reward_aggregation: Literal["sum_then_normalize", "normalize_then_sum"] = "sum_then_normalize"
    """Whether advantages are made of the sum of the rewards, or each reward is normalised alone (GDPO)."""
    bias_corrected_kl: bool
    """Whether the KL term is multiplied by the importance ratio (TRL 1.16's default)."""
    importance_sampling_correction: bool
    """Whether vLLM's log-probabilities correct the ratio."""
    importance_sampling_mode: Literal[
        "sequence_mask", "sequence_truncate", "token_mask", "token_truncate"
    ] = "sequence_mask"
    """What that correction weighs, completions or tokens, and what it does above the cap: leave them out or
    cut the weight. The default leaves out long completions in bfloat16, whose rounding adds up."""
    importance_sampling_cap: float | None = option(3.0, above=0)
    """The largest weight of that correction; null sets no cap."""
    mask_truncated: bool = False
    trl: dict[str, Any] = field(default_factory=dict)
    """Fields of TRL's GRPOConfig that openrs has no word for, as top_k=50 (`openrs.config.trl_fields`)."""


@dataclass(kw_only=True)
class Adapter:
    """What is trained in the place of all weights: small matrices beside those of these layers."""

    name: Literal["lora", "dora"]
    rank: int = option(above=0, at_most=10**5)
    """Columns of the small matrices."""
    alpha: int = option(above=0, at_most=10**6)
    """Their product counts alpha / rank times."""
    dropout: float = option(0.0, at_least=0, below=1)
    """Share of a layer's inputs that the matrices do not see."""
    modules: list[str]
    """Linear layers beside which they are, by the ends of their names."""
    learning_rate_factor: float = option(above=0)
    """The learning rate, as a multiple of algorithm.learning_rate."""

    def __post_init__(self) -> None:
        self.modules = sorted(set(self.modules))  # their order decides nothing


@dataclass(kw_only=True)
class Steps:
    """The schedule and how far to go along it today."""

    total: int = option(identity="recipe", above=0, at_most=10**9)
    """Optimizer steps of the schedule (learning rate and prompt order)."""
    stop_at: int | None = option(None, identity="neither")
    """Step to stop at; null goes to `total`. No part of a run's identity: a run can be extended."""
    save_every: int = option(identity="neither", above=0, at_most=10**9)


@dataclass(kw_only=True)
class Collapse:
    """The rules that stop a training which has collapsed; null switches a rule off.

    `openrs.train.collapse` applies them to the logged steps and notes the reason in the training record.
    """

    window: int = option(10, above=0)
    """Logged steps in an average."""
    reward_below: float | None = option(None, at_least=0, at_most=1)
    """Stop where the mean reward fell below this share of the best window before."""
    flat_for: int | None = option(None, above=0)
    """Stop where the mean reward has not risen above its first window for this many steps."""
    no_signal_above: float | None = option(None, at_least=0, at_most=1)
    """Stop where more than this share of groups had no signal (all rewards alike)."""
    truncated_above: float | None = option(None, at_least=0, at_most=1)
    """Stop where more than this share of completions hit the cap."""
    length_above: float | None = option(None, above=0)
    """Stop where completions are more than this many times as long as in the first window."""
    kl_above: float | None = option(None, above=0)
    """Stop where the mean KL divergence from the base model is above this."""
    foreign_above: float | None = option(None, at_least=0, at_most=1)
    """Stop where more than this share of letters is not Latin (the paper saw the language drift)."""
    sampling_gap_above: float | None = option(None, above=0)
    """Stop where vLLM's log-probabilities differ from the trainer's by more than this a token (means over
    the comparisons of hardware.sampler_check_every; above hardware.sampler_gap_limit training fails)."""
