"""The train stage: recipe -> TRL's GRPOConfig and trainer -> checkpoints and a TrainRecord.

TRL's and transformers' argument names live here and nowhere else. Source of the paper's values:
recipes/grpo.yaml of knoveleng/open-rs; what TRL 1.16 renamed or changed is marked in
conf/algorithm/grpo_paper.yaml.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, PrinterCallback, ProgressCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import split_tensor_dict

from openrs.config.schema import Config
from openrs.config.training import Length
from openrs.data.mix import Mix, prompt_order
from openrs.errors import Mistake
from openrs.machine import WANDB_HOST, reaches, wandb_key
from openrs.models import loadable
from openrs.processes.vllm_server import Server
from openrs.records import training
from openrs.records.checkpoints import remove_torn, whole_checkpoints
from openrs.records.files import read_lines, read_record, write_lines, write_record
from openrs.records.ledger import devices_held
from openrs.records.run import Run, versions
from openrs.records.training import Checkpoint, TrainRecord
from openrs.train.callbacks import Checkpoints, Metrics, ProgressLine, StopAt, Watched
from openrs.train.collapse import Watch


class Arguments(GRPOConfig):
    """GRPOConfig on a CPU that has no number.

    accelerate numbers the CPUs of several processes, transformers resumes by loading the optimizer onto
    `cpu:0`, and torch knows no such place.
    """

    @property
    def device(self) -> torch.device:
        """The device of this process."""
        device = super().device
        return torch.device("cpu") if device.type == "cpu" else device


class StagedCap(TrainerCallback):
    """Sets the cap on generation that an optimizer step has; resumed training finds its own."""

    def __init__(self, trainer: GRPOTrainer, length: Length) -> None:
        self.trainer, self.length = trainer, length

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The loss keeps TRL's `max_completion_length`, which Dr. GRPO divides by."""
        cap = self.length.at(state.global_step + 1)
        if self.trainer.use_vllm:
            self.trainer.vllm_generation.max_completion_length = cap
        else:
            self.trainer.generation_config.max_new_tokens = cap
            self.trainer.generation_kwargs["max_new_tokens"] = cap


class WholeGroupsTrainer(GRPOTrainer):
    """TRL's trainer with every micro-batch made of whole groups.

    TRL 69ad852 took each loss mean over the six completions of one prompt. TRL 1.16 shuffles the
    generated batch across prompts first; this leaves that out, and generates for all micro-batches
    of an optimizer step at once (the weights are the same for all of them).
    """

    _buffered_inputs: Any

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        if not self.model.training:
            return super()._prepare_inputs(generation_batch)
        per_generation = self.args.steps_per_generation
        if self._step % (per_generation * self.num_iterations) == 0 or self._buffered_inputs is None:
            generated = self._generate_and_score_completions(generation_batch)
            self._buffered_inputs = split_tensor_dict(generated, per_generation)
        return self._buffered_inputs[self._step % per_generation]


