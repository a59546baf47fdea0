"""The typed schema of every option, and the checks between fields.

Hydra validates each file of conf/ and the command line against `Config`; `load` turns the composed
tree into these dataclasses, and below it nobody sees a DictConfig. Numbers in conf/ are the paper's:
`${scaled:KIND,NUMBER}` multiplies them by the scale's factor, so an experiment means the same at
every scale, while a number given on the command line is taken as it is.
"""

from dataclasses import dataclass, field
from typing import Literal

from openrs.mistake import Mistake
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
)
"""Every field belongs to one of the three: what decides the weights, the scores, or neither.

The catalog counts through its rows' fingerprints, the scale through the numbers it makes.
"""


def _refuse(field_name: str, value: object, rule: str, remedy: str) -> None:
    raise Mistake(f"{field_name}={value}: {rule}. {remedy}.")


def _positive(config: Config) -> None:
    algorithm, evaluation = config.algorithm, config.evaluation
    whole = {
        "length.prompt": config.length.prompt,
        "length.completion": config.length.completion,
        "steps.total": config.steps.total,
        "steps.save_every": config.steps.save_every,
        "algorithm.prompts_per_step": algorithm.prompts_per_step,
        "algorithm.micro_batch": algorithm.micro_batch,
        "algorithm.num_iterations": algorithm.num_iterations,
        "algorithm.learning_rate": algorithm.learning_rate,
        "algorithm.temperature": algorithm.temperature,
        "evaluation.max_new_tokens": evaluation.max_new_tokens,
        "evaluation.top_p": evaluation.top_p,
        "hardware.training_processes": config.hardware.training_processes,
        "hardware.evaluation_batch": config.hardware.evaluation_batch,
    }
    for name, value in whole.items():
        if value <= 0:
            _refuse(name, value, "must be greater than 0", f"Give a positive number, as {name}=1")
    for name, value in {
        "algorithm.beta": algorithm.beta,
        "evaluation.temperature": evaluation.temperature,
        "report_step": config.report_step,
    }.items():
        if value < 0:
            _refuse(name, value, "must not be negative", f"Give 0 or more, as {name}=0")
    for name, value in {
        "algorithm.warmup": algorithm.warmup,
        "evaluation.top_p": evaluation.top_p,
    }.items():
        if not 0 <= value <= 1 or (name == "algorithm.warmup" and value == 1):
            _refuse(name, value, "is a share", "Give a number from 0 to 1 (a warm-up below 1)")
    if evaluation.max_problems is not None and evaluation.max_problems < 1:
        _refuse(
            "evaluation.max_problems",
            evaluation.max_problems,
            "must be greater than 0",
            "Give a number of problems, or null for all",
        )


def _batches(config: Config) -> None:
    algorithm, processes = config.algorithm, config.hardware.training_processes
    if algorithm.group_size < 2:
        _refuse(
            "algorithm.group_size",
            algorithm.group_size,
            "an advantage needs at least 2 completions of a prompt to compare",
            "Give 2 or more (paper: 6)",
        )
    if algorithm.whole_groups and algorithm.micro_batch % algorithm.group_size:
        _refuse(
            "algorithm.micro_batch",
            algorithm.micro_batch,
            f"must hold whole groups of algorithm.group_size={algorithm.group_size}",
            f"Give a multiple, as algorithm.micro_batch={algorithm.group_size}, "
            "or algorithm.whole_groups=false",
        )
    completions = algorithm.prompts_per_step * algorithm.group_size
    if completions % (algorithm.micro_batch * processes):
        _refuse(
            "algorithm.prompts_per_step",
            algorithm.prompts_per_step,
            f"{algorithm.prompts_per_step} prompts x {algorithm.group_size} completions = {completions} "
            f"do not divide into micro-batches of {algorithm.micro_batch} on "
            f"{processes} processes (hardware={config.hardware.name})",
            "Change hardware, algorithm.micro_batch or algorithm.prompts_per_step so that they do",
        )


