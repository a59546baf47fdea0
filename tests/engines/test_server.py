"""The server engine against a fake with faults to order: tries, back-off, time-outs, plain errors.

tests/engines/test_vllm.py has the same engine against a real `vllm serve`.
"""

import socket
import time

import pytest

from openrs.config.schema import EngineOptions
from openrs.engines import Request, Sampling
from openrs.models.files import packaged
from tests.helpers.completions_server import CompletionsServer

pytestmark = pytest.mark.slow  # the tokenizer's library takes longer to import than the tests to run

SAMPLING = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=16)
REQUESTS = [Request([5, 6, 7], seed) for seed in range(100, 112)]


@pytest.fixture(scope="module")
def folder(composed):
    return str(packaged(composed().model))


def engine_at(server, folder, context=400, **settings):
    from openrs.engines.server import ServerEngine

    settings = EngineOptions(kind="server", base_url=server.url, **settings)
    return ServerEngine(folder, folder, settings, 10, context)


def test_the_prompt_is_ours_and_the_completion_comes_back_as_ids(folder):
    with CompletionsServer(folder) as server:
        made = engine_at(server, folder).generate(REQUESTS, SAMPLING)
    assert [item.tokens for item in made] == [[seed % 97, 560] for seed in range(100, 112)]
    assert not any(item.truncated for item in made)
    asked = next(body for body in server.asked if body["seed"] == 103)
    assert asked["prompt"] == [5, 6, 7]
    assert (asked["temperature"], asked["top_p"], asked["max_tokens"]) == (0.6, 0.95, 16)
    # what a server would otherwise take from the model's generation_config.json
    assert (asked["top_k"], asked["min_p"], asked["repetition_penalty"]) == (0, 0.0, 1.0)


def test_the_openai_protocol_sends_text_and_takes_usage(folder):
    with CompletionsServer(folder, ids=False) as server:
        engine = engine_at(server, folder, protocol="openai")
        made = engine.generate(REQUESTS[:1], SAMPLING)
    assert (made[0].tokens, made[0].text, made[0].length) == ([], "100", 5)
    assert engine.device_kind is None
    assert server.asked[0]["prompt"] == engine.tokenizer.decode([5, 6, 7])
    assert "top_k" not in server.asked[0]


def test_faults_are_tried_again_with_back_off(folder):
    with CompletionsServer(folder, faults=[500, 429, "drop", 503]) as server:
        began = time.perf_counter()
        made = engine_at(server, folder, concurrency=1, retries=4).generate(REQUESTS[:2], SAMPLING)
        waited = time.perf_counter() - began
    assert len(made) == 2
    assert [body["seed"] for body in server.asked] == [100] * 5 + [101]
    assert waited > 0.5 * 0.75 + 1 * 0.75 + 2 * 0.75 + 4 * 0.75  # doubling, less a quarter of jitter


def test_a_slow_answer_is_asked_for_again(folder):
    with CompletionsServer(folder, faults=["hang"]) as server:
        made = engine_at(server, folder, timeout=0.4, retries=3).generate(REQUESTS[:1], SAMPLING)
    assert len(made) == 1
    assert len(server.asked) >= 2


def test_concurrency_is_used_and_kept(folder):
    with CompletionsServer(folder) as server:
        engine_at(server, folder, concurrency=4).generate(REQUESTS, SAMPLING)
    assert server.most_at_once == 4


def test_a_server_that_dies_loses_nothing_that_was_finished(folder):
    told = {}
    with CompletionsServer(folder, dies_after=5) as server:
        engine = engine_at(server, folder, concurrency=2, retries=0)
        with pytest.raises(ValueError, match=r"no server answers there .*5 of 12 completions are stored"):
            engine.generate(REQUESTS, SAMPLING, told.__setitem__)
        assert len(told) == 5
        assert len(server.asked) <= 5 + 2  # nothing new is asked of a dead server
    for index, completion in told.items():
        assert completion.tokens[0] == REQUESTS[index].seed % 97


@pytest.mark.parametrize(
    ("server", "settings", "told"),
    [
        ({"model": "other"}, {}, ["engine.model=None", "serves other", "vllm serve", "engine.model=NAME"]),
        ({"model": "m-20"}, {"model": "m-{step}"}, ["serves m-20", "not m-10"]),
        ({"context": 390}, {}, ["may have 400 tokens", "the server, 390", "--max-model-len 400"]),
    ],
)
def test_a_server_of_other_weights_or_a_short_context_is_refused(folder, server, settings, told):
    with CompletionsServer(**{"model": folder} | server) as running, pytest.raises(ValueError) as error:
        engine_at(running, folder, **settings)
    for part in told:
        assert part in str(error.value)


def test_a_refused_key_names_its_variable(folder, monkeypatch):
    monkeypatch.setenv("MY_KEY", "wrong")
    with CompletionsServer(folder) as server, pytest.raises(ValueError, match="right one into MY_KEY"):
        engine_at(server, folder, api_key="MY_KEY")
    monkeypatch.setenv("MY_KEY", "right")
    with CompletionsServer(folder) as server:
        engine_at(server, folder, api_key="MY_KEY")
    assert server.keys == {"Bearer right"}


def test_nobody_at_the_address_is_one_clear_error(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    from openrs.engines.server import ServerEngine

    settings = EngineOptions(kind="server", base_url=url, retries=1)
    with pytest.raises(ValueError, match="no server answers there") as error:
        ServerEngine(folder, folder, settings, 0, 400)
    assert f"engine.base_url={url}" in str(error.value)


@pytest.mark.parametrize(
    ("server", "settings", "told"),
    [
        ({"faults": [400]}, {}, "fault 400"),
        ({"faults": [500, 500]}, {"retries": 1}, "fault 500"),
        ({"faults": ["hang", "hang"]}, {"retries": 1, "timeout": 0.3}, "engine.timeout=0.3 s, 2 times"),
        ({"extra": 1}, {}, "counts 4 tokens in a prompt of 3"),
        ({"ids": False, "usage": False}, {}, "no token ids and no usage"),
    ],
)
def test_what_no_try_mends_is_told(folder, server, settings, told):
    with CompletionsServer(folder, **server) as running:
        engine = engine_at(running, folder, **settings)
        with pytest.raises(ValueError, match=told):
            engine.generate(REQUESTS[:1], SAMPLING)
