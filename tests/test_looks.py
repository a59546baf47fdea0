"""Plans of an evaluation in looks: what is needed, what has ended, and the table that shows it."""

import json

import pytest

from openrs.analysis import run_records
from openrs.analysis.tables import table1
from openrs.command.plan_text import describe
from openrs.cost.rates import Rates
from openrs.errors import Mistake
from openrs.plan import resolve, work
from openrs.records.scores import score, write
from openrs.sequential import record
from tests.helpers.plans import plan_of, trained

IN_LOOKS = [
    "evaluation=sequential",
    "stages=[evaluate]",
    "objective=average",
    "evaluation.benchmarks=[aime24,amc23]",
    "evaluation.max_problems=50",
    "evaluation.checkpoints=['0',last]",
]


@pytest.fixture
def plan(composed, tmp_path):
    found = plan_of(composed, tmp_path, *IN_LOOKS)
    trained(found, [1.0] * 10)
    found.base.log_invocation({"model": {"title": "base"}, "scale": {"name": "nano"}})
    return found


def measure(plan, run, step, looks, right):
    """Leaves the scores of these looks: problem n of a benchmark is right where right(n) says so."""
    for part in plan.looks[looks]:
        for cell in part.cells(step):
            ids = [row["id"] for row in part.problems[cell.benchmark]]
            places = {row["id"]: place for place, row in enumerate(plan.problems[cell.benchmark])}
            columns = {
                "ids": ids,
                "correct": [int(right(places[key])) for key in ids],
                "tokens": [9] * len(ids),
                "truncated": [0] * len(ids),
                "timed_out": [0] * len(ids),
            }
            look = {"look": part.look, "looks": 5}
            write(run.folder, score(cell, title=f"nano-{cell.benchmark}", columns=columns, seconds=1.0,
                                    settings={"temperature": 0.6} | look, versions={}))  # fmt: skip


def test_each_look_has_ids_of_its_own_and_all_problems_are_in_one(plan):
    cells = plan.cells(10)
    assert len(cells) == 10
    assert len({cell.settings_id for cell in cells}) == 10
    for name in ("aime24", "amc23"):
        parts = [row["id"] for part in plan.looks for row in part.problems[name]]
        assert sorted(parts) == sorted(row["id"] for row in plan.problems[name])
    assert all(len(part.problems["aime24"]) == 10 for part in plan.looks)
    assert work(plan, Rates()).problems == 200


def test_a_comparison_ends_at_the_look_that_decides_it_and_nothing_more_is_needed(plan):
    measure(plan, plan.base, 0, slice(0, 2), lambda n: n % 10 == 0)
    measure(plan, plan.run, 10, slice(0, 1), lambda n: True)
    assert plan.progress(10).comparison.verdict is None  # the score of 18 is below 4.88
    assert len(plan.missing(10)) == 8
    assert len(plan.missing(0)) == 6
    measure(plan, plan.run, 10, slice(1, 2), lambda n: True)
    found = plan.progress(10).comparison
    assert (found.look, found.verdict) == (2, "better")
    assert found.low > 0
    assert plan.missing(10) == plan.missing(0) == []
    assert plan.cells(10) == [cell for part in plan.looks[:2] for cell in part.cells(10)]
    assert work(plan, Rates()).problems == 0


def test_equal_sides_take_all_looks(plan):
    for run, step in ((plan.base, 0), (plan.run, 10)):
        measure(plan, run, step, slice(0, 5), lambda n: n % 2 == 0)
    found = plan.progress(10).comparison
    assert (found.look, found.verdict, found.effect) == (5, "undecided", 0.0)


def test_another_reference_is_a_checkpoint_that_is_there(plan, composed, tmp_path):
    name = plan.run.folder.name

    def against(reference):
        return resolve(
            composed("experiment=exp1", *IN_LOOKS, f"evaluation.reference={reference}", f"outputs={tmp_path}")
        )

    found = against(f"{name}@10")
    assert found.reference[0].folder == plan.run.folder
    assert found.measured[0] == (found.reference[0], 10)
    assert found.candidates == [0, 100]
    for reference, message in (
        (name, "has no such checkpoint (it has 10)"),
        (f"{name}@20", "has no such checkpoint (it has 10)"),
        ("exp7@10", "holds no such run. Give base, or a step of one of:"),
    ):
        with pytest.raises(Mistake, match="evaluation.reference=") as error:
            against(reference)
        assert message in str(error.value)


def test_a_plan_shows_the_looks_and_what_they_take(plan):
    text = "\n".join(describe(plan))
    assert "in looks at 20, 40, 60, 80, 100 % of the information, against base-" in text
    assert "4.88, 3.36, 2.68, 2.29, 2.03 (level 0.05)" in text
    assert "expected answers: 99 % if nothing differs, 81 % at the difference" in text


def test_futility_states_its_price(composed, tmp_path):
    text = "\n".join(describe(plan_of(composed, tmp_path, *IN_LOOKS, "evaluation.futility=0.2")))
    assert "expected answers: 76 % if nothing differs" in text
    assert "futility 0.2 costs 1.1 points of power there; without it expected answers: 99 %" in text


def test_a_table_shows_the_adjusted_interval_and_no_plain_one(plan, tmp_path, capsys):
    measure(plan, plan.base, 0, slice(0, 2), lambda n: n % 10 == 0)
    measure(plan, plan.run, 10, slice(0, 2), lambda n: True)
    progress, sizes = plan.progress(10), {"aime24": 50, "amc23": 50}
    record.write(plan.run.folder, record.record(progress, plan.design, "average", sizes, plan.base.folder))
    runs = run_records.load_all(tmp_path)
    (table,) = table1.everything(runs)
    assert table.columns == ("nano-aime24", "nano-amc23", "Avg.", "looks", "verdict")
    ((label, cells),) = table.rows
    assert label == f"{plan.run.folder.name}, step 10"
    found = progress.comparison
    assert (cells[2].mean, cells[2].low, cells[2].high) == pytest.approx(
        (100 * found.effect, 100 * found.low, 100 * found.high)
    )
    assert found.effect - found.low == pytest.approx(3.357 * found.error, rel=1e-3)
    assert cells[0].low is None
    assert cells[3:] == ("2 of 5", "better")
    assert all(run.scores == () for run in runs)
    assert all(run_records.evaluations(run) == [] for run in runs)
    assert "which only the table of sequential comparisons shows" in capsys.readouterr().err


def test_a_damaged_record_is_named_and_left_out(plan, tmp_path, capsys):
    measure(plan, plan.base, 0, slice(0, 5), lambda n: n % 2)
    measure(plan, plan.run, 10, slice(0, 5), lambda n: n % 2)
    sizes = {"aime24": 50, "amc23": 50}
    record.write(
        plan.run.folder, record.record(plan.progress(10), plan.design, "average", sizes, plan.base.folder)
    )
    (path,) = plan.run.folder.glob("eval/step-00010/sequential-*.json")
    kept = json.loads(path.read_text())
    assert (kept["look"], kept["verdict"], kept["problems"]["nano-aime24"]) == (5, "undecided", [50, 50])
    path.write_text(json.dumps(kept | {"low": 0.5}))
    assert record.read_all(plan.run.folder) == []
    assert f"{path}: has an interval that does not hold its effect" in capsys.readouterr().err
