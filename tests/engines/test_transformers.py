"""The transformers engine: seeded sampling that no neighbour changes, on the nano model."""

import pytest

from openrs.engines import Request, Sampling, request_seed
from openrs.models.files import packaged
from openrs.nano import problems

pytestmark = pytest.mark.slow  # PyTorch and transformers take longer to import than the tests to run

SAMPLING = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=128)


@pytest.fixture(scope="module")
def folder(composed):
    return packaged(composed().model)


def engine_of(folder, batch_size):
    from openrs.engines.transformers import TransformersEngine

    return TransformersEngine(folder, folder, "float64", "cpu", batch_size)


def requests(engine, number, seed=1234):
    return [
        Request(
            engine.tokenizer.apply_chat_template(
                [{"role": "user", "content": row["problem"]}],
                add_generation_prompt=True,
                return_dict=True,
            )["input_ids"],
            request_seed(seed, str(index)),
        )
        for index, row in enumerate(problems.pool()[:: 2000 // number][:number])
    ]


def test_a_completion_depends_on_its_own_request_alone(folder):
    engine = engine_of(folder, 64)
    asked = requests(engine, 9)
    whole = engine.generate(asked, SAMPLING)
    alone = engine_of(folder, 1).generate(asked, SAMPLING)
    turned = engine_of(folder, 4).generate(asked[::-1], SAMPLING)[::-1]
    assert whole == alone == turned
    assert engine.device_kind == "CPU"
    assert engine.generate(requests(engine, 9, seed=1), SAMPLING) != whole


def test_truncation_is_told_and_the_cap_holds(folder):
    engine = engine_of(folder, 8)
    short = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=3)
    made = engine.generate(requests(engine, 8), short)
    assert all(item.truncated and len(item.tokens) == 3 for item in made)
    for item in engine.generate(requests(engine, 8), SAMPLING):
        ended = item.tokens[-1] == engine.tokenizer.eos_token_id
        assert ended != item.truncated
        assert engine.tokenizer.eos_token_id not in item.tokens[:-1]


def test_greedy_takes_the_best_token():
    import torch

    from openrs.engines.transformers import draw

    logits = torch.tensor([[0.0, 3.0, 1.0]])
    greedy = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=1)
    assert draw(logits, torch.tensor([0.99]), greedy).tolist() == [1]


def test_sampling_follows_the_tempered_distribution():
    import torch

    from openrs.engines.transformers import draw

    logits = torch.log(torch.tensor([[0.1, 0.6, 0.3]], dtype=torch.float64))
    draws = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    for temperature in (1.0, 0.5):
        sampling = Sampling(temperature=temperature, top_p=1.0, max_new_tokens=1)
        chosen = draw(logits.expand(10_000, -1), draws, sampling)
        expected = torch.softmax(logits[0] / temperature, -1)
        assert torch.allclose(chosen.bincount(minlength=3) / 10_000, expected.float(), atol=1e-3)


def test_top_p_keeps_the_smallest_set_that_reaches_it():
    import torch

    from openrs.engines.transformers import draw

    logits = torch.log(torch.tensor([[0.1, 0.6, 0.3]], dtype=torch.float64)).expand(1000, -1)
    draws = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    for top_p, kept in ((0.5, {1}), (0.85, {1, 2}), (0.95, {0, 1, 2})):
        sampling = Sampling(temperature=1.0, top_p=top_p, max_new_tokens=1)
        assert set(draw(logits, draws, sampling).tolist()) == kept


def test_every_request_has_its_own_seed():
    seeds = {request_seed(s, p, k) for s in (1, 2) for p in ("a", "b") for k in (0, 1)}
    assert len(seeds) == 8
    assert request_seed(1, "a") == request_seed(1, "a", 0)
