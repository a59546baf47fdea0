"""The train stage: recipe -> TRL's GRPOConfig and trainer -> checkpoints and a TrainRecord.

TRL's and transformers' argument names live here and nowhere else. Source of the paper's values:
recipes/grpo.yaml of knoveleng/open-rs; what TRL 1.16 renamed or changed is marked in
conf/algorithm/grpo_paper.yaml.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, PrinterCallback, ProgressCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import split_tensor_dict

from openrs.config import Config
from openrs.data import Mix, prompt_order
from openrs.mistake import Mistake
from openrs.models import loadable
from openrs.progress import Checkpoints, Metrics, ProgressLine, StopAt, logged, whole_checkpoints
from openrs.run import Checkpoint, Run, TrainRecord, versions


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
        "model_init_kwargs": {"dtype": "float32", "revision": config.model.revision},
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


def write_prompts(config: Config, mix: Mix, tokenizer: Any, path: Path) -> int:
    """Writes the prompts of the whole schedule in order, one JSON line each.

    Prompts over the token cap are left out, as the old trainer would have cut them for the loss but
    not for generation.

    Returns:
        How many rows of the mix were over the cap.
    """
    conversations = [messages(config, row["problem"]) for row in mix.rows]
    tokenized = tokenizer.apply_chat_template(
        conversations, add_generation_prompt=True, tokenize=True, return_dict=True
    )["input_ids"]
    fitting = [i for i, ids in enumerate(tokenized) if len(ids) <= config.length.prompt]
    if len(fitting) < config.algorithm.prompts_per_step:
        longest = sorted(len(ids) for ids in tokenized)[len(tokenized) // 2]
        raise Mistake(
            f"length.prompt={config.length.prompt}: only {len(fitting)} of {len(tokenized)} prompts fit "
            f"(half of them have {longest} tokens or more). Give a larger length.prompt."
        )
    order = prompt_order(len(fitting), config.algorithm.prompts_per_step, config.steps.total, config.seed)
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        for index in order:
            row = mix.rows[fitting[index]]
            line = {key: row[key] for key in ("id", "draw", "problem", "solution")}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    partial.replace(path)
    return len(tokenized) - len(fitting)


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
    """Points the tracker at this run; W&B works offline where there is no key."""
    if config.tracker.kind != "wandb":
        return
    os.environ.setdefault("WANDB_PROJECT", config.tracker.project)
    os.environ["WANDB_DIR"] = str(run.folder)
    os.environ["WANDB_RUN_ID"] = run.id[:8]
    os.environ["WANDB_RESUME"] = "allow"
    if not os.environ.get("WANDB_API_KEY") and not (Path.home() / ".netrc").exists():
        os.environ.setdefault("WANDB_MODE", "offline")


def train(config: Config, run: Run, mix: Mix) -> TrainRecord:
    """Trains to `config.stop_at` from the last whole checkpoint, and writes the record."""
    folder = run.folder / "train"
    folder.mkdir(parents=True, exist_ok=True)
    base = loadable(config.model, Path(config.outputs) / "models")
    tokenizer = AutoTokenizer.from_pretrained(base, revision=config.model.revision, padding_side="left")
    prompts, dropped = folder / "prompts.jsonl", 0
    if not prompts.exists():
        dropped = write_prompts(config, mix, tokenizer, prompts)
    else:
        dropped = (run.train_record.dropped if run.train_record else {}).get("over length.prompt", 0)

    saved = whole_checkpoints(folder)
    for path in folder.glob("checkpoint-*"):
        if path not in saved.values():
            shutil.rmtree(path)  # half-written when its process died
    resume = max(saved, default=0)
    _track(config, run)
    kind = WholeGroupsTrainer if config.algorithm.whole_groups else GRPOTrainer
    metrics = Metrics(folder / "metrics.jsonl", resume)
    trainer = kind(
        model=base,
        processing_class=tokenizer,
        args=GRPOConfig(**trainer_arguments(config, base, folder)),
        reward_funcs=reward_terms(config),
        train_dataset=_dataset(config, prompts),
        callbacks=[
            metrics,
            ProgressLine(run.folder.name, config.stop_at),
            StopAt(config.stop_at),
            Checkpoints(),
        ],
    )
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    trainer.train(resume_from_checkpoint=str(saved[resume]) if resume else None)

    lines = logged(folder / "metrics.jsonl")
    seconds = sum(line["step_seconds"] for line in lines)
    before = run.train_record
    segment = {
        "first_step": resume + 1,
        "last_step": config.stop_at,
        "world_size": config.hardware.training_processes,
        "hardware": config.hardware.name,
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }
    record = TrainRecord(
        checkpoints=tuple(
            Checkpoint(step, f"train/{path.name}") for step, path in sorted(whole_checkpoints(folder).items())
        ),
        last_step=config.stop_at,
        wall_seconds=seconds,
        device_hours=seconds * max(1, config.hardware.devices) / 3600,
        rows=mix.drawn,
        dropped={
            "duplicates": mix.duplicates,
            "in benchmarks": sum(mix.in_benchmarks.values()),
            "over length.prompt": dropped,
        },
        metrics=lines[-1],
        segments=(*(before.segments if before else ()), segment),
    )
    run.write_train_record(record)
    return record