def trainer_arguments(
    config: Config, model: str, folder: Path, server: Server | None = None
) -> dict[str, Any]:
    """Every argument of GRPOConfig that openrs sets.

    Args:
        model: path or Hub id of the starting weights.
        folder: TRL's output folder, the run's train/.
        server: where the vLLM server listens, with hardware.generation=vllm_server.
    """
    algorithm, length, hardware = config.algorithm, config.length, config.hardware
    scaled_logits = algorithm.logits_over_temperature
    arguments: dict[str, Any] = {
        "output_dir": str(folder),
        "seed": config.seed,
        # the recipe's batch, shared by the hardware
        "per_device_train_batch_size": algorithm.micro_batch,
        "gradient_accumulation_steps": config.gradient_accumulation,
        "steps_per_generation": config.gradient_accumulation,
        "num_generations": algorithm.group_size,
        "num_iterations": algorithm.num_iterations,
        "shuffle_dataset": False,  # the data stage wrote the order
        # optimizer and schedule
        "max_steps": config.steps.total,
        "learning_rate": algorithm.learning_rate,
        "lr_scheduler_type": algorithm.schedule,
        "lr_scheduler_kwargs": (
            {"min_lr_rate": algorithm.min_lr_rate} if algorithm.schedule == "cosine_with_min_lr" else {}
        ),
        "warmup_steps": algorithm.warmup,  # a fraction below 1 is a share of max_steps
        "optim": algorithm.optimizer,
        "adam_beta1": algorithm.adam_beta1,
        "adam_beta2": algorithm.adam_beta2,
        "adam_epsilon": algorithm.adam_epsilon,
        "weight_decay": algorithm.weight_decay,
        "max_grad_norm": algorithm.max_grad_norm,
        # precision: float32 master weights, autocast to the model's compute type
        "model_init_kwargs": {"dtype": "float32", "revision": config.model.revision or "main"},
        "bf16": config.model.compute_dtype == "bfloat16",
        "use_cpu": hardware.device == "cpu",
        "dataloader_pin_memory": hardware.device == "cuda",
        "ddp_find_unused_parameters": False,
        "gradient_checkpointing": hardware.device == "cuda",
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        # sampling; generation_kwargs alone samples at the temperature and leaves logits unscaled
        "max_completion_length": length.completion,
        "temperature": algorithm.temperature if scaled_logits else 1.0,
        "generation_kwargs": None if scaled_logits else {"temperature": algorithm.temperature},
        # loss
        "beta": algorithm.beta,
        "epsilon": algorithm.epsilon,
        "epsilon_high": algorithm.epsilon_high,
        "loss_type": algorithm.loss,
        "scale_rewards": algorithm.scale_rewards,
        "use_bias_correction_kl": algorithm.bias_corrected_kl,
        "vllm_importance_sampling_correction": algorithm.importance_sampling_correction,
        "mask_truncated_completions": algorithm.mask_truncated,
        "reward_weights": [term.weight for term in reward_terms(config)],
        # logging and saving
        "logging_steps": 1,
        "logging_first_step": True,
        "log_completions": True,
        "num_completions_to_print": 0,
        "save_strategy": "steps",
        "save_steps": config.steps.save_every,
        "report_to": [] if config.tracker.kind == "none" else [config.tracker.kind],
        "run_name": folder.parent.name,
        "disable_tqdm": True,
    }
    if hardware.generation == "vllm_server":
        server = server or Server()
        arguments |= {
            "use_vllm": True,
            "vllm_mode": "server",
            "vllm_server_host": server.host,
            "vllm_server_port": server.port,
            "vllm_group_port": server.group_port,
            "vllm_server_timeout": 60.0,  # it answers already: openrs waited for it
        }
    elif hardware.generation == "vllm_colocate":
        arguments |= {
            "use_vllm": True,
            "vllm_mode": "colocate",
            "vllm_gpu_memory_utilization": hardware.vllm_memory,
            "vllm_max_model_length": length.prompt + length.completion,
            "vllm_tensor_parallel_size": 1,
            "vllm_enable_sleep_mode": True,
        }
    return arguments


def reward_terms(config: Config) -> list[Any]:
    """The reward terms that are on, in the schema's order."""
    return [term for term in vars(config.reward).values() if term is not None]


