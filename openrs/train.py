"""The train stage: recipe -> TRL's GRPOConfig and trainer -> checkpoints and a TrainRecord.

TRL's and transformers' argument names live here and nowhere else. Source of the paper's values:
recipes/grpo.yaml of knoveleng/open-rs; what TRL 1.16 renamed or changed is marked in
conf/algorithm/grpo_paper.yaml.
"""

import json
import netrc
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, PrinterCallback, ProgressCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import split_tensor_dict

from openrs.collapse import Watch
from openrs.config import Config
from openrs.data import Mix, prompt_order
from openrs.metrics import logged
from openrs.mistake import Mistake
from openrs.models import loadable
from openrs.progress import Checkpoints, Metrics, ProgressLine, StopAt, Watched, whole_checkpoints
from openrs.run import Checkpoint, Run, TrainRecord, read_record, versions, write_record

WANDB_HOST = "api.wandb.ai"


class WholeGroupsTrainer(GRPOTrainer):
    """TRL's trainer with every micro-batch made of whole groups.

    TRL 69ad852 took each loss mean over the six completions of one prompt. TRL 1.16 shuffles the
    generated batch across prompts first; this leaves that out, and generates for all micro-batches
    of an optimizer step at once (the weights are the same for all of them).
    """

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        if not self.model.training:
            return super()._prepare_inputs(generation_batch)
        per_generation = self.args.steps_per_generation
        if self._step % (per_generation * self.num_iterations) == 0 or self._buffered_inputs is None:
            generated = self._generate_and_score_completions(generation_batch)
            self._buffered_inputs = split_tensor_dict(generated, per_generation)
        return self._buffered_inputs[self._step % per_generation]


def trainer_arguments(config: Config, model: str, folder: Path) -> dict[str, Any]:
    """Every argument of GRPOConfig that openrs sets.

    Args:
        model: path or Hub id of the starting weights.
        folder: TRL's output folder, the run's train/.
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
    if hardware.generation != "transformers":
        arguments |= {
            "use_vllm": True,
            "vllm_mode": hardware.generation.removeprefix("vllm_"),
            "vllm_gpu_memory_utilization": 0.7,
            "vllm_max_model_length": length.prompt + length.completion,
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
    order = prompt_order(len(fitting), config.algorithm.prompts_per_step, config.steps.total, config.seed)
    dropped = {
        "duplicates": mix.duplicates,
        "in benchmarks": sum(mix.in_benchmarks.values()),
        "over length.prompt": len(tokenized) - len(fitting),
    }
    write_record(path.with_name("data.json"), {"rows": mix.drawn, "dropped": dropped})
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        for index in order:
            row = mix.rows[fitting[index]]
            line = {key: row[key] for key in ("id", "draw", "problem", "solution")}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    partial.replace(path)


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


def _track(config: Config, run: Run) -> None:
    """Points W&B at this run; it works offline where there is no key or no network."""
    os.environ["WANDB_PROJECT"] = config.tracker.project
    os.environ["WANDB_DIR"] = str(run.folder)
    os.environ["WANDB_RUN_ID"] = run.id[:8]
    os.environ["WANDB_RESUME"] = "allow"
    if not (_has_key() and _reaches(WANDB_HOST)):
        os.environ.setdefault("WANDB_MODE", "offline")


def _has_key() -> bool:
    try:
        stored = netrc.netrc().authenticators(WANDB_HOST)
    except (OSError, netrc.NetrcParseError):
        stored = None
    return bool(os.environ.get("WANDB_API_KEY") or stored)


def _reaches(host: str) -> bool:
    try:
        with socket.create_connection((host, 443), timeout=3):
            return True
    except OSError:
        return False


def train(config: Config, run: Run, mix: Mix, watch: Watch | None = None) -> TrainRecord:
    """Trains to `config.stop_at` from the last whole checkpoint, and writes the record.

    Args:
        watch: sees every logged step and may end training there, with a checkpoint.
    """
    folder = run.folder / "train"
    folder.mkdir(parents=True, exist_ok=True)
    saved = whole_checkpoints(folder)
    for path in folder.glob("checkpoint-*"):
        if path not in saved.values():
            shutil.rmtree(path)  # half-written when its process died
    reached = max(saved, default=0)
    stopped = None
    if reached < config.stop_at:
        stopped = _train_on(config, run, mix, reached, watch)
    return _write_record(config, run, stopped)


def _train_on(config: Config, run: Run, mix: Mix, reached: int, watch: Watch | None) -> dict[str, Any] | None:
    """Goes from step `reached` to `config.stop_at`; returns why it ended before, if it did."""
    folder, stop_at = run.folder / "train", config.stop_at
    base = loadable(config.model, Path(config.outputs) / "models")
    revision = config.model.revision or "main"
    tokenizer = AutoTokenizer.from_pretrained(base, revision=revision, padding_side="left")
    prompts = folder / "prompts.jsonl"
    if not prompts.exists():
        write_prompts(config, mix, tokenizer, prompts)
    segment = {
        "first_step": reached + 1,
        "world_size": config.hardware.training_processes,
        "hardware": config.hardware.name,
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }
    with (folder / "segments.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(segment) + "\n")
    if config.tracker.kind == "wandb":
        _track(config, run)
    metrics = Metrics(folder / "metrics.jsonl", reached)
    watched = Watched(metrics, watch, stop_at, config.algorithm.num_iterations)
    kind = WholeGroupsTrainer if config.algorithm.whole_groups else GRPOTrainer
    trainer = kind(
        model=base,
        processing_class=tokenizer,
        args=GRPOConfig(**trainer_arguments(config, base, folder)),
        reward_funcs=reward_terms(config),
        train_dataset=_dataset(config, prompts),
        callbacks=[
            metrics,
            watched,
            ProgressLine(run.folder.name, stop_at),
            StopAt(stop_at),
            Checkpoints(),
        ],
    )
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    metrics.texts = lambda: [str(text) for text in trainer._logs["completion"]]
    try:
        # lighteval switches gradients off for the whole process when it is imported, and in a sweep a
        # run is trained after another was evaluated
        torch.set_grad_enabled(True)
        trainer.train(resume_from_checkpoint=str(folder / f"checkpoint-{reached}") if reached else None)
    finally:
        if config.tracker.kind == "wandb":
            import wandb

            wandb.finish()  # else the next run of a sweep would log into this one
    return watched.stopped


def _write_record(config: Config, run: Run, stopped: dict[str, Any] | None) -> TrainRecord:
    """Gathers what the folder holds into `train.json`."""
    folder = run.folder / "train"
    saved, lines = whole_checkpoints(folder), logged(folder / "metrics.jsonl")
    last = max(saved)
    data = read_record(folder / "data.json") or {"rows": {}, "dropped": {}}
    segments = [json.loads(line) for line in (folder / "segments.jsonl").read_text().splitlines()]
    ends = [segment["first_step"] - 1 for segment in segments[1:]] + [last]
    seconds = sum(line["step_seconds"] for line in lines)
    record = TrainRecord(
        checkpoints=tuple(Checkpoint(step, f"train/{saved[step].name}") for step in sorted(saved)),
        last_step=last,
        wall_seconds=round(seconds, 3),
        device_hours=seconds * max(1, config.hardware.devices) / 3600,
        rows=data["rows"],
        dropped=data["dropped"],
        metrics=lines[-1],
        segments=tuple(
            segment | {"last_step": end}
            for segment, end in zip(segments, ends, strict=True)
            if end >= segment["first_step"]  # else it was killed before its first checkpoint
        ),
        stopped=stopped,
    )
    run.write_train_record(record)
    return record
