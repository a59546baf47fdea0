"""Settings that cannot hold, or that have no effect, are refused before anything is asked."""

import pytest

from openrs.command import verbs
from openrs.config.schema import Budget
from openrs.curate.answers import refuse_overspent
from openrs.records.files import write_lines
from tests.helpers.composition import config_of

POOL = "curation.pools.nano"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (f"{POOL}.filters.boxed.samples=4", "samples=4: has no effect on a filter of kind boxed"),
        (f"{POOL}.filters.solvable.rate_above=0.8", "rate_above=0.8: is not below rate_at_most=0.75"),
        (f"{POOL}.filters.judge.kind=judge", "prompt=null: does not show the {problem}"),
        (f"{POOL}.filters.boxed.kind=pass_rate", "rate_at_most=null: a filter by the pass rate has a bound"),
        (f"{POOL}.rejects=nano.boxed", "source=s1: a pool has a source, or the rejects of a filter"),
        ("+curation.pools.easy={rejects: nano.easy}", "rejects=nano.easy: names no filter of a pool before"),
        ("curation.name=a/b", "curation.name=a/b: is no name of a folder"),
    ],
)
def test_a_setting_that_cannot_hold_is_refused(override, message):
    with pytest.raises(ValueError) as error:
        config_of("scale=nano", "curation=nano", override)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "curation=null: none is chosen"),
        (["curation=nano", "reward=cosine_as_run"], "reward=cosine_as_run: has no effect"),
        (["curation=nano", f"{POOL}.source=open_s1"], "judges the raw pool of curation=nano alone"),
    ],
)  # fmt: skip
def test_what_the_verb_cannot_use_is_refused(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert verbs.run("curate", ["scale=nano", *words]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_budget_that_is_spent_ends_the_asking(tmp_path):
    line = {
        "stage": "curate a.b", "began": "2026-01-01T00:00:00+00:00", "seconds": 7200.0, "hardware": "cpu",
        "devices": 1, "price_per_device_hour": 1.5, "device_hours": 2.0, "dollars": 3.0,
    }  # fmt: skip
    write_lines(tmp_path / "cost.jsonl", [line])
    refuse_overspent(Budget(device_hours=2.5, money=3.5), tmp_path)
    for budget, message in (
        (Budget(device_hours=2), "budget.device_hours=2: "), (Budget(money=3), "budget.money=3: "),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            refuse_overspent(budget, tmp_path)
