"""A config as TRL's arguments, without importing TRL.

TRL's and transformers' argument names stand in this file and in config/trl_words.py alone. The paper's values
are those of recipes/grpo.yaml of knoveleng/open-rs; conf/algorithm/grpo_paper.yaml marks what TRL 1.16
renamed or changed.
"""

from pathlib import Path
from typing import Any

from openrs.config.schema import Config
from openrs.processes.vllm_server import Server


def trainer_arguments(
    config: Config, model: str, folder: Path, server: Server | None = None
) -> dict[str, Any]:
    """Every argument of GRPOConfig that openrs sets or passes on, in TRL's own types.

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
        "shuffle_dataset": False,  # prompts.jsonl has the order
        # optimizer and schedule
        "max_steps": config.steps.total,
        "learning_rate": config.learning_rate,
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
        "model_init_kwargs": {
            "dtype": "float32",
            "revision": config.model.loaded_revision or "main",
            **({"attn_implementation": attention} if (attention := config.model.attention) else {}),
        },
        "bf16": config.model.compute_dtype == "bfloat16",
        "use_cpu": hardware.device == "cpu",
        "dataloader_pin_memory": hardware.device == "cuda",
        "ddp_find_unused_parameters": False,
        "gradient_checkpointing": hardware.device == "cuda",
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        # sampling; a temperature in generation_kwargs alone leaves the logits of the loss unscaled
        "max_completion_length": length.completion,
        "temperature": algorithm.temperature if scaled_logits else 1.0,
        "generation_kwargs": None if scaled_logits else {"temperature": algorithm.temperature},
        # loss
        "beta": algorithm.beta,
        "epsilon": algorithm.epsilon,
        "epsilon_high": algorithm.epsilon_high,
        "loss_type": algorithm.loss,
        "importance_sampling_level": algorithm.ratio_level,
        "delta": algorithm.ratio_cap,
        "entropy_coef": algorithm.entropy_bonus,
        "multi_objective_aggregation": algorithm.reward_aggregation,
        "scale_rewards": algorithm.scale_rewards,
        "use_bias_correction_kl": algorithm.bias_corrected_kl,
        "vllm_importance_sampling_correction": algorithm.importance_sampling_correction,
        "mask_truncated_completions": algorithm.mask_truncated,
        "reward_weights": [term.weight for term in config.reward.terms.values()],
        # logging and saving
        "logging_steps": 1,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # the filter hides a loss that is NaN behind the step before
        "log_completions": True,
        "num_completions_to_print": 0,
        "save_strategy": "steps",
        "save_steps": config.steps.save_every,
        "report_to": [] if config.tracker.kind == "none" else [config.tracker.kind],
        "run_name": folder.parent.name,
        "disable_tqdm": True,
    }
    if algorithm.importance_sampling_correction:
        arguments |= {
            "vllm_importance_sampling_mode": algorithm.importance_sampling_mode,
            "vllm_importance_sampling_clip_max": algorithm.importance_sampling_cap,
        }
    if hardware.generation == "vllm_server":
        server = server or Server()
        arguments |= {
            "use_vllm": True,
            "vllm_mode": "server",
            "vllm_server_host": server.host,
            "vllm_server_port": server.port,
            "vllm_group_port": server.group_port,
            "vllm_server_timeout": 60.0,  # openrs has waited for its answer
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
    return arguments | algorithm.trl
