"""Every parameter of Table 5 as the paper printed it, as openrs has it, and what became of it in TRL.

Paper: arXiv 2503.16219 v2, Table 5. A test holds the values against what TRL is handed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from openrs.config.schema import Config
from openrs.train import defaults

DROPPED = "–"


@dataclass(frozen=True)
class Parameter:
    """One line of the table."""

    settings: str
    name: str
    paper: str
    """As printed."""
    value: Any
    """What openrs uses; DROPPED where there is no such thing any more."""
    argument: str | None
    """Its name in GRPOConfig; None where something else takes it, or nothing."""
    note: str = ""
    elsewhere: str = DROPPED
    """What takes it, where GRPOConfig does not."""
    expected: Any = None
    """The paper's value for this experiment, where it is not what is printed."""

    @property
    def differs(self) -> bool:
        """Whether openrs uses another value than the paper."""
        return shown(self.value) != shown(self.paper if self.expected is None else self.expected)


def shown(value: Any) -> str:
    """A value as YAML writers would put it, near enough to compare with the printed one."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, dict):
        return ", ".join(f"{key}: {shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    if isinstance(value, float) and 0 < abs(value) < 1e-3:
        return f"{value:.1e}"
    return str(value)


@cache
def _recorded() -> dict[str, Any]:
    """GRPOConfig's defaults at the tested version."""
    return defaults.of_trainer()


def parameters(config: Config) -> Iterator[Parameter]:
    """Table 5 in its own order, then what the paper left to defaults."""
    yield from _general(config)
    yield from _training(config)
    yield from _generation(config)
    yield from _logging(config)
    yield from _reward(config)
    yield from _hub(config)
    yield from _unsaid(config)


def _general(config: Config) -> Iterator[Parameter]:
    kind, hardware, length = "General", config.hardware, config.length
    vllm, server = hardware.generation != "transformers", hardware.generation == "vllm_server"
    bf16 = config.model.compute_dtype == "bfloat16"
    yield Parameter(kind, "bf16", "true", bf16, "bf16", "master weights stay float32 on every hardware")
    yield Parameter(kind, "use_vllm", "true", vllm, "use_vllm", f"hardware={hardware.name}")
    mode = hardware.generation.removeprefix("vllm_") if vllm else DROPPED
    yield Parameter(
        kind,
        "vllm_device",
        "auto",
        mode,
        "vllm_mode" if vllm else None,
        "dropped: auto meant the first device that does not train, in the same process; now a server on its "
        "own devices (hardware=a40x4: the fourth, as then) or colocate",
    )
    yield Parameter(
        kind,
        "vllm_enforce_eager",
        "true",
        DROPPED,
        None,
        "never an argument of TRL, whose parser dropped it in silence: vLLM's own default ran (CUDA graphs), "
        "which openrs leaves alone too",
    )
    # with a server these two are its arguments, and GRPOConfig's are not looked at
    yield Parameter(
        kind,
        "vllm_gpu_memory_utilization",
        "0.7",
        getattr(hardware, "vllm_memory", 0.7) if vllm else DROPPED,
        "vllm_gpu_memory_utilization" if vllm and not server else None,
        "an argument of the server now" if server else "",
        elsewhere="the vLLM server" if server else DROPPED,
    )
    total = length.prompt + length.completion
    yield Parameter(
        kind,
        "vllm_max_model_len",
        "4608",
        total if vllm else DROPPED,
        "vllm_max_model_length" if vllm and not server else None,
        "renamed; follows from length: prompt + completion cap"
        + (", which is less than 4608 under this experiment's cap" if total < 4608 else ""),
        elsewhere="the vLLM server" if server else DROPPED,
    )
    yield Parameter(kind, "do_eval", "false", _recorded()["do_eval"], "do_eval", "TRL's default")
    yield Parameter(
        kind,
        "output_dir",
        "data/OpenRS-GRPO",
        f"{config.outputs}/runs/{config.name}-<id>/train",
        "output_dir",
        "a run's folder follows from its recipe",
    )
    yield Parameter(
        kind,
        "overwrite_output_dir",
        "true",
        DROPPED,
        None,
        "dropped by transformers 5; a run goes on from its checkpoints, and nothing is overwritten",
    )


