"""The whole job at nano scale, with the real TRL, lighteval and W&B. Minutes, so marked slow."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from openrs.paths import ROOT
from tests.helpers.commands import heavy_imports, openrs
from tests.helpers.jobs import SHORT, killed, metrics, only_run, outcomes, weights
from tests.helpers.wandb_log import inspected, rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run, with sockets refused."""
    outputs = tmp_path_factory.mktemp("whole")
    guard = tmp_path_factory.mktemp("guard")
    (guard / "sitecustomize.py").write_text(
        "import socket\n"
        "connect = socket.socket.connect\n"
        "def refuse(self, address, *more):\n"
        "    if self.family in (socket.AF_INET, socket.AF_INET6):\n"
        "        open(" + repr(str(guard / "touched")) + ", 'a').write(f'{address}\\n')\n"
        "        raise OSError('the network is cut off')\n"
        "    return connect(self, address, *more)\n"
        "socket.socket.connect = refuse\n"
        "def lookup(*a, **k):\n"
        "    open(" + repr(str(guard / "touched")) + ", 'a').write(f'{a}\\n')\n"
        "    raise socket.gaierror('the network is cut off')\n"
        "socket.getaddrinfo = lookup\n"
    )
    guarded = {
        "PYTHONPATH": f"{guard}:{ROOT}",
        "PYTHONHASHSEED": "5",
    }  # a hash seed that no other process has
    made = openrs(*SHORT, f"outputs={outputs}", **guarded)
    assert made.returncode == 0, made.stderr[-3000:]
    return outputs, made, guard


def test_no_network_is_touched(whole, tmp_path):
    guard = whole[2]
    assert not (guard / "touched").exists()
    copied = tmp_path / "sitecustomize.py"  # the guard itself notices and refuses
    copied.write_text((guard / copied.name).read_text().replace(str(guard), str(tmp_path)))
    ask = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')"
    refused = subprocess.run(
        [sys.executable, "-c", ask], env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True
    )
    assert b"the network is cut off" in refused.stderr
    assert (tmp_path / "touched").exists()


def test_the_job_ends_with_the_table(whole):
    outputs, made, _ = whole
    for label in ("nano base", "exp3, step 2, reported (data=mixed)", "exp3, step 6, last (data=mixed)"):
        assert f"| {label} |" in made.stdout
    assert "nano-AIME24 | nano-MATH-500 | nano-AMC23 | nano-Minerva | nano-OlympiadBench" in made.stdout
    assert {path.name for path in (outputs / "tables").iterdir()} == {
        f"{table}.{form}"
        for table in ("table1", "table1-differences")
        for form in ("md", "csv", "tex", "html")
    }
    again = openrs("table1", str(outputs), module="analysis")
    assert again.stdout.strip() == made.stdout.strip()


def test_the_records_say_what_was_done(whole):
    run = only_run(whole[0])
    train = json.loads((run / "train.json").read_text())
    assert [item["step"] for item in train["checkpoints"]] == [2, 4, 6]
    assert train["rows"] == {"open_s1": 6, "open_deepscaler": 3, "easy": 3}
    lines = metrics(run)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert set(lines[0]["rewards"]) == {"format", "cosine"}
    for name in ("reward", "kl", "completion_length", "truncated_share", "no_signal_share",
                 "verifier_timeouts"):  # fmt: skip
        assert all(line[name] is not None for line in lines)
    assert len(list((run / "train/completions").glob("*.parquet"))) == 6
    assert len((run / "train/prompts.jsonl").read_text().splitlines()) == 24
    states = {path.parent.name for path in run.glob("train/checkpoint-*/optimizer.pt")}
    assert states == {"checkpoint-4", "checkpoint-6"}
    (score,) = run.glob("eval/step-00006/aime24-*/seed-1234-*.json")
    record = json.loads(score.read_text())
    assert record["n"] == len(record["ids"]) == len(record["correct"]) == len(record["tokens"]) == 8
    assert record["value"] == sum(record["correct"]) / 8
    assert record["settings"]["temperature"] == 0.6
    assert record["versions"]["lighteval"]
    assert list((run / "eval/step-00006/lighteval").rglob("results_*.json"))
    assert list((run / "eval/step-00006/lighteval").rglob("details_*.parquet"))


def test_lightevals_own_result_agrees_with_the_records(whole):
    run = only_run(whole[0])
    (result,) = (run / "eval/step-00006/lighteval").rglob("results_*.json")
    document = json.loads(result.read_text())
    for task, values in document["results"].items():
        if task != "all":
            assert document["config_tasks"][task]["hf_repo"] == f"openrs-nano/{task.split('|')[0]}"
            (score,) = run.glob(f"eval/step-00006/{task.split('|')[0]}-*/seed-1234-*.json")
            record = json.loads(score.read_text())
            assert values["extractive_match"] == pytest.approx(record["value"])
            assert values["extractive_match_stderr"] == pytest.approx(record["stderr"])


def test_a_rerun_does_nothing_and_prints_the_same_table(whole):
    outputs, made, _ = whole
    before = {path: path.stat().st_mtime_ns for path in outputs.glob("runs/**/*.json")}
    heavy, again = heavy_imports(*SHORT, f"outputs={outputs}")
    assert heavy == []
    assert again.stdout.startswith(made.stdout)
    assert "nothing to train" in again.stderr
    assert again.stderr.count("nothing to evaluate") == 3
    assert {path: path.stat().st_mtime_ns for path in outputs.glob("runs/**/*.json")} == before


