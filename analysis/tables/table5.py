"""Table 5, the trainer's hyper-parameters: as the paper printed them, and as openrs hands them to TRL.

Paper: arXiv 2503.16219 v2, Table 5. Values are read from the arguments that training passes to TRL.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from openrs.analysis.tables.table import Table
from openrs.config.compose import compose_config
from openrs.config.schema import Config
from openrs.train.arguments import trainer_arguments
from openrs.train.defaults import of_trainer

COLUMNS = ("settings", "parameter", "paper", "openrs", "handed over as", "note")
CAPTION = (
    "Paper: arXiv 2503.16219 v2, Table 5. openrs: the composed config at paper scale. Handed over as: the "
    "argument of TRL 1.16's GRPOConfig, or what takes the value instead; – where nothing takes it.",
    "The last block is not in Table 5: the paper left these to the defaults of its TRL (69ad852), which TRL "
    "has changed since, so openrs states them.",
)
DROPPED = "–"


HANDED = object()
"""Stands for the value that GRPOConfig gets under the parameter's name there."""


@dataclass(frozen=True)
class Parameter:
    """One line of the table."""

    name: str
    paper: str
    """As printed."""
    taker: str
    """What takes the value: an argument of GRPOConfig, or something else; DROPPED where nothing does."""
    note: str = ""
    value: Any = HANDED
    """What openrs uses; DROPPED where there is no such thing any more."""
    expected: Any = None
    """The paper's value for this experiment, where the printed text is not the value."""
    settings: str = ""

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


def parameters(config: Config) -> Iterator[Parameter]:
    """Table 5 in its own order, then what the paper left to defaults."""
    folder = Path(config.outputs, "runs", f"{config.name}-<id>", "train")
    values = of_trainer() | trainer_arguments(config, config.model.id, folder)
    for settings, lines in _blocks(config, values).items():
        for line in lines:
            value = values[line.taker] if line.value is HANDED else line.value
            yield replace(line, settings=settings, value=value)


