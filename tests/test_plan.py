"""Plans: what exists already is not done again."""

import pytest

from openrs.command.plan_text import describe, describe_cost
from openrs.errors import Unfetched
from openrs.plan import preview, resolve
from openrs.records.scores import score, write
from openrs.records.training import Checkpoint, TrainRecord


def plan_of(composed, tmp_path, *more):
    return resolve(composed("experiment=exp3", "data=mixed", f"outputs={tmp_path}", *more))


def finish_training(plan, last):
    plan.run.write_train_record(
        TrainRecord(
            checkpoints=(Checkpoint(last, "train/x"),), last_step=last, wall_seconds=1.0,
            device_hours=0.1, rows={}, dropped={}, metrics={}, segments=(),
        )
    )  # fmt: skip


def finish_cells(plan, step):
    for cell in plan.cells(step):
        columns = {"ids": ["p"], "correct": [1], "tokens": [1], "truncated": [0], "timed_out": [0]}
        made = score(cell, title=cell.benchmark, columns=columns, seconds=1.0, settings={}, versions={})
        write(plan.owner(step).folder, made)


def test_a_new_run_has_everything_to_do(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    assert plan.must_train
    assert [len(plan.missing(step)) for step in plan.config.checkpoints] == [5, 5, 5]
    text = "\n".join(describe(plan))
    for part in (plan.run.id, "(new)", "easy 200", "to step 100 of 100, 0 done", "0 of 5 cells"):
        assert part in text


def test_a_run_that_lost_its_run_json_is_not_new(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    finish_training(plan, 100)
    assert next(describe(plan)) == f"exp3: {plan.run.folder} (exists; its run.json was deleted)"


def test_a_plan_shows_what_the_command_named(composed, tmp_path):
    rows = tmp_path / "p.jsonl"
    rows.write_text("".join(f'{{"problem": "{i}?", "answer": "B"}}\n' for i in range(20)))
    (tmp_path / "rewards.py").write_text(
        "def brief(completions, **_):\n    return [0.0] * len(completions)\n"
    )
    function = f"{tmp_path}/rewards.py:brief"
    config = composed(
        "experiment=exp2", f"data={rows}", "answer.kind=choice", "algorithm.trl.top_k=50",
        f"reward.custom.brief={{function: {function}, weight: 0.5}}", f"outputs={tmp_path}",
    )  # fmt: skip
    text = "\n".join(describe(resolve(config)))
    assert "golds     own: answer.kind=choice" in text
    assert "TRL gets top_k=50" in text
    assert f"reward    format 1, accuracy 2, brief 0.5 ({function})" in text


def test_step_0_belongs_to_the_base_model_alone(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    other = resolve(composed("experiment=exp1", f"outputs={tmp_path}"))
    base = resolve(composed("experiment=base", f"outputs={tmp_path}"))
    assert plan.owner(0) == other.owner(0) == base.run
    assert plan.owner(10) == plan.run != other.run
    assert not base.must_train
    assert "train" not in "\n".join(describe(base)).replace("stages    train", "")


def test_a_dry_run_goes_on_without_data_that_cannot_be_fetched(composed, tmp_path, monkeypatch):
    """As on a laptop without a network: hours and money are those of the paper's benchmarks."""

    def unreachable(*_):
        raise Unfetched("catalog=hub: no network.")

    monkeypatch.setattr("openrs.data.hub_data.snapshot", unreachable)
    config = composed("experiment=exp3", "data=mixed", "scale=paper", f"outputs={tmp_path}")
    with pytest.raises(Unfetched):
        resolve(config)
    plan = preview(config)
    text = "\n".join((*describe(plan), *describe_cost(plan)))
    for part in (
        "exp3: its run is not known here, as it follows from the data",
        "data      not known here: catalog=hub: no network.",
        "rows      open_s1 3000, open_deepscaler 3000, easy 1000",
        "MATH-500 500 x 1",
        "4551 problems to go",
        "103 device-hours, $44.89",
    ):
        assert part in text
    assert "recipe" not in text
    other = preview(composed("experiment=exp1", "scale=paper", f"outputs={tmp_path}"))
    assert other.run.id != plan.run.id, "two runs of a sweep are two runs"
    assert "rows      open_s1 not known here" in "\n".join(describe(other))


def test_a_mix_smaller_than_a_step_is_told_by_the_plan(composed, tmp_path):
    config = composed("experiment=exp2", "algorithm.prompts_per_step=2000", f"outputs={tmp_path}")
    with pytest.raises(ValueError, match=r"algorithm\.prompts_per_step=2000: the mix has only 1400 rows"):
        resolve(config)


def test_what_is_done_is_not_done_again(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    finish_training(plan, 100)
    for step in plan.config.checkpoints:
        finish_cells(plan, step)
    again = plan_of(composed, tmp_path)
    assert not again.must_train
    assert [again.missing(step) for step in again.config.checkpoints] == [[], [], []]
    assert not plan_of(composed, tmp_path, "steps.stop_at=50").must_train
    assert plan_of(composed, tmp_path, "force=[train]").must_train
    assert len(plan_of(composed, tmp_path, "force=[evaluate]").missing(100)) == 5


def test_only_missing_cells_are_measured(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    finish_training(plan, 50)
    finish_cells(plan, 10)
    more = plan_of(composed, tmp_path, "evaluation.num_seeds.amc23=3")
    assert more.must_train
    assert [(cell.benchmark, cell.seed) for cell in more.missing(10)] == [("amc23", 1235), ("amc23", 1236)]
    hotter = plan_of(composed, tmp_path, "evaluation.temperature=1.0")
    assert hotter.run == plan.run
    assert len(hotter.missing(10)) == 5
    regolded = plan_of(composed, tmp_path, "catalog.benchmarks.amc23.gold_kind=expr")
    assert [cell.benchmark for cell in regolded.missing(10)] == ["amc23"]
    (cell,) = regolded.missing(10)
    assert cell.text_path(plan.run.folder) in [c.text_path(plan.run.folder) for c in plan.cells(10)]


def test_fewer_problems_are_another_measurement(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    few = plan_of(composed, tmp_path, "evaluation.max_problems=3")
    assert all(len(rows) == 3 for rows in few.problems.values())
    assert few.run == plan.run
    assert few.ids["amc23"] != plan.ids["amc23"]
