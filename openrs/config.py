"""The typed schema of every option; the checks between fields are in `checks`.

Hydra validates each file of conf/ and the command line against `Config`; `load` turns the composed
tree into these dataclasses, and below it nobody sees a DictConfig. Numbers in conf/ are the paper's:
`${scaled:KIND,NUMBER}` multiplies them by the scale's factor, so an experiment means the same at
every scale, while a number given on the command line is taken as it is.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from openrs.checks import check
from openrs.rewards import Accuracy, Cosine, Format

BENCHMARKS = ("aime24", "math_500", "amc23", "minerva", "olympiadbench")
"""The five places of Table 1, in the paper's order."""


@dataclass(kw_only=True)
class Draw:
    """Rows taken from one source."""

    source: str
    """Name of a source in the catalog."""
    count: int | None = None
    """Rows to draw; null takes all."""
    difficulty_min: float | None = None
    difficulty_max: float | None = None
    exclude: list[str] = field(default_factory=list)
    """Sources whose problems are left out (raw minus filtered is what the filter dropped)."""


@dataclass(kw_only=True)
class Data:
    """The data mix: counts per source, drawn with a seed. Duplicates and benchmark problems go."""

    draws: dict[str, Draw]
    seed: int = 42


@dataclass(kw_only=True)
class Length:
    """Token caps. The cosine reward, the trainer and the context all follow from these."""

    prompt: int
    completion: int


@dataclass(kw_only=True)
class Steps:
    """The schedule and how far to go along it today."""

    total: int
    """Optimizer steps of the schedule (learning rate and prompt order)."""
    stop_at: int | None = None
    """Step to stop at; null goes to `total`. No part of a run's identity: a run can be extended."""
    save_every: int


@dataclass(kw_only=True)
class Reward:
    """The reward terms that are on; the total is their weighted sum."""

    format: Format | None = None
    accuracy: Accuracy | None = None
    cosine: Cosine | None = None


@dataclass(kw_only=True)
class Prompt:
    """The system prompt of training (evaluation has its own instruction)."""

    system: str | None


@dataclass(kw_only=True)
class Model:
    """Where a model's weights are and what they need."""

    id: str
    """Hub id, or the name of a packaged model."""
    title: str
    """How tables call it."""
    revision: str | None = None
    package: str | None = None
    """Installed package that carries the weights; null loads from the Hub."""
    file: str | None = None
    """Path inside the package: a folder as `save_pretrained` writes it, or a GGUF file."""
    context: int
    """Tokens of prompt and completion that the model can hold."""
    compute_dtype: Literal["float32", "bfloat16"]
    """Precision of training's forward pass; master weights are always float32."""
    evaluation_dtype: Literal["float64", "float32", "bfloat16"]
    """Precision of evaluation. In float64 no rounding that a batch size causes changes a token."""


@dataclass(kw_only=True)
class Algorithm:
    """The policy-gradient method, in the paper's words. TRL's argument names live in train.py."""

    name: str
    prompts_per_step: int = 12
    """Prompts per optimizer step (paper: 12, from 6 x 3 x 4 / 6)."""
    group_size: int = 6
    """Completions per prompt, G in the paper."""
    micro_batch: int = 6
    """Completions over which one loss mean is taken."""
    whole_groups: bool
    """True: a micro-batch is the completions of whole prompts; False: TRL shuffles them."""
    learning_rate: float
    schedule: Literal["cosine_with_min_lr", "linear", "constant_with_warmup", "cosine"]
    min_lr_rate: float | None
    """Floor of cosine_with_min_lr, as a share of the peak; null for other schedules."""
    warmup: float
    """Share of the schedule's steps."""
    optimizer: str
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    temperature: float
    """Sampling temperature of training completions."""
    logits_over_temperature: bool
    """Whether log-probabilities in the loss are divided by the sampling temperature."""
    beta: float
    """KL coefficient against the base model."""
    epsilon: float = 0.2
    epsilon_high: float | None = None
    num_iterations: int = 1
    loss: Literal["bnpo", "dapo", "dr_grpo", "grpo"]
    scale_rewards: Literal["group", "batch", "none"]
    bias_corrected_kl: bool
    """Whether the KL term is multiplied by the importance ratio (TRL 1.16's default)."""
    importance_sampling_correction: bool
    """Whether vLLM's log-probabilities correct the ratio."""
    mask_truncated: bool = False


@dataclass(kw_only=True)
class Evaluation:
    """How a checkpoint is measured."""

    instruction: str
    benchmarks: list[str]
    num_seeds: dict[str, int]
    """Sampling seeds per benchmark."""
    first_seed: int = 1234
    """The seeds are first_seed, first_seed + 1, ..."""
    temperature: float
    top_p: float
    max_new_tokens: int
    max_problems: int | None = None
    """Use only this many problems of each benchmark (in file order); null uses all."""
    checkpoints: list[str]
    """Steps to evaluate: numbers, `reported` (the paper's choice) or `last`."""


@dataclass(kw_only=True)
class Hardware:
    """Devices and how they share the recipe's batch. Never part of a run's identity."""

    name: str
    device: Literal["cpu", "cuda"]
    training_processes: int
    generation: Literal["transformers", "vllm_server", "vllm_colocate"]
    evaluation_batch: int
    """Sequences that the evaluation engine decodes at once."""
    devices: int
    """Accelerators needed, those of a vLLM server included."""
    device_memory_gib: int
    price_per_device_hour: float | None = None
    """Dollars; null is unknown."""


