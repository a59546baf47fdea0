"""Ablations and comparisons: factors, replicates, margins, differences, problems."""

import pyarrow
import pytest
from pyarrow import parquet

from openrs.analysis import commands, formats, run_records
from openrs.analysis.cells import AVERAGE
from openrs.analysis.tables import ablation, captions, compare, comparisons
from openrs.analysis.tables.ablation import AblationDesign
from openrs.analysis.tables.table import TIED
from openrs.errors import Mistake
from tests.helpers.run_folders import make_run


def right(count, n=20):
    return [[1] * count + [0] * (n - count)]


@pytest.fixture
def runs(tmp_path):
    """Two lengths x two rewards, two seeds each; and the base."""
    make_run(tmp_path, "base", {0: {"aime24": right(2), "amc23": right(2)}}, report_step=0)
    for length, gain in ((1, 0), (2, 6)):
        for reward in ("accuracy", "cosine"):
            for seed in (1, 2):
                count = 8 + gain + seed
                recipe = {"seed": seed, "length": length, "reward": {reward: {"weight": 2.0}}}
                scores = {"aime24": right(count), "amc23": right(count)}
                make_run(tmp_path, f"run{length}{reward}", {10: scores}, recipe)
    return run_records.load_all(tmp_path)


def test_all_factors_replicates_margins_and_differences(runs):
    layout, margins, differences = ablation.tables(runs, AblationDesign())
    assert captions.OVER_RUNS in layout.caption
    rows = dict(layout.rows)
    assert list(rows) == [
        "the base",
        "length=1, reward=accuracy (2 runs)",
        "length=1, reward=cosine (2 runs)",
        "length=2, reward=accuracy (2 runs)",
        "length=2, reward=cosine (2 runs)",
    ]
    cell = rows["length=2, reward=cosine (2 runs)"][0]
    assert (cell.mean, cell.kind) == (pytest.approx(77.5), "training runs and problems")  # 75 and 80
    level = dict(margins.rows)["length=1 (2 combinations)"]
    assert level[0].mean == pytest.approx(47.5)
    assert level[0].low < level[-1].low < level[-1].mean < level[-1].high < level[0].high
    assert layout.caption[0].startswith("Measured here at paper scale. Problems: AIME24 20, AMC23 20")
    assert differences.title == "Differences to each other"
    assert len(differences.rows) == 6, "of four arms; the base is a line of the table above"
    accuracies = "length=2, reward=accuracy (2 runs) - length=1, reward=accuracy (2 runs)"
    assert dict(differences.rows)[accuracies][0].mean == pytest.approx(30.0)
    assert differences.caption[-1].startswith(
        "No arm is the best on average: length=2, reward=accuracy (2 runs)"
    )


def test_of_many_arms_each_is_compared_with_the_first_and_an_only_arm_with_the_base(tmp_path):
    make_run(tmp_path, "base", {0: {"aime24": right(2)}}, report_step=0)
    make_run(tmp_path, "run1", {10: {"aime24": right(9)}}, {"length": 1})
    _, differences = ablation.tables(run_records.load_all(tmp_path), AblationDesign())
    assert differences.title == "Differences to the base"
    for length in range(2, 8):
        make_run(tmp_path, f"run{length}", {10: {"aime24": right(9)}}, {"length": length})
    _, differences = ablation.tables(run_records.load_all(tmp_path), AblationDesign())
    assert (differences.title, len(differences.rows)) == ("Differences to length=1 (1 run)", 6)
    assert comparisons.CHECKPOINTS in differences.caption


def test_single_runs_and_plain_numbers_are_shown_where_asked(tmp_path, capsys, monkeypatch):
    for seed in (1, 2):
        make_run(tmp_path, "exp2", {10: {"aime24": right(7 + seed)}}, {"seed": seed})
    arguments = ["analysis", "ablation", str(tmp_path), "--runs", "--plain"]
    monkeypatch.setattr("sys.argv", arguments)
    assert commands.main() == 0
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if line.startswith("| exp2")]
    assert [line.split("|")[2].strip(" ≈*") for line in lines] == ["45.0", "40.0", "42.5"]
    assert not any("[" in line for line in lines)
    assert "interval" not in shown


