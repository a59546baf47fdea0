"""How long the report takes to build and to open, and its size: 200 runs, 10 checkpoints, 5 benchmarks."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pytest

from openrs.paths import ROOT
from openrs.records.scores import ScoreAddress, score

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]
TITLES = {"aime24": "AIME24", "math_500": "MATH-500", "amc23": "AMC23",
          "minerva": "Minerva", "olympiadbench": "OlympiadBench"}  # fmt: skip
RUNS, STEPS, PROBLEMS = 200, 10, 500
WORDS = "so the sum of both sides is \\(x^2 + 1\\) and we check it again: "
CHROMIUM = os.environ.get("OPENRS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def make(outputs):
    """A base model and runs with scores, completions (4,000 characters each) and logs."""
    rng = np.random.default_rng(0)
    for number in range(RUNS + 1):
        folder = outputs / "runs" / f"exp-{number:08}"
        (folder / "train").mkdir(parents=True)
        config = {"report_step": 50, "scale": {"name": "paper"}, "model": {"title": "base"}}
        config["hardware"] = {"name": "h100", "price_per_device_hour": 2.0}
        record = {"name": "exp", "id": f"{number:064}", "recipe": {"lr": number}, "config": config}
        (folder / "run.json").write_text(json.dumps(record))
        steps = range(50, 50 * STEPS + 1, 50) if number else [0]
        if number:
            logged = [
                {"step": s, "reward": s / 500, "kl": 0.1, "completion_length": 9.0} for s in range(1, 501)
            ]
            (folder / "train" / "metrics.jsonl").write_text("\n".join(map(json.dumps, logged)))
            (folder / "train.json").write_text(
                json.dumps({"device_hours": 4.0, "last_step": 500, "rows": {"easy": 8}})
            )
        for step in steps:
            for name, title in TITLES.items():
                write(
                    folder,
                    ScoreAddress(step, name, name * 9, "5" * 64, 0),
                    title,
                    rng,
                    step in (0, 50 * STEPS),
                )


def write(folder, cell, title, rng, texts):
    ids = [f"{cell.benchmark[:4]}{i:012}" for i in range(PROBLEMS)]
    columns = {
        "ids": ids,
        "correct": rng.integers(0, 2, PROBLEMS).tolist(),
        "tokens": rng.integers(100, 30000, PROBLEMS).tolist(),
        "truncated": [0] * PROBLEMS,
        "timed_out": [0] * PROBLEMS,
    }
    settings = {"engine": "vllm", "dtype": "bfloat16", "temperature": 0.6}
    made = score(cell, title=title, columns=columns, seconds=1, settings=settings, versions={"torch": "2"})
    path = cell.path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(made), indent=1))
    if texts:
        text = {"ids": ids, "text": [WORDS * 62] * PROBLEMS, "gold": ["1"] * PROBLEMS}
        cell.text_path(folder).write_text(json.dumps(text))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The page, and what building it took."""
    outputs = tmp_path_factory.mktemp("outputs")
    make(outputs)
    page = outputs / "report.html"
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "analysis", "report", outputs, "-o", page], cwd=ROOT, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return page, wall, cpu, after.ru_maxrss / 2**20


def test_building(built):
    page, wall, cpu, memory = built
    size = page.stat().st_size / 1e6
    print(f"\n{wall:.0f} s ({cpu:.0f} s of CPU), {memory:.2f} GiB, {size:.1f} MB (limits 25 s, 20 MB)")
    assert cpu < 25
    assert size < 20


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium (install it, or set OPENRS_CHROMIUM to its path)")
def test_opening(built):
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as made:
        browser = made.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=0)
        taken = []
        for _ in range(3):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(600_000)
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            began = time.perf_counter()
            page.goto(built[0].as_uri())
            page.wait_for_selector("html[data-ready=true]")
            wall = time.perf_counter() - began
            known = {
                item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]
            }
            taken.append((wall, known["ProcessTime"]))
            page.close()
        browser.close()
    wall, cpu = min(taken)
    print(f"\n{wall:.2f} s ({cpu:.2f} s of CPU of the page's process) until the page is ready (limit 3 s)")
    assert cpu < 3
