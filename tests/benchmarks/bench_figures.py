"""What `openrs figures` takes of three runs: five benchmarks, ten checkpoints, logs; imports included."""

import resource
import subprocess
import sys

import pytest

from openrs.paths import ROOT
from tests.benchmarks import bench_report

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]
MOST = 5
"""Seconds of CPU."""


def test_three_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_report, "RUNS", 3)
    monkeypatch.setattr(bench_report, "WORDS", "")
    bench_report.make(tmp_path)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "openrs", "figures", tmp_path, "-o", tmp_path / "figures"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"\n{cpu:.1f} s of CPU for {len(list(tmp_path.glob('figures/*')))} files (limit {MOST} s)")
    assert cpu < MOST