# fmt: off
def _blocks(config: Config, values: dict[str, Any]) -> dict[str, tuple[Parameter, ...]]:
    """Group of settings -> its lines."""
    algorithm, hardware, hub, P = config.algorithm, config.hardware, config.hub, Parameter
    pushes, unless = "openrs pushes (openrs/hub/push.py)", "off unless asked: hub.push=true"
    trackers = values["report_to"] or "none"
    return {
        "General": _general(config),
        "Training": (
            P("gradient_accumulation_steps", "4", "gradient_accumulation_steps",
                f"derived: {algorithm.prompts_per_step} prompts x {algorithm.group_size} = micro-batch x "
                f"accumulation x {hardware.training_processes} processes"),
            P("gradient_checkpointing", "true", "gradient_checkpointing"),
            P("gradient_checkpointing_kwargs", "use_reentrant: false", "gradient_checkpointing_kwargs"),
            P("learning_rate", "1.0e-06", "learning_rate"),
            P("lr_scheduler_type", "cosine_with_min_lr", "lr_scheduler_type"),
            P("lr_scheduler_kwargs", "min_lr_rate: 0.1", "lr_scheduler_kwargs"),
            P("warmup_ratio", "0.1", "warmup_steps", "renamed: warmup_steps takes a share of the steps, so "
                f"warm-up ends at step {round(algorithm.warmup * config.steps.total)}"),
            P("max_steps", "500", "max_steps",
                f"the schedule; steps.stop_at={shown(config.steps.stop_at)} says how far to go along it"),
            P("num_train_epochs", "1", "num_train_epochs",
                "without effect beside max_steps, in the paper and here (TRL's default)"),
            P("per_device_train_batch_size", "6", "per_device_train_batch_size", "one group"),
            P("per_device_eval_batch_size", "6", "per_device_eval_batch_size",
                "without effect: nothing is evaluated while training, in the paper and here (TRL's default)"),
        ),
        "Generation": (
            P("max_prompt_length", "512", "the data stage", "dropped: the old trainer cut longer prompts for "
                "the loss but not for generation; openrs leaves them out, counted", config.length.prompt),
            P("max_completion_length", "3584 or 4096", "max_completion_length",
                "4096 in Experiment 1, 3584 in 2 and 3", expected=4096 if config.name == "exp1" else 3584),
            P("num_generations", "6", "num_generations"),
            P("temperature", "0.7", "temperature") if algorithm.logits_over_temperature else
            P("temperature", "0.7", "generation_kwargs", "changed: TRL 1.16 also divides the loss's logits "
                "by its temperature, which is therefore 1.0; sampling is at 0.7", algorithm.temperature),
            P("seed", "42", "seed", "the data stage orders the prompts (shuffle_dataset=false), so that "
                "resuming is exact" + {
                    "transformers": "",
                    "vllm_server": "; the vLLM server's is this plus the step that training goes on from",
                    "vllm_colocate": "; vLLM's own is TRL's, the number of the process, whatever this is",
                }[hardware.generation]),
        ),
        "Logging and saving": (
            P("log_completions", "true", "log_completions", "none are printed"),
            P("log_level", "info", "log_level", "TRL's default; bears on no weight"),
            P("logging_first_step", "true", "logging_first_step"),
            P("logging_steps", "1", "logging_steps"),
            P("logging_strategy", "steps", "logging_strategy", "TRL's default"),
            P("save_strategy", "steps", "save_strategy"),
            P("save_steps", "50", "save_steps", "optimizer state is kept for the newest checkpoint alone"),
            P("report_to", "wandb", "report_to", "" if trackers == ["wandb"] else
                "off unless asked: tracker=wandb (curves are in metrics.jsonl)", trackers),
        ),
        "Reward": (
            P("reward_funcs", "format, accuracy (cosine)", "GRPOTrainer(reward_funcs=...)",
                "cosine in Experiment 3, accuracy in 1 and 2",
                [*config.reward.terms],
                expected=["format", "cosine" if config.name == "exp3" else "accuracy"]),
            P("reward_weights", "1.0, 2.0", "reward_weights"),
        ),
        "Hub": (
            P("hub_model_id", "OpenRS-GRPO", pushes, "" if hub.model_id else
                "one repository a run, unless hub.model_id names another",
                hub.model_id or f"OpenRS-GRPO-{config.name}-<id>"),
            P("hub_strategy", "every_save", pushes, "" if hub.push else unless, hub.strategy),
            P("push_to_hub", "true", pushes,
                "not TRL's push, whose failure would end the training" if hub.push else unless, hub.push),
        ),
        "Not in Table 5": _left_to_defaults(config, values),
    }


def _general(config: Config) -> tuple[Parameter, ...]:
    hardware, total, P = config.hardware, config.length.prompt + config.length.completion, Parameter
    server = "the vLLM server"  # its own arguments count, whatever GRPOConfig's are
    mode, memory, context = {
        "transformers": ((DROPPED, DROPPED),) * 3,
        "vllm_server": (("vllm_mode", HANDED), (server, hardware.vllm_memory), (server, total)),
        "vllm_colocate": tuple((name, HANDED) for name in (
            "vllm_mode", "vllm_gpu_memory_utilization", "vllm_max_model_length")),
    }[hardware.generation]
    return (
        P("bf16", "true", "bf16", "master weights stay float32 on every hardware"),
        P("use_vllm", "true", "use_vllm", f"hardware={hardware.name}"),
        P("vllm_device", "auto", mode[0], "dropped: auto meant the first device that does not train, in the "
            "same process; now a server on its own devices (hardware=a40x4: the fourth, as then) or colocate",
            mode[1]),
        P("vllm_enforce_eager", "true", DROPPED, "never an argument of TRL, whose parser dropped it in "
            "silence: vLLM's own default ran (CUDA graphs), which openrs leaves alone too", DROPPED),
        P("vllm_gpu_memory_utilization", "0.7", memory[0],
            "an argument of the server now" if memory[0] == server else "", memory[1]),
        P("vllm_max_model_len", "4608", context[0], "renamed; follows from length: prompt + completion cap" +
            (", which is less than 4608 under this experiment's cap" if total < 4608 else ""), context[1]),
        P("do_eval", "false", "do_eval", "TRL's default"),
        P("output_dir", "data/OpenRS-GRPO", "output_dir", "a run's folder follows from its recipe"),
        P("overwrite_output_dir", "true", DROPPED, "dropped by transformers 5; a run goes on from its "
            "checkpoints, and nothing is overwritten", DROPPED),
    )


