"""What the nano base is: room to learn, pass@6 above pass@1, mostly well-formed, some too long."""

import numpy as np
import pytest

from openrs.engines import Request, Sampling, request_seed
from openrs.models.files import packaged
from openrs.nano import problems
from openrs.records.paper import BENCHMARKS
from openrs.records.problem_ids import problem_id
from openrs.verify import Verifier

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]

SAMPLES = 6


def test_the_base_has_room_to_learn(composed):
    from openrs.engines.transformers import TransformersEngine

    config = composed("experiment=exp2")
    folder = packaged(config.model)
    engine, verifier = TransformersEngine(folder, folder, "float64", "cpu", 256), Verifier()
    evaluation, solved = config.evaluation, {}
    formed, cut = [], {112: [], 128: [], evaluation.max_new_tokens: []}
    for name in BENCHMARKS:
        rows = problems.rows(name)
        asked = [
            Request(
                engine.tokenizer.apply_chat_template(
                    [{"role": "user", "content": f"{evaluation.instruction}\n\n{row['problem']}"}],
                    add_generation_prompt=True, return_dict=True,
                )["input_ids"],
                request_seed(0, problem_id(row["problem"]), sample),
            )
            for row in rows for sample in range(SAMPLES)
        ]  # fmt: skip
        sampling = Sampling(evaluation.temperature, evaluation.top_p, evaluation.max_new_tokens)
        made = engine.generate(asked, sampling)
        texts = [engine.tokenizer.decode(item.tokens, skip_special_tokens=True) for item in made]
        golds = [row["answer"] for row in rows for _ in range(SAMPLES)]
        verdicts = verifier.verify(list(zip(golds, texts, strict=True)), "evaluation")
        solved[name] = np.array([v.correct for v in verdicts]).reshape(-1, SAMPLES)
        formed += [text.count("\n</think>\n") == 1 and "\\boxed{" in text for text in texts]
        for cap, over in cut.items():
            over += [len(item.tokens) >= cap and (len(item.tokens) > cap or item.truncated) for item in made]
    print()
    for name, outcomes in solved.items():
        print(f"{name:14} pass@1 {100 * outcomes.mean():5.1f}  pass@6 {100 * outcomes.any(1).mean():5.1f}")
    average = 100 * np.mean([outcomes.mean() for outcomes in solved.values()])
    any_of_six = 100 * np.mean([outcomes.any(1).mean() for outcomes in solved.values()])
    print(f"average        pass@1 {average:5.1f}  pass@6 {any_of_six:5.1f}")
    print(f"well-formed {100 * np.mean(formed):.1f} %")
    for cap, over in cut.items():
        print(f"over {cap} tokens {100 * np.mean(over):.1f} %")
    assert 20 <= average <= 60
    assert any_of_six > average + 10
    assert np.mean(formed) > 0.5
    assert np.mean(cut[evaluation.max_new_tokens]) > 0
    assert np.mean(cut[112]) > np.mean(cut[128])
