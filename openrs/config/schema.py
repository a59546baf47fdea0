"""The typed schema of every option, from its root `Config`; the checks between fields are in `checks`.

Hydra validates each file of conf/ and the command line against `Config`; `compose.to_config` turns the
composed tree into these dataclasses, and no other code sees a DictConfig. Numbers in conf/ are the paper's:
`${scaled:KIND,NUMBER}` multiplies them by the scale's factor, so an experiment means the same at
every scale, while a number on the command line is taken as it is.

Every field states its identity, or the group around it does (see `fields`). The catalog counts through the
fingerprints of its rows, the scale through the numbers that it makes.
"""

from dataclasses import dataclass
from typing import Any, Literal

from openrs.config.catalog import Catalog, Model
from openrs.config.curation import Curation
from openrs.config.fields import option
from openrs.config.training import Adapter, Algorithm, Collapse, Data, Length, Prompt, Reward, Steps


@dataclass(kw_only=True)
class EvaluationOptions:
    """How a checkpoint is measured."""

    instruction: str = option(identity="evaluation")
    benchmarks: list[str] = option(identity="neither")
    num_seeds: dict[str, int] = option(identity="neither", at_most=10**5)
    """Sampling seeds per benchmark."""
    first_seed: int = option(1234, identity="neither", at_least=0, below=2**31)
    """The seeds are first_seed, first_seed + 1, ..."""
    temperature: float = option(identity="evaluation", at_least=0, at_most=10)
    top_p: float = option(identity="evaluation", above=0, at_most=1)
    max_new_tokens: int = option(identity="evaluation", above=0, at_most=10**8)
    max_problems: int | None = option(None, identity="neither", above=0)
    """Use only this many problems of each benchmark (in file order); null uses all."""
    checkpoints: list[str] = option(identity="neither")
    """Steps to evaluate: numbers, `reported` (the paper's choice) or `last`."""
    looks: int | None = option(None, identity="evaluation", at_least=1, at_most=5)
    """Measure part by part of the problems, and end where it is decided whether a checkpoint is better or
    worse than the reference; null measures all at once."""
    reference: str | None = option(None, identity="neither")
    """looks: what each checkpoint is compared with, `base` or RUN@STEP of a run in `outputs`."""
    tested: str = option("average", identity="neither")
    """looks: the average over the benchmarks, or one of them."""
    alpha: float = option(0.05, identity="neither", at_least=0.001, at_most=0.5)
    """looks: two-sided level of each comparison, over all looks."""
    futility: float | None = option(None, identity="neither", at_least=0.01, at_most=0.5)
    """looks: end undecided where the looks to come would decide with less than this probability, were the
    difference one that all of them show with power 0.8; null goes on. A plan states its price."""


@dataclass(kw_only=True)
class EngineOptions:
    """What generates a checkpoint's completions for evaluation."""

    kind: Literal["transformers", "vllm", "server"] = option(identity="evaluation")
    data_parallel: int | None = option(None, identity="neither", above=0)
    """vllm: copies of the weights, on `tensor_parallel` devices each; null is as many as the devices give
    (on a CPU one)."""
    tensor_parallel: int = option(1, identity="neither", above=0)
    """vllm: devices over which one copy is spread."""
    memory: float = option(0.9, identity="neither", above=0, at_most=1)
    """vllm: share of a device's memory that weights and cache may take."""
    base_url: str = option("http://127.0.0.1:8000/v1", identity="neither")
    """server: address of the endpoint; `/completions` and `/models` follow it."""
    model: str | None = option(None, identity="neither")
    """server: name under which the weights are served, with `{step}` in the place of the checkpoint's step;
    null is the checkpoint's own folder or Hub id, the name that `vllm serve PATH` gives."""
    protocol: Literal["vllm", "openai"] = option("vllm", identity="neither")
    """server: vllm sends and receives token ids and switches the server's own sampling defaults off;
    openai sends the templated prompt as text and nothing beyond OpenAI's fields."""
    api_key: str = option("OPENAI_API_KEY", identity="neither")
    """server: environment variable that holds the key; it may be unset where none is needed."""
    concurrency: int = option(64, identity="neither", above=0, at_most=10**5)
    """server: requests under way at once."""
    retries: int = option(6, identity="neither", at_least=0, at_most=1000)
    """server: further tries of a request, with back-off (half a second, doubling up to 8)."""
    timeout: float = option(3600, identity="neither", above=0, at_most=10**8)
    """server: seconds that one completion may take."""


