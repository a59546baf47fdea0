"""Fixtures of the sweep tests."""

from ray_cluster import ray_cluster
from sweep_fixtures import postgres, stub

__all__ = ["postgres", "ray_cluster", "stub"]