def _training(config: Config) -> Iterator[Parameter]:
    kind, algorithm, device = "Training", config.algorithm, config.hardware.device
    batch = (
        f"{algorithm.prompts_per_step} prompts x {algorithm.group_size} = micro-batch x accumulation x "
        f"{config.hardware.training_processes} processes"
    )
    yield Parameter(
        kind,
        "gradient_accumulation_steps",
        "4",
        config.gradient_accumulation,
        "gradient_accumulation_steps",
        f"derived: {batch}",
    )
    yield Parameter(kind, "gradient_checkpointing", "true", device == "cuda", "gradient_checkpointing")
    yield Parameter(
        kind,
        "gradient_checkpointing_kwargs",
        "use_reentrant: false",
        {"use_reentrant": False},
        "gradient_checkpointing_kwargs",
    )
    yield Parameter(kind, "learning_rate", "1.0e-06", algorithm.learning_rate, "learning_rate")
    yield Parameter(kind, "lr_scheduler_type", "cosine_with_min_lr", algorithm.schedule, "lr_scheduler_type")
    floor = {"min_lr_rate": algorithm.min_lr_rate} if algorithm.schedule == "cosine_with_min_lr" else {}
    yield Parameter(kind, "lr_scheduler_kwargs", "min_lr_rate: 0.1", floor, "lr_scheduler_kwargs")
    yield Parameter(
        kind,
        "warmup_ratio",
        "0.1",
        algorithm.warmup,
        "warmup_steps",
        "renamed: warmup_steps takes a share of the steps, so warm-up ends at step "
        f"{round(algorithm.warmup * config.steps.total)}",
    )
    yield Parameter(
        kind,
        "max_steps",
        "500",
        config.steps.total,
        "max_steps",
        f"the schedule; steps.stop_at={shown(config.steps.stop_at)} says how far to go along it",
    )
    yield Parameter(
        kind,
        "num_train_epochs",
        "1",
        _recorded()["num_train_epochs"],
        "num_train_epochs",
        "without effect beside max_steps, in the paper and here (TRL's default)",
    )
    yield Parameter(
        kind, "per_device_train_batch_size", "6", algorithm.micro_batch, "per_device_train_batch_size",
        "one group",
    )  # fmt: skip
    yield Parameter(
        kind,
        "per_device_eval_batch_size",
        "6",
        _recorded()["per_device_eval_batch_size"],
        "per_device_eval_batch_size",
        "without effect: nothing is evaluated while training, in the paper and here (TRL's default)",
    )


def _generation(config: Config) -> Iterator[Parameter]:
    kind, algorithm, length = "Generation", config.algorithm, config.length
    yield Parameter(
        kind,
        "max_prompt_length",
        "512",
        length.prompt,
        None,
        "dropped: the old trainer cut longer prompts for the loss but not for generation; here they are "
        "left out, and counted",
        elsewhere="the data stage",
    )
    yield Parameter(
        kind,
        "max_completion_length",
        "3584 or 4096",
        length.completion,
        "max_completion_length",
        "4096 in Experiment 1, 3584 in 2 and 3",
        expected=4096 if config.name == "exp1" else 3584,
    )
    yield Parameter(kind, "num_generations", "6", algorithm.group_size, "num_generations")
    yield Parameter(
        kind,
        "temperature",
        "0.7",
        algorithm.temperature,
        "temperature" if algorithm.logits_over_temperature else None,
        ""
        if algorithm.logits_over_temperature
        else "changed: TRL 1.16 also divides the loss's logits by its temperature, which is therefore 1.0; "
        "sampling is at 0.7",
        elsewhere="generation_kwargs",
    )
    engine = {
        "transformers": "",
        "vllm_server": "; the vLLM server's is this plus the step that training goes on from",
        "vllm_colocate": "; vLLM's own is TRL's, the number of the process, whatever this is",
    }
    yield Parameter(
        kind, "seed", "42", config.seed, "seed",
        "the order of the prompts is the data stage's (shuffle_dataset=false), so that resuming is exact"
        + engine[config.hardware.generation],
    )  # fmt: skip


def _logging(config: Config) -> Iterator[Parameter]:
    kind = "Logging and saving"
    yield Parameter(kind, "log_completions", "true", True, "log_completions", "none are printed")
    yield Parameter(
        kind, "log_level", "info", _recorded()["log_level"], "log_level", "TRL's default; bears on no weight"
    )
    yield Parameter(kind, "logging_first_step", "true", True, "logging_first_step")
    yield Parameter(kind, "logging_steps", "1", 1, "logging_steps")
    yield Parameter(
        kind,
        "logging_strategy",
        "steps",
        _recorded()["logging_strategy"],
        "logging_strategy",
        "TRL's default",
    )
    yield Parameter(kind, "save_strategy", "steps", "steps", "save_strategy")
    yield Parameter(
        kind,
        "save_steps",
        "50",
        config.steps.save_every,
        "save_steps",
        "optimizer state is kept for the newest checkpoint alone",
    )
    kinds = [] if config.tracker.kind == "none" else [config.tracker.kind]
    yield Parameter(
        kind,
        "report_to",
        "wandb",
        kinds or "none",
        "report_to",
        "" if kinds == ["wandb"] else "off unless asked: tracker=wandb (curves are in metrics.jsonl)",
    )


