"""Evaluation with vLLM on a GPU: seeds, ends, long contexts, and agreement with transformers."""

import importlib.util
import time

import pytest

pytestmark = [pytest.mark.gpu, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def loaded():
    """vLLM's engine and transformers' in bfloat16, and requests of the nano benchmarks."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vllm is not installed")
    from openrs.config.compose import compose_config
    from openrs.engines import Request, request_seed
    from openrs.engines.prompts import templated
    from openrs.engines.transformers import TransformersEngine
    from openrs.engines.vllm import VllmEngine
    from openrs.models.files import packaged
    from openrs.nano import problems

    options = (
        "hardware=a100x1",
        "hardware.device_memory_gib=1",
        "hardware.check_memory=false",
        "engine=vllm",
        "engine.memory=0.3",
    )
    config = compose_config("scale=nano", "experiment=base", *options)
    folder = str(packaged(config.model))
    other = TransformersEngine(folder, folder, "bfloat16", "cuda", 64)
    began = time.perf_counter()
    engine = VllmEngine(folder, folder, "bfloat16", config.hardware, config.engine, config.model.context)
    seconds = time.perf_counter() - began
    instruction = config.evaluation.instruction
    rows = problems.rows("math500")[:64]
    prompts = [templated(other.tokenizer, f"{instruction}\n\n{row['problem']}") for row in rows]
    requests = [Request(prompt, request_seed(7, str(i))) for i, prompt in enumerate(prompts)]
    yield engine, other, requests, seconds
    engine.close()


def same(first, second):
    return sum(a.tokens == b.tokens for a, b in zip(first, second, strict=True)) / len(first)


@pytest.mark.risk(11, 60)
def test_vllm_evaluation(loaded, measured):
    from openrs.engines import Request, Sampling

    engine, other, requests, seconds = loaded
    measured("load", seconds, "s")
    sampled = Sampling(temperature=0.6, top_p=0.95, max_new_tokens=256)
    began = time.perf_counter()
    among = engine.generate(requests, sampled)
    measured("tokens a second", sum(one.length for one in among) / (time.perf_counter() - began))
    alone = [engine.generate([one], sampled)[0] for one in requests[:16]]
    changed = engine.generate([Request(one.prompt, one.seed + 1) for one in requests], sampled)
    greedy = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=256)
    agreed = same(engine.generate(requests, greedy), other.generate(requests, greedy))
    measured("same seed, alone and among 64", 100 * same(among[:16], alone), "% the same")
    measured("another seed", 100 * same(among, changed), "% the same")
    measured("greedy, as transformers in bfloat16", 100 * agreed, "% the same")
    assert same(among[:16], alone) >= 0.9
    assert same(among, changed) < 0.5  # short answers may repeat
    assert all(one.truncated or one.tokens[-1] in engine.ends for one in among)
