"""The typed schema of every option; the checks between fields are in `checks`.

Hydra validates each file of conf/ and the command line against `Config`; `load` turns the composed
tree into these dataclasses, and below it nobody sees a DictConfig. Numbers in conf/ are the paper's:
`${scaled:KIND,NUMBER}` multiplies them by the scale's factor, so an experiment means the same at
every scale, while a number given on the command line is taken as it is.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from openrs import rewards


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
    boxed: bool = False
    """Only rows whose worked solution, in the source's solution column, boxes an answer."""
    single_part: bool = False
    """Only rows that ask one thing, by the heuristic of `filters.several_parts`."""


@dataclass(kw_only=True)
class Data:
    """The data mix: counts per source, drawn with a seed. Duplicates and benchmark problems go."""

    draws: dict[str, Draw]
    seed: int = 42
    decontaminate_ngram: int | None = None
    """Rows that share this many words in a row with a benchmark's problem are left out; null leaves
    out those whose whole text is one."""
    curriculum: list[list[str]] = field(default_factory=list)
    """Draws in the order in which each epoch comes to them, those of one list shuffled together; empty
    shuffles all."""


@dataclass(kw_only=True)
class LengthStage:
    """A smaller cap at the start of training."""

    until: int
    """The last optimizer step that has it."""
    completion: int


@dataclass(kw_only=True)
class Length:
    """Token caps. The cosine reward, the trainer and the context all follow from these."""

    prompt: int
    completion: int
    stages: list[LengthStage] = field(default_factory=list)
    """Caps on generation before `completion`, in order. Rewards and losses that count against a cap go on
    counting against `completion`."""

    def at(self, step: int) -> int:
        """The cap on the completions of an optimizer step, counted from 1."""
        return next((stage.completion for stage in self.stages if step <= stage.until), self.completion)


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
    """The reward terms that are on (null is off); the total is their weighted sum. See `openrs.rewards`."""

    format: rewards.Format | None = None
    accuracy: rewards.Accuracy | None = None
    cosine: rewards.Cosine | None = None
    tag_count: rewards.TagCount | None = None
    length: rewards.Length | None = None
    repetition_penalty: rewards.RepetitionPenalty | None = None
    reasoning_steps: rewards.ReasoningSteps | None = None
    english_only: rewards.EnglishOnly | None = None


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
    parameters: int | None = None
    """Weights in all, for what plans and checks say of disk, memory and time; null reads packaged
    safetensors."""
    gated: bool = False
    """The Hub gives it to those alone who accepted its terms."""
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
    optimizer: Literal["adamw_torch", "adamw_torch_fused"]
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
    """Processes that train, over all nodes: each takes its share of the recipe's batch."""
    sharding: Literal["ddp", "zero2", "zero3", "fsdp2"] = "ddp"
    """What the training processes share: nothing (ddp), optimizer state (zero2), all (the others)."""
    generation: Literal["transformers", "vllm_server", "vllm_colocate"]
    server_devices: int = 0
    """Devices of the vLLM server, the last ones of the node (tensor parallel over them)."""
    server_port: int | None = None
    """Port of the vLLM server; null takes a free one."""
    server_timeout: float = 900
    """Seconds until the vLLM server must answer."""
    stall_timeout: float | None = 3600
    """Seconds without a new training step, or without an answer of the vLLM server, after which training
    in processes of its own is ended; null waits for ever. (A step of 3,584 tokens is 173 s on 4 x A40.)"""
    vllm_memory: float = 0.7
    """Share of a device's memory that vLLM may take in training."""
    evaluation_batch: int
    """Sequences that the evaluation engine decodes at once."""
    devices: int
    """Accelerators needed on each node, those of a vLLM server included."""
    device_memory_gib: int
    """Memory that each of them must have."""
    nodes: int = 1
    """Machines that train together; the same command is started on each."""
    node_rank: int | None = None
    """This machine's number from 0; null reads NODE_RANK or SLURM_NODEID."""
    main_address: str | None = None
    """Address of machine 0; null reads MASTER_ADDR."""
    main_port: int = 29500
    """Port of the rendezvous on machine 0 (one machine alone takes a free port)."""
    price_per_device_hour: float | None = None
    """Dollars; null is unknown. A machine without accelerators counts as one device."""


@dataclass(kw_only=True)
class Engine:
    """What generates a checkpoint's completions for evaluation."""

    kind: Literal["transformers", "vllm", "server"]
    data_parallel: int | None = None
    """vllm: copies of the weights, on `tensor_parallel` devices each; null is as many as the devices give
    (on a CPU one)."""
    tensor_parallel: int = 1
    """vllm: devices over which one copy is spread."""
    memory: float = 0.9
    """vllm: share of a device's memory that weights and cache may take."""
    base_url: str = "http://127.0.0.1:8000/v1"
    """server: address of the endpoint; `/completions` and `/models` follow it."""
    model: str | None = None
    """server: name under which the weights are served, `{step}` standing for the checkpoint's step;
    null is the checkpoint's own folder or Hub id, as `vllm serve PATH` calls it."""
    protocol: Literal["vllm", "openai"] = "vllm"
    """server: vllm sends and receives token ids and switches the server's own sampling defaults off;
    openai sends the templated prompt as text and nothing beyond OpenAI's fields."""
    api_key: str = "OPENAI_API_KEY"
    """server: environment variable that holds the key; it may be unset where none is needed."""
    concurrency: int = 64
    """server: requests under way at once."""
    retries: int = 6
    """server: further tries of a request, with back-off (half a second, doubling up to 8)."""
    timeout: float = 3600
    """server: seconds that one completion may take."""