def write_prompts(config: Config, mix: Mix, tokenizer: Any, path: Path) -> None:
    """Writes the prompts of the whole schedule in order, one JSON line each, and what was left out.

    Prompts over the token cap are left out: the old trainer cut them for the loss but not for
    generation. The counts go into `data.json` beside the prompts.
    """
    conversations = [messages(config, row["problem"]) for row in mix.rows]
    tokenized = tokenizer.apply_chat_template(
        conversations, add_generation_prompt=True, tokenize=True, return_dict=True
    )["input_ids"]
    fitting = [i for i, ids in enumerate(tokenized) if len(ids) <= config.length.prompt]
    if len(fitting) < config.algorithm.prompts_per_step:
        middle = sorted(len(ids) for ids in tokenized)[len(tokenized) // 2]
        raise Mistake(
            f"length.prompt={config.length.prompt}: only {len(fitting)} of {len(tokenized)} prompts fit "
            f"(half of them have {middle} tokens or more). Give a larger length.prompt."
        )
    turn = {draw: number for number, group in enumerate(config.data.curriculum) for draw in group}
    turns = [turn[mix.rows[i]["draw"]] for i in fitting] if turn else []
    per_step, steps = config.algorithm.prompts_per_step, config.steps.total
    order = prompt_order(len(fitting), per_step, steps, config.seed, turns)
    dropped = {name: dict(counts) for name, counts in mix.dropped.items()}
    for index in sorted(set(range(len(tokenized))) - set(fitting)):
        counts = dropped[mix.rows[index]["draw"]]
        counts["over length.prompt"] = counts.get("over length.prompt", 0) + 1
    write_record(path.with_name("data.json"), {"rows": mix.drawn, "dropped": dropped})
    rows = (mix.rows[fitting[index]] for index in order)
    write_lines(path, ({key: row[key] for key in ("id", "draw", "problem", "solution")} for row in rows))


def messages(config: Config, problem: str) -> list[dict[str, str]]:
    """The conversation that a training prompt is."""
    system = [{"role": "system", "content": config.prompt.system}] if config.prompt.system else []
    return [*system, {"role": "user", "content": problem}]


def _dataset(config: Config, path: Path) -> Dataset:
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return Dataset.from_list(
        [{"prompt": messages(config, row["problem"]), "solution": row["solution"]} for row in rows]
    )


def _pushes(config: Config, run: Run) -> list[Any]:
    if not config.hub.push:
        return []
    from openrs.hub.push import Pushes

    return [Pushes(config, run)]


def _track(config: Config, run: Run) -> None:
    """Points W&B at this run; it works offline where there is no key or no network."""
    os.environ["WANDB_PROJECT"] = config.tracker.project
    os.environ["WANDB_DIR"] = str(run.folder)
    os.environ["WANDB_RUN_ID"] = run.id[:8]
    os.environ["WANDB_RESUME"] = "allow"
    if not (wandb_key() and reaches(WANDB_HOST)):
        os.environ.setdefault("WANDB_MODE", "offline")


def train(
    config: Config, run: Run, mix: Mix, server: Server | None = None, watch: Watch | None = None
) -> TrainRecord | None:
    """Trains to `config.stop_at` from the last whole checkpoint, and writes the record.

    With several processes each of them calls this; only the first writes, and returns the record.

    Args:
        server: the vLLM server that generates, where there is one.
        watch: sees every logged step in the first process and may end training there, in all of them
            and with a checkpoint.

    Raises:
        Mistake: too few prompts fit, or another number of processes was started than the recipe's batch
            was shared for.
    """
    folder = run.folder / "train"
    folder.mkdir(parents=True, exist_ok=True)
    base = loadable(config.model, Path(config.outputs) / "models")
    arguments = Arguments(**trainer_arguments(config, base, folder, server))
    if arguments.world_size != config.hardware.training_processes:
        raise Mistake(
            f"hardware.training_processes={config.hardware.training_processes}: training runs in "
            f"{arguments.world_size} process(es), which would take another batch than the recipe says. "
            f"Give hardware.training_processes={arguments.world_size}, or let openrs start them."
        )
    first = arguments.process_index == 0
    with arguments.main_process_first(local=False, desc="prompts and checkpoints"):
        if first:
            remove_torn(folder)
            reached = max(whole_checkpoints(folder), default=0)
            if reached < config.stop_at:
                _begin_segment(config, run, mix, reached)
        reached = max(whole_checkpoints(folder), default=0)
    stopped = None
    if reached < config.stop_at:
        stopped = _train_on(config, run, arguments, reached, watch)
    return _write_record(run, stopped) if first else None


def _tokenizer(config: Config) -> Any:
    base = loadable(config.model, Path(config.outputs) / "models")
    revision = config.model.revision or "main"
    return AutoTokenizer.from_pretrained(base, revision=revision, padding_side="left")


def _begin_segment(config: Config, run: Run, mix: Mix, reached: int) -> None:
    """Writes the prompts where they are not there yet, and what this stretch of training runs on."""
    folder, hardware = run.folder / "train", config.hardware
    prompts = folder / "prompts.jsonl"
    if not prompts.exists():
        write_prompts(config, mix, _tokenizer(config), prompts)
    segment = {
        "first_step": reached + 1,
        "world_size": hardware.training_processes,
        "sharding": hardware.sharding,
        "hardware": hardware.name,
        "devices": devices_held(hardware.devices, hardware.nodes),
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }
    training.begin_segment(folder, segment)


def make_trainer(
    config: Config, run: Run, arguments: GRPOConfig, reached: int, watch: Watch | None = None
) -> tuple[GRPOTrainer, Watched]:
    """TRL's trainer for this process, at step `reached`, and its watch; the prompts must be written."""
    folder = run.folder / "train"
    callbacks: list[Any] = [StopAt(config.stop_at), Checkpoints()]
    metrics = None
    if arguments.process_index == 0:
        metrics = Metrics(folder / "metrics.jsonl", reached)
        callbacks += [metrics, ProgressLine(run.folder.name, config.stop_at), *_pushes(config, run)]
    watched = Watched(metrics, watch, config.stop_at, config.algorithm.num_iterations)
    kind = WholeGroupsTrainer if config.algorithm.whole_groups else GRPOTrainer
    trainer = kind(
        model=loadable(config.model, Path(config.outputs) / "models"),
        processing_class=_tokenizer(config),
        args=arguments,
        reward_funcs=reward_terms(config),
        train_dataset=_dataset(config, folder / "prompts.jsonl"),
        callbacks=[*callbacks, watched],
    )
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    if config.length.stages:
        trainer.add_callback(StagedCap(trainer, config.length))
    if metrics is not None:
        metrics.texts = lambda: [str(text) for text in trainer._logs["completion"]]
    return trainer, watched


def _train_on(
    config: Config, run: Run, arguments: GRPOConfig, reached: int, watch: Watch | None
) -> dict[str, Any] | None:
    """Goes from step `reached` to `config.stop_at`; returns why it ended before, if it did."""
    tracked = config.tracker.kind == "wandb" and arguments.process_index == 0
    if tracked:
        _track(config, run)
    trainer, watched = make_trainer(config, run, arguments, reached, watch)
    checkpoint = str(run.folder / f"train/checkpoint-{reached}") if reached else None
    try:
        # lighteval switches gradients off for the whole process when it is imported, and in a sweep a
        # run is trained after another was evaluated
        torch.set_grad_enabled(True)
        trainer.train(resume_from_checkpoint=checkpoint)
    finally:
        if tracked:
            import wandb

            wandb.finish()  # else the next run of a sweep would log into this one
    return watched.stopped


def _write_record(run: Run, stopped: dict[str, Any] | None) -> TrainRecord:
    """Gathers what the folder holds into `train.json`."""
    folder = run.folder / "train"
    saved, lines = whole_checkpoints(folder), read_lines(folder / "metrics.jsonl")
    last = max(saved)
    data = read_record(folder / "data.json") or {"rows": {}, "dropped": {}}
    seconds = {line["step"]: line["step_seconds"] for line in lines}
    done = training.finished_segments(training.segments(folder), last, seconds)
    record = TrainRecord(
        checkpoints=tuple(Checkpoint(step, f"train/{saved[step].name}") for step in sorted(saved)),
        last_step=last,
        wall_seconds=round(sum(seconds.values()), 3),
        device_hours=sum(segment["device_hours"] for segment in done),
        rows=data["rows"],
        dropped=data["dropped"],
        metrics=lines[-1],
        segments=tuple(done),
        stopped=stopped,
    )
    run.write_train_record(record)
    return record
