"""Answers and the model's context: each ends where its prompt and it fill the context, and counts as cut."""

import asyncio
import sys
from types import SimpleNamespace

import pytest

from openrs import engines
from openrs.command.plan_text import describe
from openrs.data.rows import Rows
from openrs.engines import Request, Sampling
from openrs.errors import Mistake
from openrs.models import files as model_files
from openrs.plan import resolve
from openrs.records import scores
from tests.helpers.completions_server import CompletionsServer
from tests.helpers.writing_engine import Writing, tokenizer

SAMPLING = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=64)
SMALL = ("qwen2_5_math_7b", "qwen2_5_7b_simplerl", "eurus_2_7b_prime")
"""The models of Table 1 whose context is 4,096."""


@pytest.fixture(scope="module")
def folder(composed):
    return str(model_files.packaged(composed().model))


def test_a_request_may_have_what_the_context_leaves():
    caps = [SAMPLING.cap(Request([1], 0, room)) for room in (None, 100, 64, 5)]
    assert caps == [64, 64, 64, 5]


@pytest.mark.slow
def test_transformers_ends_an_answer_with_the_context(folder):
    from openrs.engines.prompts import templated
    from openrs.engines.transformers import TransformersEngine
    from openrs.nano.problems import pool

    engine = TransformersEngine(folder, folder, "float64", "cpu", 8)
    prompts = [templated(engine.tokenizer, row["problem"]) for row in pool()[:6]]
    free = engine.generate([Request(prompt, i) for i, prompt in enumerate(prompts)], SAMPLING)
    rooms = [None, 1, 7, 1000, 20, 64]
    told = {}
    asked = [Request(p, i, room) for i, (p, room) in enumerate(zip(prompts, rooms, strict=True))]
    made = engine.generate(asked, SAMPLING, told.__setitem__)
    assert [told[i] for i in range(6)] == made
    for whole, cut, request in zip(free, made, asked, strict=True):
        cap = SAMPLING.cap(request)
        assert cut.tokens == whole.tokens[:cap]
        assert cut.truncated == (whole.truncated or len(whole.tokens) > cap)
    assert made[1].truncated


@pytest.mark.slow
def test_a_server_is_asked_for_no_more_than_the_context_leaves(folder):
    from openrs.config.schema import EngineOptions
    from openrs.engines.server import ServerEngine

    with CompletionsServer(folder) as server:
        engine = ServerEngine(folder, folder, EngineOptions(kind="server", base_url=server.url), 0, 400)
        engine.generate([Request([5], 1, 9), Request([5], 2)], SAMPLING)
    assert {body["seed"]: body["max_tokens"] for body in server.asked} == {1: 9, 2: 64}


@pytest.mark.slow
def test_vllm_is_asked_for_no_more_than_the_context_leaves(monkeypatch):
    """vLLM's own classes stood in for: `make vllm-cpu` has the real ones."""
    asked = []

    class Llm:
        async def generate(self, prompt, parameters, request_id):
            asked.append(parameters.max_tokens)
            output = SimpleNamespace(token_ids=[1] * parameters.max_tokens, finish_reason="length")
            yield SimpleNamespace(outputs=[output])

    made = {"SamplingParams": SimpleNamespace, "TokensPrompt": dict}
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(**made))
    kinds = SimpleNamespace(RequestOutputKind=SimpleNamespace(FINAL_ONLY=2))
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", kinds)
    from openrs.engines.vllm import VllmEngine

    engine = object.__new__(VllmEngine)
    engine._llm, engine._requests, engine.ends = Llm(), 0, [0]
    requests = [Request([5], 1, 9), Request([5], 2)]
    (cut, whole) = asyncio.run(engine._generate(requests, SAMPLING, engines.ignore))
    assert asked == [9, 64]
    assert (len(cut.tokens), cut.truncated, len(whole.tokens)) == (9, True, 64)


@pytest.mark.slow
@pytest.mark.parametrize("option", SMALL)
def test_the_longest_problems_are_asked_of_the_smallest_contexts(
    composed, mirror, folder, tmp_path, monkeypatch, option
):
    """OlympiadBench's real problems; of their tokenizers only the Hub has copies, so the nano model's
    stands in, which makes more tokens of them."""
    from openrs.evaluate import stage

    config = composed(
        "experiment=base", "scale=paper", f"model={option}", "catalog=mirror", f"catalog.root={mirror}",
        "evaluation.benchmarks=[olympiadbench]", f"outputs={tmp_path}",
    )  # fmt: skip
    plan = resolve(config)
    assert "at most 3072 new tokens a problem, and 4096 with its prompt" in "\n".join(describe(plan))
    rows = sorted(plan.problems["olympiadbench"], key=lambda row: len(row["problem"]))[-6:]
    engine, contexts = Writing(), []
    monkeypatch.setattr(stage, "loadable", lambda model, cache: folder)
    monkeypatch.setattr(stage, "load_tokenizer", lambda path, revision: tokenizer(folder))
    monkeypatch.setattr(
        engines, "load", lambda config, weights, base, step, longest: contexts.append(longest) or engine
    )
    (cell,) = plan.missing(0)
    stage.evaluate(config, plan.base, 0, folder, [cell], {"olympiadbench": Rows(rows)})
    lengths = [len(request.prompt) + sampling_of(config).cap(request) for request in engine.asked]
    assert max(len(request.prompt) for request in engine.asked) == contexts[0] > 1024
    assert max(lengths) == 4096  # not one more
    record = scores.read(cell.path(plan.base.folder))
    assert record.truncated == [1] * 6
    assert max(record.tokens) <= 3072
    assert min(record.tokens) == 4096 - contexts[0]


def sampling_of(config):
    evaluation = config.evaluation
    return Sampling(evaluation.temperature, evaluation.top_p, evaluation.max_new_tokens)


def test_the_engine_holds_no_more_than_the_model(composed, monkeypatch):
    """What vLLM is told as its context: the longest sequence, the model's own context at most."""
    held = []
    stand_in = SimpleNamespace(VllmEngine=lambda *arguments: held.append(arguments[5]))
    monkeypatch.setitem(sys.modules, "openrs.engines.vllm", stand_in)
    small = composed("experiment=base", "scale=paper", "model=qwen2_5_math_7b")
    for longest in (200, 1300):
        engines.load(small, "weights", "base", 0, longest)
    engines.load(composed("experiment=base", "scale=paper"), "weights", "base", 0, 1300)
    assert held == [3272, 4096, 32768 + 1300]


def test_a_prompt_that_fills_the_context_is_refused_by_the_plan(composed):
    config = composed("experiment=base", "model.context=20", "evaluation.max_new_tokens=16")
    with pytest.raises(Mistake, match="the longest prompt has .* fill the context of nano base, 20"):
        resolve(config)
    resolve(composed("experiment=base", "model.context=20", "evaluation.max_new_tokens=16", "stages=[train]"))