def _left_to_defaults(config: Config, values: dict[str, Any]) -> tuple[Parameter, ...]:
    """Defaults of the paper's TRL that TRL 1.16 has changed; the paper's column is what ran."""
    P, changed = Parameter, {name: f"TRL 1.16: {shown(value)}" for name, value in of_trainer().items()}
    return (
        P("beta", "0.04", "beta", f"{changed['beta']}; the KL term against the base model"),
        P("epsilon", "0.2", "epsilon", f"{changed['epsilon']}; never active with one iteration"),
        P("num_iterations", "1", "num_iterations", f"{changed['num_iterations']}; on-policy"),
        P("loss", "mean over the micro-batch's tokens", "loss_type",
            f"{changed['loss_type']}; bnpo is that mean", expected="bnpo"),
        P("scale_rewards", "group", "scale_rewards", f"{changed['scale_rewards']}; no option then: always"),
        P("micro-batch", "one prompt's group", "openrs.train.trainer.WholeGroupsTrainer",
            "TRL 1.16 shuffles prompts together before it forms micro-batches", config.algorithm.whole_groups,
            expected=True),
        P("logits divided by temperature", "false", "temperature=1.0 and generation_kwargs", "TRL 1.16: true",
            config.algorithm.logits_over_temperature),
        P("KL term times the importance ratio", "false", "use_bias_correction_kl",
            f"{changed['use_bias_correction_kl']}; which alters its gradient even on-policy"),
        P("importance-sampling correction", "false", "vllm_importance_sampling_correction",
            f"{changed['vllm_importance_sampling_correction']}; of vLLM's log-probabilities"),
        P("attention", "flash_attention_2", "transformers' default", "of the paper's recipe file; PyTorch's "
            "own kernels compute the same attention, rounded otherwise, and need no package built for one "
            "CUDA", "sdpa"),
        P("gold answer of a reward", "the solution column", "the data stage (openrs/data/catalog.py)",
            "for rewards named as_run too: the paper parsed the worked solution, and where that gave nothing "
            "every completion was right", "the answer column, boxed"),
        P("optim", "adamw_torch", "optim", f"{changed['optim']}; of transformers 5"),
        P("master weights", "float32", "model_init_kwargs", "ZeRO-2 kept them so; transformers 5 loads the "
            "file's bf16, whose AdamW at 1e-6 changes 2 % of weights", values["model_init_kwargs"]["dtype"]),
        *(P(name, DROPPED, name, f"algorithm.trl; {changed.get(name, 'no default is recorded')}")
            for name in sorted(config.algorithm.trl)),
        *([P("adapter", "none: all weights", "GRPOTrainer(peft_config=...)", "the learning rate is "
            f"{config.adapter.learning_rate_factor:g} times algorithm.learning_rate",
            f"{config.adapter.name}, rank {config.adapter.rank}")] if config.adapter else ()),
    )
# fmt: on


def table5(config: Config) -> Table:
    """The whole table for one experiment."""
    rows = tuple((item.settings, _cells(item)) for item in parameters(config))
    title = f"Table 5: hyper-parameters of the GRPO trainer, {config.name}"
    return Table(title, COLUMNS[1:], rows, CAPTION, labels=COLUMNS[0])


def _cells(parameter: Parameter) -> tuple[str, ...]:
    note = parameter.note
    if parameter.differs:
        note = f"differs: {note or 'another option or the command line says so'}"
    return (parameter.name, parameter.paper, shown(parameter.value), parameter.taker, note or "same")


def for_command(experiment: str, overrides: list[str]) -> Table:
    """The table of an experiment at paper scale, with changes as the command line of openrs takes them.

    Raises:
        Mistake: an option or a value is wrong.
    """
    return table5(compose_config(f"experiment={experiment}", "scale=paper", *overrides))