def test_levels_of_the_same_keys_are_told_apart_beside_levels_of_other_keys(tmp_path):
    mixes = {"even": {"easy": 2, "hard": 2}, "mixed": {"easy": 1, "hard": 3}, "hard": {"hard": 4}}
    for name, counts in mixes.items():
        recipe = {"data": {"draws": {source: {"count": n} for source, n in counts.items()}}}
        make_run(tmp_path, name, {10: {"aime24": right(8)}}, recipe)
    layout = ablation.tables(run_records.load_all(tmp_path), AblationDesign())[0]
    assert sorted(label for label, _ in layout.rows) == [
        "data.draws=easy+hard, easy.count=1, data.draws.hard.count=3 (1 run)",
        "data.draws=easy+hard, easy.count=2, data.draws.hard.count=2 (1 run)",
        "data.draws=hard, data.draws.hard.count=4 (1 run)",
    ]


def test_the_best_combination_is_marked_among_means_over_runs(tmp_path):
    for length, first in ((1, 2), (2, 70), (3, 71)):
        for seed in (1, 2):
            scores = {"aime24": right(first + seed, 80)}
            make_run(tmp_path, f"run{length}", {10: scores}, {"seed": seed, "length": length})
    layout = ablation.tables(run_records.load_all(tmp_path), AblationDesign())[0]
    assert [cells[0].mark for _, cells in layout.rows] == ["", TIED, TIED]


def test_a_baseline_is_chosen_by_part_of_its_label(runs):
    last = ablation.tables(runs, AblationDesign(baseline="length=1, reward=accuracy"))[-1]
    assert last.title == "Differences to length=1, reward=accuracy (2 runs)"
    with pytest.raises(Mistake, match="baseline=length=1: 2 rows fit"):
        ablation.tables(runs, AblationDesign(baseline="length=1"))


def test_factors_that_are_not_asked_for_are_averaged_and_named(runs):
    layout, _ = ablation.tables(runs, AblationDesign(rows=("length",)))
    assert [label for label, _ in layout.rows] == ["the base", "length=1 (4 runs)", "length=2 (4 runs)"]
    assert any(
        "Averaged over, because they are not among the rows: reward." in line for line in layout.caption
    )


def test_two_factors_across_have_margins(runs):
    (table,) = ablation.tables(runs, AblationDesign(("length",), "reward", "AMC23"))
    assert table.columns == ("reward=accuracy", "reward=cosine", "mean")
    assert [label for label, _ in table.rows] == ["length=1", "length=2", "mean"]
    assert table.caption[0] == "Measured here at paper scale. Problems: AMC23 20; answers per problem: 1."
    assert table.rows[-1][1][-1].mean == pytest.approx((47.5 + 77.5) / 2)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({"rows": ("lr",)}, "rows=lr: does not differ between these runs. What differs: length, reward"),
        ({"columns": "reward"}, "Name it with --benchmark"),
        ({"columns": "reward", "benchmark": "GSM8K"}, "no score of this benchmark"),
        ({"step": "first"}, "is not last, reported or a number"),
        ({"step": "77"}, "no run has scores there"),
    ],
)
def test_what_cannot_be_laid_out_is_said(runs, design, message):
    with pytest.raises(Mistake, match=message):
        ablation.tables(runs, AblationDesign(**design))


def test_runs_on_two_kinds_of_device_are_refused_unless_asked_for_and_then_a_factor(tmp_path):
    for length, device in ((1, "NVIDIA A40"), (2, "NVIDIA L40")):
        make_run(tmp_path, "exp1", {10: {"aime24": right(9)}}, {"length": length}, device=device)
    both = run_records.load_all(tmp_path)
    with pytest.raises(Mistake, match="differ in kind of device.*--mixed device"):
        ablation.tables(both, AblationDesign())
    layout = ablation.tables(both, AblationDesign(mixed={"device"}))[0]
    assert [label for label, _ in layout.rows] == [
        "length=1, evaluation.device=NVIDIA A40 (1 run)",
        "length=2, evaluation.device=NVIDIA L40 (1 run)",
    ]
    assert any("rows differ in kind of device (NVIDIA A40 | NVIDIA L40)" in line for line in layout.caption)