def test_scores_do_not_depend_on_batch_size_order_or_process(whole, tmp_path):
    outputs, _, _ = whole
    copy = tmp_path / "copy"
    shutil.copytree(outputs, copy)
    first = outcomes(only_run(copy))
    shutil.rmtree(only_run(copy) / "eval")
    again = openrs(
        *SHORT, f"outputs={copy}", "hardware.evaluation_batch=3",
        "evaluation.benchmarks=[olympiadbench,aime24,minerva,math_500,amc23]",
    )  # fmt: skip
    assert again.returncode == 0, again.stderr[-3000:]
    assert outcomes(only_run(copy)) == first


def test_text_is_scored_again_without_generating(whole, tmp_path):
    outputs, _, _ = whole
    copy = tmp_path / "copy"
    shutil.copytree(outputs, copy)
    run = only_run(copy)
    (score,) = run.glob("eval/step-00002/amc23-*/seed-1234-*.json")
    stored = json.loads(score.read_text())
    score.unlink()
    (text,) = run.glob("eval/step-00002/amc23-*/seed-1234.text.json")
    kept = json.loads(text.read_text())
    marked = [kept["tokens"][1], *kept["tokens"][1:]]  # generated anew, it would be another answer
    text.write_text(json.dumps(kept | {"tokens": marked, "versions": kept["versions"] | {"torch": "0.0"}}))
    again = openrs(*SHORT, f"outputs={copy}")
    assert again.returncode == 0, again.stderr[-3000:]
    made = json.loads(score.read_text())
    assert made["correct"][1:] == stored["correct"][1:]
    assert json.loads(text.read_text())["text"] == [kept["text"][1], *kept["text"][1:]]
    assert kept["text"][0] != kept["text"][1]
    # what generated it is what the score is of; what scored it is of today
    assert kept["seconds"] == stored["seconds"] == made["seconds"] > 0
    assert made["versions"] == stored["versions"] | {"torch": "0.0"}


@pytest.mark.chaos
def test_kill_9_in_the_second_epoch_changes_nothing(whole, tmp_path):
    def logged(steps):
        files = list(tmp_path.glob("runs/exp3-*/train/metrics.jsonl"))
        return bool(files) and len(files[0].read_text().splitlines()) >= steps

    arguments = [*SHORT, f"outputs={tmp_path}"]
    killed(arguments, lambda: logged(3))
    killed(arguments, lambda: logged(5))
    run = only_run(tmp_path)
    torn = run / "train/checkpoint-5"
    torn.mkdir(exist_ok=True)
    (torn / "model.safetensors").write_bytes(b"half")
    made = openrs(*arguments)
    assert made.returncode == 0, made.stderr[-3000:]
    reference = only_run(whole[0])
    assert metrics(run) == metrics(reference)
    for step in (2, 4, 6):
        assert weights(run, step) == weights(reference, step)
    assert outcomes(run) == outcomes(reference)
    assert not torn.exists()


def test_a_run_is_extended_along_its_schedule(whole, tmp_path):
    arguments = [*SHORT, f"outputs={tmp_path}", "evaluation.checkpoints=[last]"]
    first = openrs(*arguments, "steps.stop_at=4", "stages=[train]", "tracker=tensorboard")
    assert first.returncode == 0, first.stderr[-3000:]
    run = only_run(tmp_path)
    (events,) = run.glob("train/**/events.out.tfevents.*")  # a tracker is no part of what is trained
    assert events.stat().st_size > 1000
    assert json.loads((run / "train.json").read_text())["last_step"] == 4
    assert openrs(*arguments, "stages=[train]").returncode == 0
    record = json.loads((run / "train.json").read_text())
    assert [(s["first_step"], s["last_step"]) for s in record["segments"]] == [(1, 4), (5, 6)]
    assert weights(run, 6) == weights(only_run(whole[0]), 6)
    shorter = openrs(*arguments, "steps.stop_at=2", "stages=[train]")
    assert "nothing to train" in shorter.stderr


def test_wandb_logs_offline(tmp_path):
    made = openrs(
        *SHORT, f"outputs={tmp_path}", "tracker=wandb", "stages=[train]", "steps.stop_at=2",
        WANDB_API_KEY="", WANDB_CONFIG_DIR=str(tmp_path), NETRC=str(tmp_path / "netrc"),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    (session,) = inspected(only_run(tmp_path))
    logged = [row for row in rows(session) if "train/reward" in row]
    assert [row["train/global_step"] for row in logged] == [1, 2]
    assert logged[1]["train/reward"] == pytest.approx(metrics(only_run(tmp_path))[1]["reward"])
    assert not [name for row in rows(session) for name in row if "profiling" in name]
    assert "output_dir" not in session["run"][0]["config"]["update"]  # TRL's arguments
    assert "wandb:" not in made.stderr + made.stdout


def test_table1_is_one_sweep_and_a_rerun_is_nothing(tmp_path):
    small = [
        "scale=nano", "steps.total=2", "steps.save_every=1", "report_step=1",
        "algorithm.prompts_per_step=2", "evaluation.max_problems=4", "evaluation.max_new_tokens=64",
        f"outputs={tmp_path}",
    ]  # fmt: skip
    made = openrs("-m", "sweeps=table1", *small)
    assert made.returncode == 0, made.stderr[-3000:]
    assert made.stdout.count("**Table 1") == 1
    for label in ("nano base", *(f"exp{i}, step {s}" for i in (1, 2, 3) for s in (1, 2))):
        assert f"| {label}" in made.stdout
    assert len(list(tmp_path.glob("runs/*"))) == 4
    assert made.stdout.count("**Comparison of 4 levels**") == 1
    again = openrs("-m", "sweeps=table1", *small)
    assert again.stdout == made.stdout
    assert "4 trials: 4 complete" in again.stderr
    assert "trial 4" not in again.stderr, "the study is finished: no job is started"
