"""Fixtures of the sweep tests."""

from sweep_fixtures import postgres, stub

__all__ = ["postgres", "stub"]