@dataclass(kw_only=True)
class Tracker:
    """Where training curves go besides metrics.jsonl."""

    kind: Literal["none", "wandb", "tensorboard"]
    project: str = "openrs"


@dataclass(kw_only=True)
class Hub:
    """Where checkpoints are pushed besides the run's folder: Table 5's Hub settings, off unless asked."""

    push: bool = False
    model_id: str | None = None
    """Repository, `name` or `user/name`; null is OpenRS-GRPO-<run>, one repository a run."""
    strategy: Literal["every_save", "end"] = "every_save"
    """Push each saved checkpoint (the paper), or the last one alone."""
    private: bool = False
    """Whether a repository that is made is private."""


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
    solution: str = "solution"
    """Column of the worked solution; read only by the filters that look at it."""
    difficulty: str | None = None


@dataclass(kw_only=True)
class BenchmarkData:
    """A named set of held-out problems bound to real data."""

    id: str
    title: str
    revision: str | None = None
    subset: str | None = None
    """The Hub's name of one configuration of the set; in a mirror a folder under the set's own."""
    split: str
    question: str
    gold: str
    gold_kind: Literal["expr", "latex", "letter"]
    """How the gold answer is read; `letter` is multiple choice, with `wrong` beside it."""
    wrong: list[str] = field(default_factory=list)
    """Columns of the wrong choices of a multiple-choice set."""
    instruction: str | None = None
    """Takes the place of evaluation.instruction where a set needs words of its own."""
    gated: bool = False
    """The Hub asks for a token, and the questions must not be shown in anything that is shared."""
    held_out: bool = True
    """Training rows that share its problems are left out."""


@dataclass(kw_only=True)
class Catalog:
    """Binds source and benchmark names to data."""

    kind: Literal["nano", "mirror", "hub"]
    root: str | None = None
    """Folder of a mirror: <org>/<name>/<split>.jsonl or .parquet."""
    decontaminate_ngram: int | None = None
    """What mixes drawn here take for data.decontaminate_ngram, unless told otherwise."""
    sources: dict[str, SourceData]
    benchmarks: dict[str, BenchmarkData]


@dataclass(kw_only=True)
class Collapse:
    """When training is stopped because it cannot come to anything; null switches a rule off.

    The rules are `openrs.train.collapse`, over the logged steps; the reason goes into the training record.
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
    engine: Engine
    hardware: Hardware
    tracker: Tracker
    hub: Hub = field(default_factory=Hub)
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

    @property
    def stop_at(self) -> int:
        """The optimizer step that today's training goes to; 0 for the base model."""
        if self.untrained:
            return 0
        return self.steps.total if self.steps.stop_at is None else self.steps.stop_at

    @property
    def trains(self) -> bool:
        """Whether this command has a train stage; the base model has none."""
        return not self.untrained and "train" in self.stages

    @property
    def evaluates(self) -> bool:
        """Whether this command has an evaluate stage."""
        return "evaluate" in self.stages

    @property
    def gradient_accumulation(self) -> int:
        """Micro-batches per process and optimizer step."""
        algorithm = self.algorithm
        completions = algorithm.prompts_per_step * algorithm.group_size
        return completions // (algorithm.micro_batch * self.hardware.training_processes)

    @property
    def evaluation_dtype(self) -> str:
        """The precision that checkpoints are measured in.

        vLLM has no float64 and takes float32 for it; of a server's precision nothing is known.
        """
        if self.engine.kind == "server":
            return "as served"
        dtype = self.model.evaluation_dtype
        return "float32" if self.engine.kind == "vllm" and dtype == "float64" else dtype

    @property
    def evaluation_copies(self) -> int:
        """Copies of the weights that generate at once."""
        engine, hardware = self.engine, self.hardware
        if engine.kind != "vllm":
            return 1
        if engine.data_parallel is None:
            return max(1, hardware.devices // max(1, engine.tensor_parallel))
        return engine.data_parallel

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
EVALUATION = ("evaluation", "engine.kind")
NEITHER = (
    *("name", "report_step", "steps.stop_at", "steps.save_every", "hardware", "tracker", "hub", "scale"),
    *("catalog", "stages", "force", "dry_run", "outputs"),
    *("collapse", "objective", "budget", "fail_fast"),
    *("engine.data_parallel", "engine.tensor_parallel", "engine.memory", "engine.base_url"),
    *("engine.model", "engine.protocol", "engine.api_key", "engine.concurrency", "engine.retries"),
    "engine.timeout",
)
"""Every field belongs to one of the three: what decides the weights, the scores, or neither.

The catalog counts through its rows' fingerprints, the scale through the numbers it makes.
"""
