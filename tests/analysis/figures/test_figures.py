"""Figures from records: what is written, what is on them, and what cannot be drawn."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from openrs.analysis import commands as cli
from openrs.analysis import curves, run_records
from openrs.analysis.arms import REPORTED, Block, arms, blocks, limits
from openrs.analysis.figures import cost, drawing, forest, learning
from openrs.analysis.figures.style import COLOURS, MOST, styled
from openrs.analysis.rows import result_rows
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


def evaluated(outputs):
    return result_rows([row for run in run_records.load_all(outputs) for row in run_records.evaluations(run)])


def panels(rows):
    return {panel.title: panel for panel in curves.panels(rows)}


def marks(axis):
    """The face of each estimate of a forest's panel."""
    return [line.get_markerfacecolor() for line in axis.lines if line.get_marker() == "o"]


def block(*cells, columns=("A", "B")):
    return Block(
        "Recipes", Table("Differences to x", columns, (("exp1", cells), ("none", (None, None))), ()), {}
    )


def test_a_difference_without_an_interval_is_left_out():
    figure = forest.forest(
        [block(Value(1.0, None, None, p=1.0, mark=NOISE), Value(2.0, 1.0, 3.0, p=0.01, mark=REAL))], "points"
    )
    assert [len(marks(axis)) for axis in figure.axes] == [0, 1]


def test_figures_of_many_rows_show_the_p_that_the_whole_table_has(tmp_path, monkeypatch):
    drawn = []
    forest_of = forest.forest
    monkeypatch.setattr(forest, "forest", lambda own, unit: (drawn.append(own), forest_of(own, unit))[1])
    monkeypatch.setattr(drawing, "ROWS", 3)
    scores = {10: {"aime24": halves(8), "amc23": halves(8)}}
    make_run(tmp_path, "base", {0: scores[10]}, report_step=0)
    for name in ("exp1", "exp2", "exp3"):
        make_run(tmp_path, name, scores)
    drawing.write(run_records.load_all(tmp_path), tmp_path / "figures")
    assert [[len(own.table.rows) for own in figure] for figure in drawn] == [[3], [3]]
    assert all("over the 9 differences" in own.table.caption[0] for figure in drawn for own in figure)


def test_a_run_measured_in_two_ways_has_two_curves():
    warm, hot = SETTINGS | {"temperature": 0.6}, SETTINGS | {"temperature": 1.2}
    cold = imported_run("exp1", {10: {"AIME24": 0.6}, 20: {"AIME24": 0.7}}, warm)
    both = imported_run("exp1", {10: {"AIME24": 0.1}, 20: {"AIME24": 0.2}}, hot)
    run = replace(cold, scores=cold.scores + both.scores)
    (panel,) = curves.panels(result_rows(run_records.evaluations(run)))
    assert {curve.label: [(p.step, round(p.mean)) for p in curve.points] for curve in panel.curves} == {
        "exp1 (temperature=0.6)": [(10, 60), (20, 70)],
        "exp1 (temperature=1.2)": [(10, 10), (20, 20)],
    }


def test_the_average_comes_first_and_the_base_model_is_a_level(outputs):
    runs = run_records.load_all(outputs)
    first, aime, amc = curves.panels(evaluated(outputs))
    assert (first.title, aime.title, amc.title) == ("Avg.", "AIME24", "AMC23")
    (curve,) = aime.curves
    assert [(point.step, point.mean) for point in curve.points] == [(10, 100.0), (20, 50.0)]
    assert [(point.step, point.mean) for point in first.curves[0].points] == [(10, 75.0), (20, 50.0)]
    assert first.bases == (("the base", 50.0),)
    assert curve.reported == 10
    assert curves.traces(runs[::-1]) == curves.traces(runs)  # colours follow the order, not the folders
    assert all(point.low < point.mean <= point.high for point in curve.points)


def test_runs_that_repeat_a_recipe_are_a_mean_and_thin_lines(tmp_path):
    for seed in (1, 2):
        make_run(tmp_path, "exp3", {10: {"aime24": halves(8)}}, {"seed": seed})
    panel = panels(evaluated(tmp_path))["AIME24"]
    assert [(curve.label, curve.single, curve.recipe) for curve in panel.curves] == [
        ("exp3 (2 runs)", False, "exp3"), ("seed=1", True, "exp3"), ("seed=2", True, "exp3")]  # fmt: skip


def test_a_mean_is_over_the_same_runs_at_all_its_points(tmp_path):
    """Where one of three runs ends early, no band fans out between a mean of three and a mean of two."""
    for seed, steps in ((1, (10, 20, 30)), (2, (10, 20, 30)), (3, (10, 20))):
        make_run(tmp_path, "exp3", {step: {"aime24": halves(8)} for step in steps}, {"seed": seed})
    mean, *runs = panels(evaluated(tmp_path))["AIME24"].curves
    assert (mean.label, [point.step for point in mean.points]) == ("exp3 (3 runs)", [10, 20])
    assert [len(run.points) for run in runs] == [3, 3, 2]
    with styled():
        (axis,) = learning.accuracy(curves.panels(evaluated(tmp_path))).axes
        assert len(axis.collections) == 1  # the mean's band; runs have none


