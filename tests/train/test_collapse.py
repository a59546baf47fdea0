"""Collapse rules as pure functions of logged steps, and the rule that applies them."""

import json
import re

import pytest

from openrs.config.training import Collapse
from openrs.rewards.scripts import foreign_share
from openrs.train.collapse import RULES, collapsed, on, stop_rule


def run(name, values):
    return [{"step": i + 1, name: value} for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("rule", "limit", "name", "bad", "good"),
    [
        ("reward_below", 0.5, "reward", [2.0] * 5 + [0.5] * 5, [2.0] * 5 + [1.5] * 5),
        ("flat_for", 6, "reward", [1.0] * 12, [1.0] * 5 + [1.1] * 7),
        ("no_signal_above", 0.9, "no_signal_share", [0.5] * 5 + [1.0] * 5, [0.5] * 10),
        ("truncated_above", 0.8, "truncated_share", [0.9] * 5, [0.9] * 2 + [0.5] * 3),
        ("length_above", 3.0, "completion_length", [20] * 5 + [90] * 5, [20] * 5 + [50] * 5),
        ("kl_above", 1.0, "kl", [0.1] * 5 + [1.5] * 5, [0.1] * 5 + [0.9] * 5),
        ("foreign_above", 0.2, "foreign_share", [0.3] * 5, [0.1] * 5),
        ("sampling_gap_above", 0.05, "sampling_gap", [0.06] * 5, [0.04] * 5),
    ],
)
def test_a_rule_stops_the_bad_run_and_not_the_good_one(rule, limit, name, bad, good):
    settings = Collapse(window=5, **{rule: limit})
    assert collapsed(run(name, bad), settings)
    assert collapsed(run(name, good), settings) is None
    assert collapsed(run(name, bad)[:4], settings) is None, "less than a window says nothing"
    assert collapsed(run(name, bad), Collapse(window=5)) is None


def test_every_field_has_its_rule():
    assert set(RULES) | {"window"} == set(vars(Collapse()))


def test_a_reason_has_the_figures_then_the_conclusion_and_what_to_try():
    told = collapsed(run("reward", [2.0] * 5 + [0.5] * 5), Collapse(window=5, reward_below=0.5))
    assert told == (
        "reward fell from 2 to 0.5 (means of 5 steps). Training has unlearned what was paid. Take a "
        "checkpoint from before, and try a lower algorithm.learning_rate or a larger algorithm.beta."
    )


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_tells_what_to_try_and_every_word_of_it_composes(rule, composed):
    conclusion, remedy = RULES[rule][1].split(". ", 1)
    assert conclusion
    options = re.findall(r"[a-z_.]+=[a-z0-9_]+", remedy)
    fields = re.findall(r"(?<![a-z])([a-z]+)\.([a-z_]+)(?![a-z_=])", remedy)
    assert options or fields
    config = composed("experiment=exp3", "scale=paper", "hardware=a40x4", *options)
    assert all(hasattr(getattr(config, group), name) for group, name in fields)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("the sum is 4", 0.0),
        ("α + β = π, naïve", 0.0),
        ("答案", 1.0),
        ("ab 答案", 0.5),
        ("да no", 0.5),
        ("ab \u210f \u00b5 \u2135", 0.0),  # signs of formulas, as the english_only reward has it
        ("", 0.0),
    ],
)
def test_foreign_letters_are_counted_and_formulas_are_not(text, share):
    assert foreign_share([text]) == share


def test_the_stop_rule_sees_the_steps_of_earlier_processes(composed, tmp_path):
    config = composed("experiment=exp3", "collapse.window=3", "collapse.kl_above=1.0")
    assert on(config)
    (tmp_path / "train").mkdir()
    lines = run("kl", [2.0, 2.0])
    (tmp_path / "train" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    look = stop_rule(config, tmp_path)
    stop = look({"step": 3, "kl": 2.0})
    assert stop.kind == "collapse"
    assert "KL divergence from the base model 2 over the last 3 steps" in stop.reason


def test_the_rules_are_off_unless_asked_for(composed, tmp_path):
    assert not on(composed("experiment=exp3"))
    assert stop_rule(composed("experiment=exp3"), tmp_path) is None
