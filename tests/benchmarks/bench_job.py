"""Wall time and memory of the main job and of the table1 sweep on this machine, and of a re-run.

About 12 minutes on 2 cores. Limits there: 8 minutes and 4 GB for the job, 15 minutes for the sweep.
Both start from an empty outputs folder.
"""

import resource
import subprocess
import sys
import time

import pytest

from openrs.paths import ROOT

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]


def timed(*arguments):
    """Wall seconds of a command, and the most memory (GiB) of any process of it so far."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "openrs", *arguments], cwd=ROOT, check=True)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"\n{seconds / 60:.1f} min, {peak:.2f} GiB at most: openrs {' '.join(arguments)}")
    return seconds, peak


@pytest.mark.parametrize(
    ("arguments", "minutes"),
    [(["experiment=exp3", "data=mixed"], 8), (["-m", "sweeps=table1"], 15)],
    ids=["main job", "table1"],
)
def test_minutes_and_memory(arguments, minutes, tmp_path):
    command = (*arguments, "scale=nano", f"outputs={tmp_path}")
    seconds, peak = timed(*command)
    assert seconds < 60 * minutes
    assert peak < 4
    again, _ = timed(*command)
    assert again < seconds / 20  # all of it is there already
