"""Which points are composed before the first is trained, and what is said of one that is no config."""

import pytest
from hydra.errors import HydraException
from omegaconf.errors import ValidationError

from openrs.config.compose import refusal
from openrs.errors import Mistake
from openrs.sweep import points, space


def points_of(*arguments, grid=True, total=None):
    parsed = space.parse(list(arguments), None, None)
    every = parsed.points() if grid else None
    return points.Points(None, None, parsed, every, total or (len(every) if grid else 20))


def composed(monkeypatch, swept, wrong=None):
    """The points that are composed, until one is wrong."""
    tried = []

    def compose(_, params):
        tried.append(params)
        if params == wrong:
            raise Mistake("x=2: is wrong.")

    monkeypatch.setattr(points.Points, "compose", compose)
    points.check(swept, typed=False)
    return tried


def test_every_point_of_a_small_grid_is_composed(monkeypatch):
    swept = points_of("x=0,1,2", "y=0,1")
    assert composed(monkeypatch, swept) == swept.grid
    assert composed(monkeypatch, points_of("x=0,1,2", "y=0,1", total=2)) == swept.grid[:2]


def test_every_level_of_a_large_grid_is_composed_once_and_of_very_many_some(monkeypatch):
    found = composed(monkeypatch, points_of("x=range(0,10)", "y=range(0,10)"))
    assert {point["x"] for point in found} == {point["y"] for point in found} == set(range(10))
    assert len(found) == 20
    assert len(composed(monkeypatch, points_of("x=range(0,1000)"))) <= points.COMPOSED


def test_a_sampler_is_asked_for_its_lists_and_a_value_of_each_interval(monkeypatch):
    found = composed(monkeypatch, points_of("x=a,b", "y=interval(0.0,1.0)", "z=range(1,4)", grid=False))
    assert {point["x"] for point in found} == {"a", "b"}
    assert {point["y"] for point in found} == {0.5}
    assert {point["z"] for point in found} == {1, 2, 3}


def test_a_wrong_point_is_named(monkeypatch):
    with pytest.raises(Mistake, match=r"x=2: is wrong\. This is the point x=2 y=0\. Nothing was run"):
        composed(monkeypatch, points_of("x=0,2", "y=0,1"), wrong={"x": 2, "y": 0})


def test_what_hydra_refuses_is_one_line_with_its_options():
    missing = HydraException(
        "In 'config': Could not find 'data/no'\n\nAvailable options in 'data':\n\teasy\n\thard\n"
        "Config search path:\n\tprovider=hydra, path=pkg://hydra.conf"
    )
    assert refusal(missing) == ("data=no: is no option of data. Known: easy, hard.")
    merged = HydraException("Error merging override seed=a")
    merged.__cause__ = ValidationError("'a' is no Integer. Did you mean 1?\n    full_key: seed")
    assert refusal(merged) == "Error merging override seed=a. 'a' is no Integer. Did you mean 1?"