@dataclass(kw_only=True)
class Hardware:
    """Devices and how they share the recipe's batch. Never part of a run's identity."""

    name: str
    device: Literal["cpu", "cuda"]
    training_processes: int = option(above=0, at_most=10**6)
    """Processes that train, over all nodes: each takes its share of the batch of a recipe."""
    sharding: Literal["ddp", "zero2", "zero3", "fsdp2"] = "ddp"
    """What the training processes share: nothing (ddp), optimizer state (zero2), all (the others)."""
    offload_optimizer: bool = False
    """zero3: masters, moments and gradients lie in the host's memory, and the CPU steps the optimizer."""
    generation: Literal["transformers", "vllm_server", "vllm_colocate"]
    server_devices: int = option(0, at_least=0)
    """Devices of the vLLM server, the last ones of the node (tensor parallel over them)."""
    server_port: int | None = option(None, at_least=1, at_most=65535)
    """Port of the vLLM server; null takes a free one."""
    server_timeout: float = option(900, above=0, at_most=10**8)
    """Seconds until the vLLM server must answer."""
    stall_timeout: float | None = option(3600, above=0, at_most=10**8)
    """Seconds without a new training step, or without an answer of the vLLM server, after which training
    in processes of its own is ended; null waits for ever. (A step of 3,584 tokens is 173 s on 4 x A40.)"""
    sync_timeout: float | None = option(300, above=0, at_most=10**8)
    """Seconds that the vLLM server may take to get the weights of a step, after which training is ended; null
    waits for ever."""
    stop_timeout: float = option(600, above=0, at_most=10**6)
    """Seconds that training has, once SIGINT, SIGTERM, SIGUSR1 or SIGUSR2 has asked it to end, to finish its
    step and save a checkpoint; a second signal does not wait. (SLURM sends one that long before a job's end
    with `#SBATCH --signal=B:TERM@600`, if the job's script starts openrs by `exec openrs ...`.)"""
    vllm_memory: float = option(0.7, above=0, at_most=1)
    """Share of a device's memory that vLLM may take in training."""
    sampler_check_every: int = option(10, above=0, at_most=10**9)
    """Steps between two comparisons of vLLM's log-probabilities with the trainer's, each a forward pass over
    one group; the first step of a start has one in any case."""
    sampler_gap_limit: float | None = option(None, above=0)
    """Mean difference of a token's log-probabilities above which training ends, as vLLM then has other
    weights than those that are trained; null is the compute type's, 0.01 in float32 and 0.1 in bfloat16."""
    evaluation_batch: int = option(above=0)
    """Sequences that the evaluation engine decodes at once."""
    devices: int = option(at_least=0, at_most=10**5)
    """Accelerators needed on each node, those of a vLLM server included."""
    device_memory_gib: int = option(at_least=0)
    """Memory of each accelerator, at least."""
    check_memory: bool = True
    """Refuse a training that needs more memory of a device than it has, by arithmetic; false tries it."""
    nodes: int = option(1, above=0, at_most=10**5)
    """Machines that train together; the same command is started on each."""
    node_rank: int | None = option(None, at_least=0, at_most=10**5)
    """This machine's number from 0; null reads NODE_RANK or SLURM_NODEID."""
    main_address: str | None = None
    """Address of machine 0; null reads MASTER_ADDR."""
    main_port: int = option(29500, at_least=1, at_most=65535)
    """Port of the rendezvous on machine 0 (one machine alone takes a free port)."""
    device_tflops: float | None = option(None, above=0)
    """Dense bfloat16 operations of each accelerator, 10^12 a second, by its data sheet; null is unknown. From
    it and the next field a plan infers times from the paper's."""
    device_bandwidth: float | None = option(None, above=0)
    """Memory bandwidth of each accelerator, GB/s, by its data sheet."""
    price_per_device_hour: float | None = option(None, at_least=0)
    """Dollars; null is unknown. A machine without accelerators counts as one device."""


@dataclass(kw_only=True)
class Tracker:
    """Where curves and scores go besides the records."""

    kind: Literal["none", "wandb", "tensorboard"]
    project: str = "openrs"
    """wandb: the project that the runs are in."""