def _lengths(config: Config) -> None:
    needed, context = config.length.prompt + config.length.completion, config.model.context
    if not config.untrained and needed > context:
        _refuse(
            "length.completion",
            config.length.completion,
            f"with length.prompt={config.length.prompt} a sequence has {needed} tokens, over the "
            f"context of {config.model.title}, model.context={context}",
            f"Give length.completion={context - config.length.prompt} or less, or a model with more",
        )
    if config.evaluation.max_new_tokens >= context:
        _refuse(
            "evaluation.max_new_tokens",
            config.evaluation.max_new_tokens,
            f"leaves no room for a prompt in the context of {config.model.title}, model.context={context}",
            f"Give evaluation.max_new_tokens={context // 2} or another number below it",
        )


def _steps(config: Config) -> None:
    steps = config.steps
    for step in config.evaluation.checkpoints:
        if step not in ("reported", "last") and not step.isdigit():
            _refuse(
                "evaluation.checkpoints",
                step,
                "is neither a step nor `reported` nor `last`",
                "Give for example evaluation.checkpoints=[0,reported,last]",
            )
    if config.untrained:
        return
    if steps.stop_at is not None and not 0 <= steps.stop_at <= steps.total:
        _refuse(
            "steps.stop_at",
            steps.stop_at,
            f"lies outside the schedule of steps.total={steps.total}",
            f"Give a step from 0 to {steps.total}, or a longer schedule (which is another recipe)",
        )
    iterations = config.algorithm.num_iterations
    if steps.save_every % iterations or config.stop_at % iterations:
        _refuse(
            "algorithm.num_iterations",
            iterations,
            f"completions are used {iterations} times, so checkpoints (steps.save_every="
            f"{steps.save_every}, last step {config.stop_at}) must fall between two generations",
            f"Make steps.save_every and steps.stop_at multiples of {iterations}",
        )
    for step in config.checkpoints:
        saved = step % steps.save_every == 0 or step == config.stop_at
        if not saved or step > config.stop_at:
            _refuse(
                "evaluation.checkpoints",
                step,
                f"no checkpoint is saved at step {step} (every steps.save_every={steps.save_every} "
                f"steps up to {config.stop_at}, and the last)",
                "Evaluate a multiple of it, or change steps.save_every or steps.stop_at",
            )


def _names(config: Config) -> None:
    catalog = config.catalog
    for name, draw in config.data.draws.items():
        for source in (draw.source, *draw.exclude):
            if source not in catalog.sources:
                _refuse(
                    f"data.draws.{name}.source",
                    source,
                    f"is no source of the catalog (kind {catalog.kind})",
                    f"Known: {', '.join(catalog.sources)}; bind another under catalog.sources",
                )
        if draw.count is not None and draw.count <= 0:
            _refuse(
                f"data.draws.{name}.count",
                draw.count,
                "must be greater than 0",
                f"Give a number of rows, or leave the draw out with '~data.draws.{name}'",
            )
    if not config.untrained and not config.data.draws:
        _refuse("data.draws", "{}", "a mix needs at least one draw", "Choose one, as data=mixed")
    for name in config.evaluation.benchmarks:
        if name not in catalog.benchmarks:
            _refuse(
                "evaluation.benchmarks",
                name,
                f"is no benchmark of the catalog (kind {catalog.kind})",
                f"Known: {', '.join(catalog.benchmarks)}",
            )
        if config.evaluation.num_seeds.get(name, 0) < 1:
            _refuse(
                f"evaluation.num_seeds.{name}",
                config.evaluation.num_seeds.get(name),
                "a benchmark needs at least one sampling seed",
                f"Give evaluation.num_seeds.{name}=1 or more",
            )


def _rest(config: Config) -> None:
    if not config.untrained and not any(vars(config.reward).values()):
        _refuse(
            "reward",
            "{}",
            "every term is off, so nothing can be learned",
            "Turn one on, as reward=accuracy or '+reward.accuracy={}'",
        )
    if config.catalog.kind == "mirror" and not config.catalog.root:
        _refuse(
            "catalog.root",
            config.catalog.root,
            "catalog=mirror reads <root>/<org>/<name>/<split>.jsonl or .parquet",
            "Give the folder, as catalog.root=/data/hub",
        )
    if config.algorithm.schedule == "cosine_with_min_lr" and config.algorithm.min_lr_rate is None:
        _refuse(
            "algorithm.min_lr_rate",
            None,
            "cosine_with_min_lr needs its floor",
            "Give algorithm.min_lr_rate=0.1",
        )


def check(config: Config) -> None:
    """Checks what no single field shows.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    for part in (_positive, _batches, _lengths, _steps, _names, _rest):
        part(config)
