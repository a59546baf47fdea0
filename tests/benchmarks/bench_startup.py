"""Start-up times of the light commands and of a run that is done (limits: 1.5 s and 2 s)."""

import statistics
import subprocess
import sys
import time

import pytest

from openrs.paths import ROOT

pytestmark = pytest.mark.benchmark


def seconds(*arguments):
    """Median of five runs after one."""
    times = []
    for _ in range(6):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "openrs", *arguments], cwd=ROOT, capture_output=True, check=True
        )
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def test_startup(tmp_path):
    main_job = ("experiment=exp3", "data=mixed")
    for arguments in (
        ("--help",),
        (*main_job, "--cfg", "job"),
        (*main_job, "dry_run=true"),
    ):
        print(f"\n{seconds(*arguments):.2f} s  openrs {' '.join(arguments)}")
    small = (*main_job, "steps.total=2", "steps.save_every=1", "report_step=1",
             "evaluation.max_problems=4", f"outputs={tmp_path}")  # fmt: skip
    subprocess.run([sys.executable, "-m", "openrs", *small], cwd=ROOT, check=True)
    print(f"\n{seconds(*small):.2f} s  a finished run again")
