"""`decide A B`: verdicts on recipes and checkpoints, exit statuses, what it would take, and the ledger."""

import json

import numpy as np
import pytest

from openrs.analysis import commands, decision_ledger
from openrs.analysis.statistics import decisions, power
from tests.helpers.run_folders import make_run


def outcomes(share, seed, n=400):
    """Outcomes of problems of one difficulty each, right with this share on average."""
    hard = np.random.default_rng(7).random(n)
    return [(np.random.default_rng(seed).normal(hard, 0.1) < share).astype(int).tolist()]


@pytest.fixture
def outputs(tmp_path):
    """Recipes of three runs, and one of a single run."""
    for name, share in (("low", 0.4), ("same", 0.4), ("high", 0.6)):
        for seed in (1, 2, 3):
            recipe = {"seed": seed, "of": name}
            scores = outcomes(share, {"low": 10, "same": 20, "high": 30}[name] + seed)
            make_run(tmp_path, name, {10: {"amc23": scores, "minerva": scores}}, recipe)
    make_run(tmp_path, "base", {0: {"amc23": outcomes(0.2, 4)}}, report_step=0)
    make_run(tmp_path, "once", {10: {"amc23": outcomes(0.6, 5)}}, {"seed": 1, "of": "once"})
    make_run(tmp_path, "other", {10: {"amc23": outcomes(0.6, 6)}}, {"seed": 1, "of": "other"})
    for name, gain in (("steady", 0.0), ("level", 0.0), ("up", 0.1)):
        for seed in (1, 2):
            right = np.roll(np.arange(10) < 4 + 10 * gain, 3 * seed).astype(int).tolist()
            make_run(tmp_path, name, {10: {"aime24": [right]}}, {"seed": seed, "of": name})
    make_run(tmp_path, "unlike", {10: {"amc23": outcomes(0.4, 8)}}, {"seed": 1, "of": "unlike"})
    return tmp_path


