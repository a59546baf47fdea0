"""The train stage: TRL's trainer, from the newest sound checkpoint to `steps.stop_at`, and the record."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from datasets import Dataset
from transformers import AutoTokenizer, PrinterCallback, ProgressCallback, TrainerCallback, set_seed
from transformers.integrations import WandbCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import split_tensor_dict

from openrs.config.checks.paths import is_hub_id
from openrs.config.schema import Config
from openrs.config.training import Adapter, Length
from openrs.data.mix import Mix
from openrs.errors import Mistake
from openrs.hub.push import Repository
from openrs.models import adapters
from openrs.models import chat as chat_room
from openrs.models.chat import Chat
from openrs.models.files import fetched, loadable
from openrs.processes import interruption
from openrs.processes.vllm_server import Server
from openrs.records import faults, reward_sources, training
from openrs.records.checkpoints import free_what_is_passed, keep, remove_torn, whole_checkpoints
from openrs.records.ledger import devices_held
from openrs.records.left_out import sound_record
from openrs.records.resumption import make_way, resumption
from openrs.records.run import Run, versions
from openrs.records.training import Checkpoint, TrainRecord
from openrs.rewards import CustomReward
from openrs.train.arguments import trainer_arguments
from openrs.train.callbacks import (
    Checkpoints,
    Curves,
    Pushes,
    StopAt,
    TrainingProgress,
    curves_in_wandb,
)
from openrs.train.collapse import StopRule
from openrs.train.early_stop import EarlyStop
from openrs.train.metrics import Metrics
from openrs.train.prompts import read_prompts, whole, write_prompts
from openrs.train.sampler_check import CheckedTrainer


class Arguments(GRPOConfig):
    """GRPOConfig on a CPU that has no number.

    accelerate numbers the CPUs of several processes, transformers resumes by loading the optimizer onto
    `cpu:0`, and torch has no such place.
    """

    @property
    def device(self) -> torch.device:
        """The device of this process."""
        device = super().device
        return torch.device("cpu") if device.type == "cpu" else device


TRUNCATED = "completions/clipped_ratio"
"""TRL's name, in the trainer's log, which every process has and a checkpoint keeps."""


class StagedCap(TrainerCallback):
    """Sets each optimizer step's cap on generation; resumed training finds its own."""

    def __init__(self, trainer: GRPOTrainer, length: Length) -> None:
        self.trainer, self.length = trainer, length

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The loss keeps TRL's `max_completion_length`, by which Dr. GRPO divides."""
        truncated = [line[TRUNCATED] for line in state.log_history if TRUNCATED in line]
        cap = self.length.at(state.global_step + 1, truncated)
        if self.trainer.use_vllm:
            self.trainer.vllm_generation.max_completion_length = cap
        else:
            self.trainer.generation_config.max_new_tokens = cap
            self.trainer.generation_kwargs["max_new_tokens"] = cap


class WholeGroupsTrainer(CheckedTrainer):
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


def train(
    config: Config,
    run: Run,
    mix: Mix,
    server: Server | None = None,
    stop_rule: StopRule | None = None,
    repository: Repository | None = None,
    stop_requested: Callable[[], object] = interruption.stop_requested,
) -> TrainRecord | None:
    """Trains to `config.stop_at` from the newest checkpoint that can be gone on from, and writes the record.

    Every process of the training calls this; only the first writes, and returns the record.

    Args:
        server: the vLLM server that generates, where there is one.
        stop_rule: sees every logged step in the first process and may end training there, in all
            processes and with a checkpoint.
        repository: gets each checkpoint as it is saved.
        stop_requested: whether the command is asked to end; training then saves a checkpoint at the end of
            its step, and leaves the record as it is.

    Raises:
        Interrupted: this process was asked to end.
        Mistake: too few prompts fit, or another number of processes was started than the recipe's batch
            was shared for.
    """
    folder = run.folder / "train"
    folder.mkdir(parents=True, exist_ok=True)
    weights = loadable(config.model, Path(config.outputs) / "models")
    if is_hub_id(config.model) and (config.adapter or config.hardware.generation == "vllm_colocate"):
        # TRL tells the vLLM beside the trainer no revision, and PEFT asks the Hub at every checkpoint
        weights = fetched(config.model)
    adapters.check(config, Path(weights))
    with refusals_of_trl(config):
        arguments = Arguments(**trainer_arguments(config, weights, folder, server))
    if arguments.deepspeed_plugin is not None:  # which adds up micro-batches in the compute type
        arguments.deepspeed_plugin.deepspeed_config["data_types"] = {"grad_accum_dtype": "fp32"}
    if arguments.world_size != config.hardware.training_processes:
        raise Mistake(
            f"hardware.training_processes={config.hardware.training_processes}: training runs in "
            f"{arguments.world_size} process(es), which would take another batch than the recipe says. "
            f"Give hardware.training_processes={arguments.world_size}, or let openrs start them."
        )
    first, reached = arguments.process_index == 0, 0
    revision = config.model.loaded_revision or "main"
    tokenizer = AutoTokenizer.from_pretrained(weights, revision=revision, padding_side="left")
    chat = chat_room.chat(config.model, tokenizer.chat_template)
    with arguments.main_process_first(local=False, desc="prompts and checkpoints"):
        if first:
            remove_torn(folder)
            resumed = resumption(folder, config.stop_at)
            make_way(run.folder, resumed, config.stop_at)
            reached = resumed.step
            if reached < config.stop_at:
                if not whole(config, prompts := folder / "prompts.jsonl"):
                    write_prompts(config, mix, tokenizer, chat, prompts)
                _begin_segment(config, folder, reached + 1)
            else:
                keep(folder / f"checkpoint-{reached}")
    if arguments.world_size > 1:
        (reached,) = broadcast_object_list([reached])
    stopped = None
    if reached < config.stop_at:
        metrics = Metrics(folder / "metrics.jsonl", reached) if first else None
        early_stop = EarlyStop(
            metrics, stop_rule, config.stop_at, config.algorithm.num_iterations, stop_requested
        )
        callbacks: list[TrainerCallback] = [StopAt(config.stop_at), Checkpoints(early_stop, config.model)]
        if metrics is not None:
            callbacks += [metrics, TrainingProgress(run.folder.name, config.stop_at, metrics.seconds)]
        if first and repository is not None:
            callbacks.append(Pushes(config, repository, stop_requested))
        with curves_in_wandb(config, run) if first else nullcontext():
            with refusals_of_trl(config):
                trainer = _trainer(
                    config, folder, weights, tokenizer, chat, arguments, [*callbacks, early_stop]
                )
            if metrics is not None:
                metrics.texts = lambda: [str(text) for text in trainer._logs["completion"]]
            # lighteval switches gradients off for the whole process when it is imported, and in a sweep a
            # run is trained after another was evaluated
            torch.set_grad_enabled(True)
            seconds = config.hardware.stop_timeout
            with interruption.ends_itself(interruption.training_ends(seconds), seconds):
                trainer.train(
                    resume_from_checkpoint=str(folder / f"checkpoint-{reached}") if reached else None
                )
        if early_stop.interrupted:
            return None
        stopped = early_stop.stopped
    if not first:
        return None
    free_what_is_passed(folder)  # a kill in the last save leaves some
    return _write_record(run, stopped)


