"""Figures from records: what is written, what is on them, and what cannot be drawn."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from openrs.analysis import commands as cli
from openrs.analysis import curves, run_records
from openrs.analysis.figures import cost, drawing, forest, learning
from openrs.analysis.figures.style import COLOURS, MOST, styled
from openrs.analysis.tables.table import NOISE, REAL, Table, Value
from openrs.errors import Mistake
from openrs.records.files import write_record
from tests.helpers.run_folders import SETTINGS, halves, imported_run, make_run


def trained(folder, steps=20, hours=0.5, price=2.0):
    (folder / "train").mkdir(parents=True)
    lines = [
        {"step": step, "reward": step / 10, "kl": 0.01, "completion_length": 30.0}
        for step in range(1, steps + 1)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "train" / "metrics.jsonl").write_text(text)
    write_record(folder / "train.json", {"device_hours": hours, "last_step": steps, "rows": {"easy": 8}})
    record = json.loads((folder / "run.json").read_text())
    record["config"]["hardware"] = {"price_per_device_hour": price}
    write_record(folder / "run.json", record)


@pytest.fixture
def outputs(tmp_path):
    make_run(tmp_path, "base", {0: {"aime24": halves(8), "amc23": halves(8)}}, report_step=0)
    scores = {10: {"aime24": [[1] * 8], "amc23": halves(8)}, 20: {"aime24": halves(8), "amc23": halves(8)}}
    trained(make_run(tmp_path, "exp1", scores))
    return tmp_path


def test_a_difference_without_an_interval_is_left_out():
    cells = (Value(1.0, None, None, p=1.0, mark=NOISE), Value(2.0, 1.0, 3.0, p=0.01, mark=REAL))
    figure = forest.forest(Table("Differences to x", ("A", "B"), (("exp1", cells),), ()), "points")
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["exp1", "B"]


def test_figures_of_many_rows_show_the_p_that_the_whole_table_has(tmp_path, monkeypatch):
    drawn = []
    forest_of = forest.forest
    monkeypatch.setattr(
        forest, "forest", lambda table, unit: (drawn.append(table), forest_of(table, unit))[1]
    )
    scores = {step: {"aime24": halves(8), "amc23": halves(8)} for step in range(10, 10 * MOST + 20, 10)}
    make_run(tmp_path, "base", {0: scores[10]}, report_step=0)
    make_run(tmp_path, "exp1", scores)
    drawing.write(run_records.load_all(tmp_path), tmp_path / "figures")
    assert [len(table.rows) for table in drawn] == [MOST, 1]
    assert all(f"over the {3 * (MOST + 1)} differences" in table.caption[0] for table in drawn)


def test_a_run_measured_in_two_ways_has_two_curves():
    warm, hot = SETTINGS | {"temperature": 0.6}, SETTINGS | {"temperature": 1.2}
    cold = imported_run("exp1", {10: {"AIME24": 0.6}, 20: {"AIME24": 0.7}}, warm)
    both = imported_run("exp1", {10: {"AIME24": 0.1}, 20: {"AIME24": 0.2}}, hot)
    run = replace(cold, scores=cold.scores + both.scores)
    members = curves.scores(run_records.evaluations(run))["AIME24"]
    assert {curve.label: [(p.step, round(p.mean)) for p in curve.points] for curve in members} == {
        "exp1 (temperature=0.6)": [(10, 60), (20, 70)],
        "exp1 (temperature=1.2)": [(10, 10), (20, 20)],
    }


def test_curves_begin_with_the_base_model(outputs):
    runs = run_records.load_all(outputs)
    by_title = curves.scores([item for run in runs for item in run_records.evaluations(run)])
    (curve,) = by_title["AIME24"]
    assert curve.label == "exp1"
    assert [(point.step, point.mean) for point in curve.points] == [(0, 50.0), (10, 100.0), (20, 50.0)]
    assert curves.traces(runs[::-1]) == curves.traces(runs)  # colours follow the order, not the folders
    assert all(point.low < point.mean <= point.high for point in curve.points)


def test_a_curve_begins_with_a_base_model_whose_device_is_not_stated(tmp_path):
    make_run(tmp_path, "base", {0: {"aime24": halves(8)}}, report_step=0, device=None)
    make_run(tmp_path, "exp1", {10: {"aime24": halves(8)}}, device="NVIDIA A40")
    rows = [row for run in run_records.load_all(tmp_path) for row in run_records.evaluations(run)]
    (curve,) = curves.scores(rows)["AIME24"]
    assert curve.label == "exp1 (device NVIDIA A40)"
    assert [point.step for point in curve.points] == [0, 10]


def test_runs_that_repeat_a_recipe_are_one_more_curve(tmp_path):
    for seed in (1, 2):
        make_run(tmp_path, "exp3", {10: {"aime24": halves(8)}}, {"seed": seed})
    rows = [row for run in run_records.load_all(tmp_path) for row in run_records.evaluations(run)]
    labels = [curve.label for curve in curves.scores(rows)["AIME24"]]
    assert labels == ["exp3 (seed=1)", "exp3 (seed=2)", "exp3, mean of 2 runs"]


def test_a_smoothed_line_shifts_nothing():
    assert curves.smoothed([1, 2, 3, 4, 5], 3) == [1, 2, 3, 4, 5]
    assert curves.smoothed([0, 0, 9, 0, 0], 3) == [0, 3, 3, 3, 0]
    assert curves.window_for(100) % 2 == 1


@pytest.mark.slow
def test_every_figure_is_written_as_svg_and_png(outputs, tmp_path):
    written = drawing.write(run_records.load_all(outputs), tmp_path / "figures")
    names = {"accuracy", "differences", "cost", "reward", "kl", "completion_length"}
    assert {path.name for path in written} == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
    for path in written:
        if path.suffix == ".svg":
            ElementTree.parse(path)
            text = path.read_text()
            assert "exp1" in text
        else:
            assert path.read_bytes().startswith(b"\x89PNG")
    assert "training step" in (tmp_path / "figures/accuracy.svg").read_text()
    assert "(US dollars)" in (tmp_path / "figures/cost.svg").read_text()


def test_the_same_records_make_the_same_figure(outputs, tmp_path):
    traces = curves.traces(run_records.load_all(outputs))["kl"]
    for name in ("a", "b"):
        with styled():
            learning.trace("kl", traces).savefig(tmp_path / f"{name}.svg", metadata={"Date": None})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_many_lines_are_several_figures():
    assert drawing._parts(MOST) == [(0, "")]
    assert drawing._parts(MOST + 1) == [(0, "-part1"), (MOST, "-part2")]
    assert len(set(COLOURS)) == MOST


def test_noise_is_hollow_and_what_is_real_is_filled():
    cells = (
        Value(5.0, 1.0, 9.0, mark=REAL, p=0.01, paired=True),
        Value(1.0, -3.0, 5.0, mark=NOISE, p=0.6, paired=False),
    )
    table = Table("Differences to base", ("AIME24", "Avg."), (("exp1", cells), ("empty", (None, None))), ())
    with styled():
        figure = forest.forest(table, "points")
        (axis,) = figure.axes
        filled = [line.get_markerfacecolor() for line in axis.lines if line.get_marker() in ("o", "D")]
        assert filled == [COLOURS[0], "white"]
        assert [text.get_text() for text in axis.get_yticklabels()] == ["exp1", "AIME24", "Avg. †"]


def test_costs_far_apart_are_on_a_logarithmic_axis():
    points = [cost.Priced("a", 1, 50, 45, 55), cost.Priced("b", 100, 60, None, None, published=True)]
    with styled():
        (axis,) = cost.against_cost(points, "US dollars", "mean of A").axes
        assert axis.get_xscale() == "log"
        assert axis.get_xlabel() == "training cost (US dollars)"


def test_nothing_to_draw_is_said(tmp_path):
    make_run(tmp_path, "exp1", {})
    with pytest.raises(Mistake, match="no scores and no logged training steps"):
        drawing.write(run_records.load_all(tmp_path), tmp_path / "figures")


def test_a_sweep_needs_its_storage_and_its_name(outputs, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["analysis", "figures", str(outputs), "--study", "s"])
    assert cli.main() == 1
    assert "Give --storage URL --study NAME" in capsys.readouterr().err


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = f"sqlite:///{tmp_path_factory.mktemp('sweep')}/study.db"
    study = optuna.create_study(storage=url, study_name="weights", direction="maximize")
    spread = {
        "weight": optuna.distributions.FloatDistribution(0, 4),
        "rate": optuna.distributions.FloatDistribution(1e-6, 1e-3, log=True),
    }
    for i in range(8):
        parameters = {"weight": (i * 3 % 8) / 2, "rate": 10 ** (-6 + i % 4)}
        value = -((parameters["weight"] - 2) ** 2) + 0.1 * (i % 4)
        study.add_trial(optuna.create_trial(params=parameters, distributions=spread, value=value))
    optuna.create_study(storage=url, study_name="empty")
    return url


@pytest.mark.slow  # scikit-learn and pandas take longer to import than the test
def test_a_sweep_has_importance_and_a_contour(storage):
    from openrs.analysis.figures import sweeps

    with styled():
        figures = sweeps.sweep(storage, "weights")
        assert set(figures) == {"importance", "contour"}
        for figure in figures.values():
            assert all(len(line) < 14 * figure.get_figwidth() for line in figure.get_suptitle().split("\n"))
        names = {text.get_text() for text in figures["importance"].axes[0].get_yticklabels()}
        assert names == {"weight", "rate"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "name", "message"),
    [
        (None, "empty", "0 finished trials"),
        (None, "other", "holds no study of this name. Give one of: empty, weights"),
        ("nonsense", "weights", "is no storage of sweeps"),
    ],
)
def test_a_sweep_that_cannot_be_figuressays_why(storage, url, name, message):
    from openrs.analysis.figures import sweeps

    with pytest.raises(Mistake, match=message):
        sweeps.sweep(url or storage, name)


@pytest.mark.slow
@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_a_pareto_set_is_figureswhere_a_figure_can_hold_it(objectives, tmp_path):
    import optuna

    from openrs.analysis.figures import sweeps

    study = optuna.create_study(study_name="two", directions=["maximize", "minimize"] * (objectives // 2)
                                + ["maximize"] * (objectives % 2))  # fmt: skip
    spread = {"cap": optuna.distributions.CategoricalDistribution(("short", "long", "longest"))}
    for cap, first, second in (("short", 1.0, 1.0), ("long", 2.0, 2.0), ("longest", 1.5, 3.0)):
        values = [first, second, first, second][:objectives]
        study.add_trial(optuna.create_trial(params={"cap": cap}, distributions=spread, values=values))
    written = drawing.pareto(study, tmp_path)
    assert [path.name for path in written] == (["pareto.svg", "pareto.png"] if objectives < 4 else [])
    if objectives == 2:
        with styled():
            axis = sweeps.pareto(study).axes[0]
            others, front = axis.collections
            assert front.get_offsets().tolist() == [[1.0, 1.0], [2.0, 2.0]]
            assert others.get_offsets().tolist() == [[1.5, 3.0]]
            assert [text.get_text() for text in axis.texts] == ["short", "long"]
