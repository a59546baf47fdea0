"""What belongs to an evaluation in looks: its settings, and what is refused."""

import pytest

from openrs.errors import Mistake
from openrs.plan import resolve

SEQUENTIAL = "evaluation=sequential"


def test_sequential_is_the_papers_evaluation_in_five_looks(composed):
    paper, sequential = (
        composed("experiment=exp2").evaluation,
        composed("experiment=exp2", SEQUENTIAL).evaluation,
    )
    assert (sequential.looks, sequential.reference, sequential.tested, sequential.alpha) == (
        5,
        "base",
        "average",
        0.05,
    )
    assert (sequential.benchmarks, sequential.num_seeds) == (paper.benchmarks, paper.num_seeds)
    assert paper.looks is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([SEQUENTIAL, "evaluation.looks=0"], "evaluation.looks=0: must be at least 1 and at most 5"),
        ([SEQUENTIAL, "evaluation.looks=6"], "evaluation.looks=6: must be at least 1 and at most 5"),
        ([SEQUENTIAL, "evaluation.reference=null"], "Give evaluation.reference=base, or RUN@STEP"),
        (
            [SEQUENTIAL, "evaluation.tested=aime23"],
            "evaluation.tested=aime23: is neither `average` nor one of",
        ),
        ([SEQUENTIAL, "evaluation.futility=0.9"], "evaluation.futility=0.9: must be at least 0.01"),
        (["evaluation.reference=base"], "evaluation.reference=base: belongs to an evaluation in looks"),
        (["evaluation.futility=0.1"], "evaluation.futility=0.1: belongs to an evaluation in looks"),
    ],
)
def test_wrong_settings_are_refused_with_the_config(composed, overrides, message):
    with pytest.raises(Mistake) as error:
        composed("experiment=exp2", *overrides)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("evaluation.reference=exp9@20", "holds no such run. Give base."),
        ("evaluation.max_problems=4", "aime24 has 4 problems, and a look needs one of each benchmark"),
    ],
)
def test_what_the_plan_does_not_find_is_refused_before_anything_runs(composed, tmp_path, override, message):
    with pytest.raises(Mistake) as error:
        resolve(composed("experiment=exp2", SEQUENTIAL, override, f"outputs={tmp_path}"))
    assert message in str(error.value)
