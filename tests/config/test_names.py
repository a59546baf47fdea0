"""Names of the schema: what stands under one, and what is near a wrong one."""

import pytest

from openrs.config import names
from openrs.config.schema import Config


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("lr", ["algorithm.learning_rate"]),
        ("algorithm.lr", ["algorithm.learning_rate"]),
        ("reward.format.wieght", ["reward.format.weight"]),
        ("learning_rate", ["algorithm.learning_rate", "scale.learning_rate"]),
        ("steps.totl", ["steps.total"]),
        ("algoritm.beta", ["algorithm.beta"]),
        ("group_siez", ["algorithm.group_size"]),
        ("data.draw.open_rs.count", ["data.draws.NAME.count"]),
        ("temperature", ["algorithm.temperature", "evaluation.temperature"]),
        ("hydra.run.dri", ["hydra.run.dir"]),
        ("reward.custom.mine.wieght", ["reward.custom.NAME.weight"]),
        ("bogus", []),
    ],
)
def test_the_nearest_names_of_the_whole_schema(wrong, near):
    assert names.place(wrong) is None
    assert names.nearest(wrong) == near


def test_every_name_has_a_place():
    for name in names.dotted(Config):
        assert names.place(name) is not None, name
    assert names.place("reward.format.version") is None  # a class variable is no field


def test_open_dictionaries_are_those_of_the_schema():
    found = {names.open_dictionary(name) for name in names.dotted(Config)} - {None}
    assert found == {
        *("data.draws", "evaluation.num_seeds", "catalog.sources", "catalog.benchmarks"),
        *("curation.sources", "curation.pools"),
        *("reward.custom", "algorithm.trl", "model.template_arguments"),
    }


def test_synonyms_lead_to_fields():
    for name in names.SYNONYMS.values():
        assert names.place(name) is not None, name
