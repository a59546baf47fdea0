"""Fixtures of the sweep tests."""

from tests.helpers.ray_cluster import ray_cluster
from tests.helpers.sweep_fixtures import postgres, stub

__all__ = ["postgres", "ray_cluster", "stub"]