def test_different_rewards_share_no_axis(tmp_path):
    for name in ("accuracy", "cosine"):
        for seed in (1, 2):
            trained(make_run(tmp_path, "exp1", {}, {"seed": seed, "reward": {name: {"weight": 1.0}}}))
    traces = curves.traces(run_records.load_all(tmp_path))
    with styled():
        axes = learning.trace("reward", traces["reward"]).axes
        assert {axis.get_title() for axis in axes} == {"reward: accuracy", "reward: cosine"}
        assert len(learning.trace("kl", traces["kl"]).axes) == 1
    assert [(line.label, line.steps) for line in curves.means(traces["kl"])] == [
        (f"reward={name} (2 runs)", tuple(range(1, 21))) for name in traces_order(traces)
    ]


def traces_order(traces):
    return list(dict.fromkeys(line.reward for line in traces["reward"]))


def test_an_axis_shows_the_differences_and_not_the_widest_interval():
    usual = [Value(mean, mean - 2, mean + 2) for mean in (-1.0, 1.0, 3.0)]
    low, high = limits([*usual, Value(2.0, -60.0, 64.0)])
    assert (-9, 11) < (low, high) < (-6, 9)
    low, high = limits(usual)
    assert (low, high) == (pytest.approx(-3.48), pytest.approx(5.48))


def test_arms_are_recipes_at_a_step_that_no_score_selected(tmp_path):
    make_run(tmp_path, "base", {0: {"aime24": halves(8)}}, report_step=0)
    for name, seed, steps in (("exp1", 1, (10, 20)), ("exp1", 2, (10, 20)), ("exp2", 1, (10,))):
        make_run(tmp_path, name, {s: {"aime24": halves(8)} for s in steps}, {"seed": seed, "lr": name})
    study = arms(evaluated(tmp_path))
    assert (study.checkpoint, [row.label for row in study.rows]) == (
        REPORTED, ["the base", "exp1 (2 runs)", "exp2"])  # fmt: skip
    assert [row.label for row in study.runs] == ["exp1 (seed=1)", "exp1 (seed=2)"]
    assert [(own.title, len(own.table.rows)) for own in blocks(study, ["AIME24"])] == [
        ("Recipes against each other", 1),
        ("Recipes against the base", 2),
        ("Single runs against the base", 2),
    ]


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
            drawing._save([(name, learning.trace("kl", traces))], tmp_path)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_many_lines_are_several_figures():
    names = [f"exp{number}" for number in range(MOST + 1)]
    assert drawing._parts(names[:MOST]) == [("", set(names[:MOST]))]
    assert drawing._parts(names) == [("-part1", set(names[:MOST])), ("-part2", {names[MOST]})]
    assert len(set(COLOURS)) == MOST


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("algorithm.learning_rate=4e-05", ["algorithm.learning_rate=", "4e-05"]),
        ("data=curated-by-nobody.jsonl, seed=1", ["data=", "curated-by-nobody.jsonl,", "seed=1"]),
        ("reward=cosine+format", ["reward=cosine+format"]),
    ],
)
def test_a_label_breaks_after_its_signs_and_in_no_word(label, lines):
    assert forest.broken(label) == lines


def test_a_step_is_a_whole_number_also_where_there_is_one(tmp_path):
    make_run(tmp_path, "exp1", {2: {"aime24": halves()}})
    rows = result_rows(
        [item for run in run_records.load_all(tmp_path) for item in run_records.evaluations(run)]
    )
    with styled():
        figure = learning.accuracy(curves.panels(rows))
        ticks = [tick for axis in figure.axes for tick in axis.get_xticks()]
    assert all(tick == int(tick) for tick in ticks)


def test_noise_is_hollow_and_what_is_real_is_filled():
    real = Value(5.0, 1.0, 9.0, mark=REAL, p=0.01, paired=True)
    noise = Value(1.0, -3.0, 5.0, mark=NOISE, p=0.6, paired=False)
    with styled():
        figure = forest.forest([block(real, noise, columns=("AIME24", "Avg."))], "points")
        average, aime = figure.axes  # the average first
        assert (marks(average), marks(aime)) == (["white"], [COLOURS[0]])
        assert [axis.get_title() for axis in figure.axes] == ["average", "AIME24"]
        assert [text.get_text() for text in average.get_yticklabels()] == ["exp1", "none"]
        assert [text.get_text() for text in average.texts] == ["†", "Recipes"]


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
