"""Optuna studies where they are kept: storages, signs of life, slots, and the one reader of all of it."""
