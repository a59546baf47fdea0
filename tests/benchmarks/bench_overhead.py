"""Wall time of training through openrs against a bare TRL script with the same arguments.

Both train the nano model for the same steps and seed in a fresh process, in turn; what is compared
is the time of the whole process. The script has openrs' rewards and its trainer subclass too, which
leaves one shuffle out: with TRL's own the two would draw other completions, of other lengths, and not
do the same work. Limit: 5 % more.
"""

import statistics
import subprocess
import sys
import time

import pytest

from openrs.paths import ROOT

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]

STEPS = 20
ROUNDS = 3

BARE = """
import sys
from datasets import Dataset
from pathlib import Path
from openrs.models import files as model_files
from openrs.config.compose import compose_config
from openrs.data.mix import load_mix, prompt_order
from openrs.train.arguments import trainer_arguments
from openrs.train.prompts import messages
from openrs.train.trainer import Arguments, WholeGroupsTrainer, reward_functions
from transformers import AutoTokenizer

config = compose_config("experiment=exp2", "scale=nano")
base = str(model_files.packaged(config.model))
mix = load_mix(config.data, config.catalog)
order = prompt_order(len(mix.rows), 12, config.steps.total, config.seed)
rows = [mix.rows[i] | {"prompt": messages(config, mix.rows[i]["problem"])}
        for i in order]
arguments = trainer_arguments(config, base, Path(sys.argv[1])) | {"max_steps": int(sys.argv[2])}
trainer = WholeGroupsTrainer(
    model=base, args=Arguments(**arguments), reward_funcs=reward_functions(config),
    train_dataset=Dataset.from_list(rows),
    processing_class=AutoTokenizer.from_pretrained(base, padding_side="left"))
trainer.train()
"""


def seconds(command):
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began


def test_training_costs_what_trl_costs(tmp_path):
    ratios = []
    for number in range(ROUNDS):
        bare = seconds([sys.executable, "-c", BARE, str(tmp_path / f"bare{number}"), str(STEPS)])
        ours = seconds(
            [sys.executable, "-m", "openrs", "experiment=exp2", "scale=nano", "stages=[train]",
             f"steps.total={STEPS}", f"outputs={tmp_path / f'ours{number}'}"]
        )  # fmt: skip
        ratios.append(ours / bare)
        print(f"\nbare TRL {bare:.1f} s, openrs {ours:.1f} s, ratio {ours / bare:.3f}")
    print(f"median ratio {statistics.median(ratios):.3f}")
    assert statistics.median(ratios) < 1.05