@pytest.fixture
def decide(outputs, capsys, monkeypatch):
    """Runs the verb; returns its exit status and what it printed."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["analysis", "decide", *arguments, "--outputs", str(outputs)])
        status = commands.main()
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    return run


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("low", "high"), 0, "recipes: B is better: +"),
        (("high", "low"), 10, "recipes: B is worse: -"),
        (("low", "same", "--margin", "10"), 11, "recipes: equal within the margin: "),
        (("low", "same", "--margin", "0.5"), 12, "to show 0.5 points, the margin, with power 0.8: "),
        (("unlike", "once"), 12, "recipes: undecided for want of a spread (no recipe here has two"),
        (("unlike", "once", "--about", "checkpoints"), 0, "checkpoints: B is better: +"),
        (("unlike", "once", "--spread", "1"), 0, "training runs as stated: a standard deviation of 1.0"),
        (("low", "once"), 0, "and taken to be the same of the recipe that has one run"),
        (("low", "low"), 1, "low (step 10, 3 runs): is both A and B. Give two recipes, or two checkpoints"),
        (("steady", "level"), 12, "recipes: undecided: +0.0 points [-"),
        (("steady", "level"), 12, "0.0 points, 2 degrees of freedom; so few runs may agree by chance"),
        (("steady", "level"), 12, "no difference is seen: give --margin POINTS"),
        (("steady", "level", "--margin", "1"), 12, "recipes: undecided: +0.0 points [-"),
        (("steady", "level", "--margin", "60"), 11, "recipes: equal within the margin: +0.0 points [-"),
        (("steady", "up"), 12, "recipes: undecided: +10.0 points [-"),
        (("low", "base"), 1, "is an untrained model, and B must be trained"),
        (("base", "high"), 0, "recipes: B is better: +"),
        (("low", "none"), 1, "error: none: no run has this name. Give one of "),
        (("low", "high", "--margin", "0"), 1, "margin=0.0: must be points of a score, above 0"),
        (("low", "high", "--decisions", "5"), 1, "decisions: belongs to --ledger FILE"),
    ],
)  # fmt: skip
def test_the_verdict_is_the_exit_status(decide, arguments, status, text):
    found, shown = decide(*arguments)
    assert text in shown
    assert found == status


def test_ids_of_single_runs_are_not_taken_for_recipes_that_want_seeds(decide, outputs):
    low, same = (sorted(path.name for path in outputs.glob(f"runs/{name}-*")) for name in ("low", "same"))
    status, shown = decide(low[0], f"{same[0]}@10")
    assert status == 12
    assert f"{low[0]} and {same[0]} name single runs of what has more; these words name" in shown
    assert "recipes: openrs decide low same@10\n" in shown
    assert "more training seed" not in shown
    assert json.loads(decide(low[0], same[0], "--json")[1])["needs"] == []
    assert f"{low[0]} and {low[1]} are runs of one recipe, low" in decide(low[0], low[1])[1]
    assert f"{low[0]} names a single run of what has more; these words name" in decide(low[0], "once")[1]
    assert "name the recipes" not in decide("low", "same")[1]


def test_a_script_reads_the_answer_as_json(decide):
    status, shown = decide("low", "same", "--margin", "0.5", "--json")
    answer = json.loads(shown)
    assert (status, answer["status"], answer["about"]) == (12, 12, "recipes")
    assert answer["recipes"]["low"] < answer["recipes"]["effect"] < answer["recipes"]["high"]
    assert answer["benchmarks"] == ["AMC23", "Minerva"]
    assert len(answer["runs"]["a"]) == 3


@pytest.mark.parametrize(
    ("invocations", "commands"),
    [
        ([], []),
        (
            [
                {"argv": ["experiment=exp1", "seed=7"]},
                {"argv": ["experiment=exp2", "force=[train]", "data.files=[a b]"]},
            ],
            ["openrs experiment=exp2 'data.files=[a b]' outputs={outputs} seed=2"],
        ),
        (
            [{"argv": ["-m", "sweeps=mine"], "job": ["steps=short", "seed=1", "hydra.verbose=true"]}],
            ["openrs steps=short outputs={outputs} seed=2"],
        ),
        ([{"argv": ["-m", "sweeps=old"]}], ["openrs -m sweeps=old outputs={outputs} seed=2"]),
    ],
)
def test_one_run_each_gets_the_commands_that_show_a_spread(decide, outputs, invocations, commands):
    for path in outputs.glob("runs/*/run.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"invocations": invocations}))
    expected = [command.format(outputs=outputs) for command in commands]
    status, shown = decide("unlike", "once", "--json")
    need = {"training_seeds_each": 1, "seeds": [2], "device_hours": None, "dollars": None}
    assert (status, json.loads(shown)["needs"]) == (12, [need | {"commands": 2 * expected}])
    text = decide("unlike", "once")[1]
    assert "to see a spread: 1 more training seed each (seed 2): cost unknown" in text
    assert text.count("".join(f"\n  {command}" for command in expected)) or not expected
    [base] = json.loads(decide("base", "once", "--json")[1])["needs"]
    assert base["commands"] == expected, "an untrained model has no seeds"


def test_several_more_seeds_are_one_command_of_each_side(decide, outputs):
    for path in outputs.glob("runs/*/run.json"):
        words = {"invocations": [{"argv": [f"experiment={path.parent.name.split('-')[0]}", "seed=1"]}]}
        path.write_text(json.dumps(json.loads(path.read_text()) | words))
    shown = decide("low", "same", "--margin", "2")[1]
    assert " (seeds 4 to " in shown
    assert f"\n  openrs -m experiment=low outputs={outputs} seed=4,5" in shown
    assert f"\n  openrs -m experiment=same outputs={outputs} seed=4,5" in shown


def test_a_ledger_splits_one_level_over_its_decisions(decide, outputs):
    book = str(outputs / "ledger")
    status, shown = decide("low", "high", "--ledger", book)
    assert (status, "Give --decisions N" in shown) == (1, True)
    status, shown = decide("low", "high", "--ledger", book, "--decisions", "2")
    assert (status, "(level 0.025)" in shown) == (0, True)
    assert decide("low", "high", "--ledger", book)[0] == 0, "the same decision again"
    assert decide("low", "same", "--ledger", book)[0] == 12
    status, shown = decide("same", "high", "--ledger", book)
    assert (status, "all 2 decisions that share its level were made" in shown) == (1, True)
    status, shown = decide("low", "high", "--ledger", book, "--decisions", "9")
    assert (status, "splits its level over 2" in shown) == (1, True)
    (outputs / "ledger").write_text("[]\n")
    assert "line 1: is no line of a ledger" in decide("low", "high", "--ledger", book)[1]


def test_two_one_sided_tests_by_hand():
    # an effect of 0.5 with error 0.5, against a margin of 2: z is 3 and 5, so p is that of 3
    found = decisions.decide(0.5, [(0.25, 10**9)], margin=2.0)
    assert (found.verdict, found.p_equal) == ("equal", pytest.approx(0.00135, abs=1e-5))
    assert decisions.decide(0.5, [(0.25, 10**9)], margin=1.0).verdict == "undecided"
    assert decisions.decide(1.5, [(0.25, 10**9)]).verdict == "better"


def test_more_runs_and_answers_lessen_what_they_can():
    noise = decisions.Noise(1e-4, 3e-4, {"x": 1e-4}, {"x": 400}, (2, 2), {"x": 2}, 2)
    assert noise.chance(0.0) < 0.05
    alone = power.between_recipes(0.05, 1e-2, 3e-4**0.5, 400, 2)
    assert noise.chance(0.05) == pytest.approx(alone)
    # eight more runs a side: a fifth of the part between runs, and 18 degrees of freedom
    many = power.between_recipes(0.05, 1e-2, 6e-5**0.5, 400, 18)
    assert noise.chance(0.05, runs=8) == pytest.approx(many)
    # two more answers: half of what they add
    more = power.between_recipes(0.05, 1e-2, 2.5e-4**0.5, 400, 2)
    assert noise.chance(0.05, answers=2, titles=["x"]) == pytest.approx(more)
    runs = noise.runs_needed(0.05)
    assert noise.chance(0.05, runs=runs) >= 0.8 > noise.chance(0.05, runs=runs - 1)
    fixed = decisions.Noise(1e-2, 0.0, None, {"x": 400}, (2, 2), {"x": 1}, 2)
    assert (fixed.runs_needed(0.05), fixed.answers_needed(0.05)) == (None, None)


def test_a_ledger_of_a_hundred_decisions_is_kept_to_its_level(tmp_path):
    assert decision_ledger.opened(tmp_path / "book", 100).level == pytest.approx(5e-4)
