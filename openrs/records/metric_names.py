"""The figures of a logged training step: what metrics.jsonl calls them, and what TRL does."""

NAMES = {
    "reward": "reward",
    "kl": "kl",
    "completions/mean_length": "completion_length",
    "completions/clipped_ratio": "truncated_share",
    "frac_reward_zero_std": "no_signal_share",
    "entropy": "entropy",
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "verifier_timeouts": "verifier_timeouts",
    "sampling/gap": "sampling_gap",
    "sampling/importance_sampling_ratio/mean": "importance_ratio",
}
"""TRL's name of a logged figure -> ours."""

LOGGED = (*NAMES.values(), "foreign_share", "step_seconds")
"""Every figure but the reward's terms, which are logged under `rewards` before their weights."""