def test_two_checkpoints_problem_by_problem(runs):
    first, second = compare.find(runs, "base"), compare.find(runs, runs[-1].folder.name + "@10")
    benchmarks, problems, changes = compare.tables(first, second, AVERAGE, listed=3)
    assert comparisons.CHECKPOINTS in benchmarks.caption
    assert [label for label, _ in benchmarks.rows] == ["AIME24", "AMC23"]
    assert any("McNemar's exact test" in line for line in benchmarks.caption)
    gained = int(second[0].scores["AIME24"][0].value * 20) - 2
    assert [cell.mean for cell in problems.rows[0][1]] == [gained, 0, 20 - gained]
    assert len(changes.rows) == 3
    assert changes.rows[0][0].startswith("AIME24 p00")


def test_a_problem_is_shown_by_the_beginning_of_its_text_and_one_without_details_by_its_id(runs):
    last = runs[-1].folder
    details = last / "eval" / "step-00010" / "lighteval" / "details" / "details_aime24|0.parquet"
    details.parent.mkdir(parents=True)
    query = "i What is $|x|$,\n if [this](http://x) is <b>" + 80 * "y" + "?"
    docs = [{"query": query, "specific": {"problem_id": f"p{i:04}"}} for i in range(20)]
    parquet.write_table(pyarrow.Table.from_pylist([{"doc": doc} for doc in docs]), details)
    pair = compare.find(runs, "base"), compare.find(runs, last.name)
    (*_, changes) = compare.tables(*pair, AVERAGE, listed=30)
    shown = {label.split()[0]: label for label, _ in changes.rows}
    start = "What is $|x|$, if [this](http://x) is <b>"
    assert shown["AIME24"].partition(": ")[2] == f"{start}{'y' * (100 - len(start))}..."
    assert ":" not in shown["AMC23"]
    assert "What is $\\|x\\|$, if [this]\\(http://x) is &lt;b>yy" in formats.markdown(changes)


def test_a_name_means_all_runs_that_differ_in_their_seeds(runs):
    first, second = compare.find(runs, "run1cosine"), compare.find(runs, "run2cosine@10")
    assert [len(first), len(second)] == [2, 2]
    benchmarks, *_ = compare.tables(first, second, AVERAGE)
    cells = dict(benchmarks.rows)["AIME24"]
    assert [cell.mean for cell in cells] == [47.5, 77.5, 30.0]
    assert cells[2].kind == "training runs and problems"
    assert benchmarks.caption[0].startswith("A: run1cosine, step 10, mean of 2 training runs. B: run2cosine")


def test_the_label_of_a_recipe_with_two_names_means_the_runs_of_both(tmp_path):
    for name, seed in (("again", 1), ("plain", 2), ("plain", 3)):
        make_run(tmp_path, name, {10: {"aime24": right(9)}}, {"seed": seed})
    both = run_records.load_all(tmp_path)
    assert [len(compare.find(both, text)) for text in ("again/plain", "plain", "outputs/plain")] == [3, 2, 2]


def test_a_checkpoint_that_is_not_there_is_said(runs):
    with pytest.raises(Mistake, match="run9: no run has this name. Give one of base, "):
        compare.find(runs, "run9")
    length = runs[-1].folder.parents[1]
    for weight in (1, 2):
        make_run(length, "twice", {10: {"aime24": right(9)}}, {"weight": weight})
    both = run_records.load_all(length)
    with pytest.raises(
        Mistake, match=r"several recipes .*one of 'twice \(weight=[12]\)', 'twice \(weight=[12]\)'\.$"
    ):
        compare.find(both, "twice")
    with pytest.raises(Mistake, match=r"12345678: no run has .*, twice-\w+ \(weight=[12]\), twice-"):
        compare.find(both, "twice-12345678")
    (heavy,) = compare.find(both, "twice (weight=2)")
    assert heavy.run.recipe["weight"] == 2
    with pytest.raises(Mistake, match="has scores at steps 0 only"):
        compare.find(runs, "base@10")
