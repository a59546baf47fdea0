"""The train stage: a recipe becomes TRL's arguments and trainer, checkpoints and a record."""
