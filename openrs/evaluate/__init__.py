"""The evaluate stage: lighteval measures a checkpoint on benchmarks, and scores are stored."""