@dataclass(kw_only=True)
class Tracker:
    """Where training curves go besides metrics.jsonl."""

    kind: Literal["none", "wandb", "tensorboard"]
    project: str = "openrs"


@dataclass(kw_only=True)
class Scale:
    """Factors from the paper's numbers to this machine's."""

    name: Literal["nano", "paper"]
    reason: str
    completion_tokens: float
    prompt_tokens: float
    evaluation_tokens: float
    steps: float
    rows: float
    learning_rate: float


@dataclass(kw_only=True)
class SourceData:
    """A named set of training problems bound to real data."""

    id: str
    revision: str | None = None
    split: str = "train"
    problem: str = "problem"
    answer: str = "answer"
    """Column of the final answer, without a box."""
    difficulty: str | None = None


@dataclass(kw_only=True)
class BenchmarkData:
    """A named set of held-out problems bound to real data."""

    id: str
    title: str
    revision: str | None = None
    split: str
    question: str
    gold: str
    gold_kind: Literal["expr", "latex"]


@dataclass(kw_only=True)
class Catalog:
    """Binds source and benchmark names to data."""

    kind: Literal["nano", "mirror", "hub"]
    root: str | None = None
    """Folder of a mirror: <org>/<name>/<split>.jsonl or .parquet."""
    sources: dict[str, SourceData]
    benchmarks: dict[str, BenchmarkData]


@dataclass(kw_only=True)
class Collapse:
    """When training is stopped because it cannot come to anything; null switches a rule off.

    The rules are `openrs.collapse`, over the logged steps; the reason goes into the training record.
    """

    window: int = 10
    """Logged steps that are averaged."""
    reward_below: float | None = None
    """Stop where the mean reward fell below this share of the best window before."""
    flat_for: int | None = None
    """Stop where the mean reward has not risen above its first window for this many steps."""
    no_signal_above: float | None = None
    """Stop where more than this share of groups had no signal (all rewards alike)."""
    truncated_above: float | None = None
    """Stop where more than this share of completions hit the cap."""
    length_above: float | None = None
    """Stop where completions are this many times as long as in the first window."""
    kl_above: float | None = None
    """Stop where the mean KL divergence from the base model is above this."""
    foreign_above: float | None = None
    """Stop where more than this share of letters is not Latin (the paper saw the language drift)."""


@dataclass(kw_only=True)
class Budget:
    """What a sweep may cost in all; null sets no limit."""

    device_hours: float | None = None
    money: float | None = None
    """Dollars, at hardware.price_per_device_hour."""


@dataclass(kw_only=True)
class Config:
    """Everything a command can say."""

    name: str = "dev"
    report_step: int = 0
    """The checkpoint that the paper reports for this experiment."""
    untrained: bool = False
    """True: the base model itself, whatever the other groups say of training."""
    seed: int = 42
    data: Data
    length: Length
    reward: Reward
    steps: Steps
    prompt: Prompt
    model: Model
    algorithm: Algorithm
    evaluation: Evaluation
    hardware: Hardware
    tracker: Tracker
    scale: Scale
    catalog: Catalog
    collapse: Collapse = field(default_factory=Collapse)
    objective: Any = "average"
    """What a sweep looks for: average, a benchmark, reward, device_hours, money; or a list of them."""
    budget: Budget = field(default_factory=Budget)
    fail_fast: bool = False
    """End a sweep at its first failed trial."""
    stages: list[Literal["train", "evaluate", "collect"]] = field(
        default_factory=lambda: ["train", "evaluate", "collect"]
    )
    force: list[Literal["train", "evaluate"]] = field(default_factory=list)
    dry_run: bool = False
    outputs: str = "outputs"

    def __post_init__(self) -> None:
        check(self)

    @property
    def stop_at(self) -> int:
        """The optimizer step that today's training goes to; 0 for the base model."""
        if self.untrained:
            return 0
        return self.steps.total if self.steps.stop_at is None else self.steps.stop_at

    @property
    def gradient_accumulation(self) -> int:
        """Micro-batches per process and optimizer step."""
        algorithm = self.algorithm
        completions = algorithm.prompts_per_step * algorithm.group_size
        return completions // (algorithm.micro_batch * self.hardware.training_processes)

    @property
    def checkpoints(self) -> list[int]:
        """The steps to evaluate, in order, as far as training goes."""
        named = {"reported": min(self.report_step, self.stop_at), "last": self.stop_at}
        steps = {named[step] if step in named else int(step) for step in self.evaluation.checkpoints}
        return [0] if self.untrained else sorted(steps)


RECIPE = (
    "untrained",
    "seed",
    "data",
    "length",
    "reward",
    "prompt",
    "model",
    "algorithm",
    "steps.total",
)
EVALUATION = ("evaluation",)
NEITHER = (
    *("name", "report_step", "steps.stop_at", "steps.save_every", "hardware", "tracker", "scale"),
    *("catalog", "stages", "force", "dry_run", "outputs"),
    *("collapse", "objective", "budget", "fail_fast"),
)
"""Every field belongs to one of the three: what decides the weights, the scores, or neither.

The catalog counts through its rows' fingerprints, the scale through the numbers it makes.
"""