def _begin_segment(config: Config, folder: Path, first_step: int) -> None:
    """Records what this stretch of training runs on."""
    hardware = config.hardware
    segment: dict[str, Any] = {
        "first_step": first_step,
        "world_size": hardware.training_processes,
        "sharding": hardware.sharding,
        "hardware": hardware.name,
        "devices": devices_held(hardware.devices, hardware.nodes),
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }
    if config.reward.custom:
        segment["rewards"] = reward_sources.imported(config)
    training.begin_segment(folder, segment)


@contextmanager
def refusals_of_trl(config: Config) -> Iterator[None]:
    """Turns what TRL refuses into the user's mistake, where the user passes fields on to it."""
    try:
        yield
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        if isinstance(error, Mistake) or not config.algorithm.trl:
            raise
        raise Mistake(
            f"algorithm.trl={config.algorithm.trl}: TRL refuses it with the rest of the config "
            f"({' '.join(str(error).split())}). Change it, or leave it out."
        ) from error


def reward_functions(config: Config) -> list[Callable[..., list[float | None]]]:
    """The reward terms as TRL calls them."""
    return [
        term.term(name) if isinstance(term, CustomReward) else term
        for name, term in config.reward.terms.items()
    ]


def _peft_config(adapter: Adapter) -> Any:
    """An adapter as PEFT takes it."""
    from peft import LoraConfig

    return LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=adapter.modules,
        use_dora=adapter.name == "dora",
        task_type="CAUSAL_LM",
    )


def _trainer(
    config: Config,
    folder: Path,
    weights: str,
    tokenizer: Any,
    chat: Chat,
    arguments: GRPOConfig,
    callbacks: list[TrainerCallback],
) -> GRPOTrainer:
    """TRL's trainer for this process; the prompts are in the folder."""
    kind = WholeGroupsTrainer if config.algorithm.whole_groups else CheckedTrainer
    if config.adapter:
        set_seed(config.seed)  # TRL seeds only after PEFT has drawn the first matrices
    trainer = kind(
        model=weights,
        processing_class=tokenizer,
        args=arguments,
        reward_funcs=reward_functions(config),
        train_dataset=Dataset.from_list(read_prompts(config, chat, folder / "prompts.jsonl")),
        callbacks=callbacks,
        peft_config=_peft_config(config.adapter) if config.adapter else None,
    )
    trainer.config = config
    # not one of TRL's arguments, which are logged as JSON: a clock is a function
    trainer.chat_template_kwargs = chat.arguments
    for callback in (PrinterCallback, ProgressCallback, WandbCallback):
        trainer.remove_callback(callback)
    if config.tracker.kind == "wandb":
        trainer.add_callback(Curves())
    if config.length.stages or config.length.growing:
        trainer.add_callback(StagedCap(trainer, config.length))
    return trainer


def _write_record(run: Run, stopped: dict[str, Any] | None) -> TrainRecord:
    """Writes `train.json` from what the folder holds."""
    folder = run.folder / "train"
    saved = whole_checkpoints(folder)
    last = max(saved)
    lines = [line for line in training.logged_steps(folder) if line["step"] <= last]
    data = sound_record(folder / "data.json", faults.of_data) or {"rows": {}, "dropped": {}}
    seconds = {line["step"]: line.get("step_seconds", 0.0) for line in lines}
    segments = training.finished_segments(training.segments(folder), last, seconds)
    record = TrainRecord(
        checkpoints=tuple(Checkpoint(step, f"train/{saved[step].name}") for step in sorted(saved)),
        last_step=last,
        wall_seconds=round(sum(seconds.values()), 3),
        device_hours=sum(segment["device_hours"] for segment in segments),
        rows=data["rows"],
        dropped=data["dropped"],
        metrics=lines[-1] if lines else {},
        segments=tuple(segments),
        stopped=stopped,
    )
    run.write_train_record(record)
    return record
