"""The verb at nano scale: figures over known noise, a kill, and a training on what it leaves."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from openrs.nano import noise
from openrs.records.files import read_lines
from tests.helpers.commands import kill, openrs, start
from tests.helpers.completions_server import CompletionsServer
from tests.helpers.jobs import only_run

pytestmark = pytest.mark.slow

RECORDED = Path(__file__).parents[1] / "data" / "judge_answers.jsonl"
SMALL = ("curate", "curation=nano", "scale=nano", "curation.max_problems=40", "evaluation.max_new_tokens=48")
ONE = (
    "curation.pools.nano.filters.solvable.samples=1",
    "curation.pools.nano.filters.solvable.rate_at_most=1",
)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A folder, and what the verb printed there after it was killed once."""
    folder = tmp_path_factory.mktemp("job")
    killed, answers = start(*SMALL, *ONE, "--json", cwd=folder), folder / "outputs/curated/answers"
    while not (answers.is_dir() and any(len(read_lines(path)) > 3 for path in answers.iterdir())):
        assert killed.poll() is None
        time.sleep(0.05)
    kill(killed)
    (file,) = answers.iterdir()
    before = [line["id"] for line in read_lines(file)]
    made = openrs(*SMALL, *ONE, "--json", cwd=folder)
    assert made.returncode == 0, made.stderr[-3000:]
    return folder, before, file, json.loads(made.stdout)


def test_a_kill_loses_no_answer(job):
    _, before, file, _ = job
    ids = [line["id"] for line in read_lines(file)]
    assert ids[: len(before)] == before
    assert len(set(ids)) == len(ids)


def test_every_problem_has_one_verdict_and_the_counts_add_up(job):
    folder, _, _, record = job
    lines = read_lines(folder / "outputs/curated/nano/verdicts.jsonl")
    assert len(lines) == len({line["id"] for line in lines}) == noise.SIZE
    assert sum(line["kept"] for line in lines) == record["rows"]["curated"] == record["rows"]["control"] > 0
    stages = record["stages"]["nano"]
    assert stages[0]["left"] == stages[-1]["left"] + sum(sum(stage["reasons"].values()) for stage in stages)


def test_precision_and_recall_are_figures(job):
    figures = job[3]["noise"]
    for title in ("nano.boxed", "nano.judge"):  # rules that see all of their noise
        assert figures[title]["noise"] == figures[title]["left_out"]
        assert all(caught == there for caught, there in figures[title]["caught"].values())
    assert figures["nano.boxed"]["caught"]["unboxed"][1] > 0
    solvable = figures["nano.solvable"]["caught"]["wrong gold"]
    assert solvable[0] / solvable[1] > 0.5


def test_the_same_command_does_nothing_and_another_is_refused(job):
    folder, *_ = job
    again = openrs(*SMALL, *ONE, cwd=folder)
    assert "curated before, nothing to do" in again.stderr
    assert "control  " in again.stdout
    other = openrs(*SMALL, *ONE, "curation.seed=1", cwd=folder)
    assert other.returncode == 1
    assert "curation.name=nano: outputs/curated/nano holds another curation" in other.stderr


def test_a_training_on_the_curated_set_names_its_fingerprint(job):
    folder, _, _, record = job
    trained = openrs(
        "experiment=exp3", "scale=nano", "data=outputs/curated/nano/curated.jsonl", "steps.total=2",
        "steps.save_every=2", "report_step=2", "algorithm.prompts_per_step=2", "stages=[train]", cwd=folder,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr[-3000:]
    run = json.loads((only_run(folder / "outputs") / "run.json").read_text())
    source = run["invocations"][0]["data"]["sources"]["own"]
    assert (source["rows"], source["fingerprint"]) == (
        record["rows"]["curated"], record["fingerprints"]["curated"],
    )  # fmt: skip


OWN = """
name: mine
sources: {s1: {id: openrs-nano/s1, answer: solution}}
pools:
  mine:
    source: s1
    filters:
      noisy:
        kind: judge
        prompt: "Fit? {problem}"
        asks: [evaluation.temperature=0, evaluation.max_new_tokens=64]
"""


def test_a_judge_behind_a_server_answers_from_a_file(tmp_path):
    (tmp_path / "conf/curation").mkdir(parents=True)
    (tmp_path / "conf/curation/mine.yaml").write_text(OWN)
    recorded = read_lines(RECORDED)
    with CompletionsServer("judge", ids=False, texts=[line["text"] for line in recorded]) as server:
        words = (
            "engine=server",
            f"engine.base_url={server.url}",
            "engine.model=judge",
            "engine.concurrency=1",
        )
        size = f"curation.max_problems={len(recorded)}"
        made = openrs("curate", "curation=mine", "scale=nano", size, *words, cwd=tmp_path)
    assert made.returncode == 0, made.stderr[-3000:]
    assert {(asked["temperature"], asked["max_tokens"]) for asked in server.asked} == {(0, 64)}
    verdicts = [
        line
        for line in read_lines(tmp_path / "outputs/curated/mine/verdicts.jsonl")
        if "noisy" in line["filters"]
    ]
    said = Counter((line["kept"], line["filters"]["noisy"]["judge"]) for line in verdicts)
    assert said == Counter((line["kept"], line["judge"]) for line in recorded)
    assert "dropped by the judge 2" in made.stdout
    assert "no verdict in the judge's answer 4" in made.stdout
