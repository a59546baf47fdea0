"""A real sweep at nano scale, evaluated as a whole and in looks: wall time, answers and verdicts.

Three experiments are trained once, before the clock starts; `STEPS` is their length. The outputs that were
evaluated as a whole serve bench_sequential.py as stored outcomes: it takes them from `KEEP`, if that names a
folder.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from openrs.analysis import run_records
from openrs.paths import ROOT
from openrs.records.scores import read_all
from openrs.sequential.comparison import mean_gap
from openrs.sequential.progress import paired_gaps

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]
STEPS = int(os.environ.get("STEPS", "100"))
SWEEP = ["-m", "experiment=exp1,exp2,exp3", "scale=nano", f"steps.total={STEPS}", f"report_step={STEPS}",
         "evaluation.checkpoints=['0',last]"]  # fmt: skip
BAND = 0.5
"""Fixed scores as near to 1.96 as this may fall on either side in looks."""


def seconds(outputs, *arguments):
    """Wall seconds of the sweep."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "openrs", *SWEEP, *arguments, f"outputs={outputs}"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def answers(outputs):
    """Answers that were generated."""
    return sum(score.n for folder in outputs.glob("runs/*/") for score in read_all(folder))


def test_a_sweep_in_looks_against_the_whole(tmp_path):
    trained = tmp_path / "trained"
    seconds(trained, "stages=[train]", "objective=reward")
    whole, looks = (Path(shutil.copytree(trained, tmp_path / name)) for name in ("whole", "looks"))
    fixed = seconds(whole, "stages=[evaluate]", "hydra.sweeper.study_name=whole")
    sequential = seconds(
        looks, "stages=[evaluate]", "evaluation=sequential", "hydra.sweeper.study_name=looks"
    )
    share = answers(looks) / answers(whole)
    print(f"\n{fixed:.0f} s as a whole, {sequential:.0f} s in looks; answers {100 * share:.0f} %")
    bases = [score for folder in whole.glob("runs/base-*/") for score in read_all(folder)]
    records = {run.name: run.sequential for run in run_records.load_all(looks)}
    for folder in sorted(whole.glob("runs/exp*/")):
        score, error = mean_gap([*paired_gaps(bases, read_all(folder)).values()])
        z = score / error
        (found,) = records[folder.name.rpartition("-")[0]]
        verdict = "undecided" if abs(z) < 1.96 else "better" if z > 0 else "worse"
        print(
            f"{folder.name}: whole {100 * score:+.1f} points, score {z:.2f}, {verdict}; in looks "
            f"{100 * found.effect:+.1f}, {found.verdict} at look {found.look}"
        )
        assert found.verdict == verdict or abs(abs(z) - 1.96) < BAND
    if keep := os.environ.get("KEEP"):
        shutil.copytree(whole, keep)
