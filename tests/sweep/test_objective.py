"""Objectives read from records."""

from types import SimpleNamespace

import pytest

from openrs.sweep import objective
from tests.helpers.plans import plan_of, trained


def test_devices_of_all_nodes_count(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    trained(plan, [1.0] * 10)  # a second a step
    hardware = SimpleNamespace(devices=4, nodes=2)
    config = SimpleNamespace(stop_at=10, hardware=hardware)
    spread = SimpleNamespace(mix=plan.mix, run=plan.run, config=config)
    assert objective.device_hours(spread) == pytest.approx(80 / 3600)