@dataclass(kw_only=True)
class Hub:
    """Where checkpoints are pushed besides the run's folder: the Hub settings of Table 5, off by default."""

    push: bool = False
    model_id: str | None = None
    """Repository, `name` or `user/name`; null is OpenRS-GRPO-<run>, one repository a run."""
    strategy: Literal["every_save", "end"] = "every_save"
    """Push each saved checkpoint (the paper), or the last one alone."""
    private: bool = False
    """Whether a new repository is private."""


@dataclass(kw_only=True)
class Scale:
    """Factors from the paper's numbers to this machine's."""

    name: Literal["nano", "paper"]
    reason: str
    completion_tokens: float
    prompt_tokens: float
    evaluation_tokens: float
    steps: float
    report_step: float
    prompts_per_step: float
    rows: float
    learning_rate: float


@dataclass(kw_only=True)
class Budget:
    """What a sweep may cost in all; null sets no limit."""

    device_hours: float | None = option(None, above=0)
    money: float | None = option(None, above=0)
    """Dollars, at hardware.price_per_device_hour."""


@dataclass(kw_only=True)
class Config:
    """Everything that a command can state.

    Fields keep their order, from which the names of studies follow.
    """

    name: str = option("dev", identity="neither")
    report_step: int = option(0, identity="neither", at_least=0)
    """The checkpoint that the paper reports for this experiment."""
    untrained: bool = option(False, identity="recipe")
    """True: the base model itself, whatever the other groups state about training."""
    seed: int = option(42, identity="recipe", at_least=0, below=2**32)  # the seeds that numpy takes
    data: Data
    length: Length = option(identity="recipe")
    reward: Reward = option(identity="recipe")
    steps: Steps
    prompt: Prompt = option(identity="recipe")
    model: Model
    algorithm: Algorithm = option(identity="recipe")
    evaluation: EvaluationOptions
    engine: EngineOptions
    hardware: Hardware = option(identity="neither")
    tracker: Tracker = option(identity="neither")
    hub: Hub = option(factory=Hub, identity="neither")
    scale: Scale = option(identity="neither")
    catalog: Catalog
    collapse: Collapse = option(factory=Collapse, identity="neither")
    objective: Any = option("average", identity="neither")
    """What a sweep optimizes: average, a benchmark, reward, device_hours, money; or a list of them."""
    budget: Budget = option(factory=Budget, identity="neither")
    fail_fast: bool = option(False, identity="neither")
    """End a sweep at its first failed trial."""
    stages: list[Literal["train", "evaluate", "collect"]] = option(
        factory=lambda: ["train", "evaluate", "collect"], identity="neither"
    )
    force: list[Literal["train", "evaluate"]] = option(factory=list, identity="neither")
    dry_run: bool = option(False, identity="neither")
    outputs: str = option("outputs", identity="neither")
    detect: float | None = option(None, identity="neither", above=0, below=100)
    """A difference in points: the dry run of a sweep says how many seeds it takes to show it."""
    spread: float | None = option(None, identity="neither", above=0, below=100)
    """For that: the standard deviation of a recipe's runs, in points of an average; null: of earlier runs."""
    adapter: Adapter | None = option(None, identity="recipe")
    """What is trained in the place of all weights; null trains all of them."""
    replicates: int = option(1, identity="neither", at_least=1, at_most=1000)
    """Runs of each point of a sweep, with the training seeds seed, seed + 1, ..."""
    curation: Curation | None = None
    """What `openrs curate` does; other commands take none."""

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
    def learning_rate(self) -> float:
        """The peak of the schedule, for what is trained."""
        factor = self.adapter.learning_rate_factor if self.adapter else 1
        return self.algorithm.learning_rate * factor

    @property
    def gradient_accumulation(self) -> int:
        """Micro-batches per process and optimizer step."""
        algorithm = self.algorithm
        completions = algorithm.prompts_per_step * algorithm.group_size
        return completions // (algorithm.micro_batch * self.hardware.training_processes)

    @property
    def evaluation_dtype(self) -> str:
        """The precision that checkpoints are measured in.

        vLLM has no float64 and takes float32 instead; the precision of a server is unknown.
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
