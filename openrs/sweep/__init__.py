"""Sweeps: one question, many runs. A Hydra sweeper over a persistent Optuna study."""
