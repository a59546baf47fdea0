"""Rows through filters: every problem has one verdict, and the counts of the stages add up."""

import pytest

from openrs.config.curation import Curation, Filter, Pool
from openrs.curate import pools
from openrs.curate.filters import FilterVerdict
from openrs.curate.panel import RULES


def judge(title, item, rows):
    """Rules as they are; a pass rate is above the band where the problem is short."""
    if item.kind in RULES:
        return [RULES[item.kind](row) for row in rows]
    return [FilterVerdict(len(row["problem"]) > 27, "short", {"rate": 0.5}) for row in rows]


@pytest.fixture
def curation(composed):
    easy = Filter(kind="pass_rate", rate_at_most=0.5)
    filters = {"boxed": Filter(kind="boxed", published=31323), "easy": easy}
    main = Pool(source="s1", filters=filters, keep=50, published=59029)
    sources = composed("curation=nano").curation.sources
    return Curation(
        name="two", sources=sources, pools={"main": main, "easy": Pool(rejects="main.easy", keep=10)}
    )


@pytest.fixture
def outcomes(composed, curation):
    return pools.filtered(curation, pools.raw(curation, composed().catalog), judge)


def test_the_counts_of_each_stage_add_up(outcomes):
    for outcome in outcomes.values():
        for before, after in zip(outcome.stages, outcome.stages[1:], strict=False):
            assert before.left == after.left + sum(after.reasons.values())
        assert outcome.stages[-1].left == len(outcome.kept)
    assert [stage.published for stage in outcomes["main"].stages] == [59029, 31323, None, None]
    assert outcomes["main"].stages[1].reasons == {"no boxed answer": 45}


def test_a_pool_of_rejects_has_what_the_filter_left_out(outcomes):
    short = {row["id"] for row in outcomes["main"].raw if len(row["problem"]) <= 27}
    assert len(outcomes["easy"].kept) == 10
    assert {row["id"] for row in outcomes["easy"].kept} < short
    assert outcomes["main"].stages[2].reasons == {"short": outcomes["easy"].stages[0].left}


def test_the_control_arm_is_as_large_and_from_before_the_filters(curation, outcomes):
    kept = pools.curated(outcomes)
    arm = pools.control(outcomes, kept, curation.seed)
    assert len(arm) == len(kept) == 60
    assert len({row["id"] for row in arm}) == 60
    assert not all(RULES["boxed"](row).kept for row in arm)
    assert arm == pools.control(outcomes, kept, curation.seed)
    assert arm != pools.control(outcomes, kept, curation.seed + 1)


def test_a_plan_counts_what_it_cannot_know_as_at_most(composed, curation):
    raw = pools.raw(curation, composed().catalog)
    planned = pools.filtered(curation, raw, lambda *of: None if of[1].kind == "pass_rate" else judge(*of))
    assert [(stage.left, stage.at_most) for stage in planned["main"].stages] == [
        (300, False), (255, False), (255, True), (50, True),
    ]  # fmt: skip


def test_rows_that_come_twice_are_counted(composed, curation, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"problem": "What is 1+1?", "answer": "2"}\n' * 3 + '{"problem": "x?", "answer": ""}\n')
    config = composed(f"catalog.sources.s1={{id: '{file}', answer: answer}}")
    raw = pools.raw(curation, config.catalog)["main"]
    assert [(stage.name, stage.left, stage.reasons) for stage in raw.stages] == [
        ("raw", 4, {}), ("readable, each once", 1, {"no gold answer": 1, "duplicate": 2}),
    ]  # fmt: skip