def _reward(config: Config) -> Iterator[Parameter]:
    terms = {name: term for name, term in vars(config.reward).items() if term is not None}
    second = "cosine" if config.name == "exp3" else "accuracy"
    yield Parameter(
        "Reward",
        "reward_funcs",
        "format, accuracy (cosine)",
        list(terms),
        None,
        "cosine in Experiment 3, accuracy in 1 and 2",
        elsewhere="GRPOTrainer(reward_funcs=...)",
        expected=["format", second],
    )
    yield Parameter(
        "Reward", "reward_weights", "1.0, 2.0", [term.weight for term in terms.values()], "reward_weights"
    )


def _hub(config: Config) -> Iterator[Parameter]:
    hub, kind, own = config.hub, "Hub", "openrs pushes (openrs/hub/push.py)"
    off = "" if hub.push else "off unless asked: hub.push=true"
    yield Parameter(
        kind, "hub_model_id", "OpenRS-GRPO", hub.model_id or f"OpenRS-GRPO-{config.name}-<id>", None,
        "one repository a run, unless hub.model_id names another" if hub.model_id is None else "",
        elsewhere=own,
    )  # fmt: skip
    yield Parameter(kind, "hub_strategy", "every_save", hub.strategy, None, off, elsewhere=own)
    yield Parameter(
        kind, "push_to_hub", "true", hub.push, None,
        off or "not TRL's push, whose failure would end the training", elsewhere=own,
    )  # fmt: skip


def _unsaid(config: Config) -> Iterator[Parameter]:
    """Defaults of the paper's TRL that are others in TRL 1.16; `paper` is what ran."""
    kind, algorithm = "Not in Table 5", config.algorithm

    def line(name: str, then: str, value: Any, argument: str, note: str) -> Parameter:
        default = _recorded().get(argument)
        return Parameter(kind, name, then, value, argument, f"TRL 1.16: {shown(default)}; {note}")

    yield line("beta", "0.04", algorithm.beta, "beta", "the KL term against the base model")
    yield line("epsilon", "0.2", algorithm.epsilon, "epsilon", "never active with one iteration")
    yield line("num_iterations", "1", algorithm.num_iterations, "num_iterations", "on-policy")
    yield Parameter(
        kind,
        "loss",
        "mean over the micro-batch's tokens",
        algorithm.loss,
        "loss_type",
        f"TRL 1.16: {_recorded()['loss_type']}; bnpo is that mean",
        expected="bnpo",
    )
    yield line("scale_rewards", "group", algorithm.scale_rewards, "scale_rewards", "no option then: always")
    yield Parameter(
        kind,
        "micro-batch",
        "one prompt's group",
        algorithm.whole_groups,
        None,
        "TRL 1.16 shuffles prompts together before it forms micro-batches",
        elsewhere="openrs.train.trainer.WholeGroupsTrainer",
        expected=True,
    )
    yield Parameter(
        kind,
        "logits divided by temperature",
        "false",
        algorithm.logits_over_temperature,
        None,
        "TRL 1.16: true",
        elsewhere="temperature=1.0 and generation_kwargs",
    )
    yield line(
        "KL term times the importance ratio", "false", algorithm.bias_corrected_kl, "use_bias_correction_kl",
        "which alters its gradient even on-policy",
    )  # fmt: skip
    yield line(
        "importance-sampling correction", "false", algorithm.importance_sampling_correction,
        "vllm_importance_sampling_correction", "of vLLM's log-probabilities",
    )  # fmt: skip
    yield Parameter(
        kind,
        "attention",
        "flash_attention_2",
        "sdpa",
        None,
        "of the paper's recipe file; PyTorch's own kernels compute the same attention, rounded otherwise, "
        "and need no package that is built for one CUDA",
        elsewhere="transformers' default",
    )
    yield Parameter(
        kind,
        "gold answer of a reward",
        "the solution column",
        "the answer column, boxed",
        None,
        "for rewards named as_run too: the paper parsed the worked solution, and where that gave nothing "
        "every completion was right",
        elsewhere="the data stage (openrs/data/catalog.py)",
    )
    yield line("optim", "adamw_torch", algorithm.optimizer, "optim", "of transformers 5")
    yield Parameter(
        kind,
        "master weights",
        "float32",
        "float32",
        None,
        "ZeRO-2 kept them so; transformers 5 loads the file's bf16, whose AdamW at 1e-6 changes 2 % of "
        "weights",
        elsewhere="model_init_kwargs",
    )
