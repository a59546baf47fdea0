"""Every number of the schema has a range, and so have names: what lies outside is refused at composition."""

from dataclasses import fields, is_dataclass

import pytest

from openrs.config.checks import check
from openrs.config.names import alternatives, dotted, hints, place
from openrs.config.schema import Config
from openrs.errors import Mistake

DIGITS = int("9" * 400)
NUMBERS = [
    name
    for name in dotted(Config)
    if "NAME" not in name and {int, float} & set(alternatives(place(name).annotation))
]


class Changed:
    """A field of a config with another value, until the block ends."""

    def __init__(self, config, name, value):
        *path, self.last = name.split(".")
        self.node, self.value = config, value
        for key in path:
            self.node = getattr(self.node, key)

    def __enter__(self):
        self.old = getattr(self.node, self.last)
        setattr(self.node, self.last, self.value)

    def __exit__(self, *_):
        setattr(self.node, self.last, self.old)


def test_the_schema_has_numbers():
    assert {"seed", "hardware.main_port", "algorithm.beta", "reward.cosine.max_length"} <= set(NUMBERS)
    assert len(NUMBERS) > 80


@pytest.mark.parametrize("number", [DIGITS, -DIGITS, float("inf"), float("nan")])
def test_no_number_is_out_of_all_ranges(composed, number):
    config = composed("experiment=exp3")
    for name in NUMBERS:
        group = name.rpartition(".")[0]
        node = config
        for key in group.split(".") if group else []:
            node = getattr(node, key)
        if not is_dataclass(node):
            continue  # a reward that is off
        with Changed(config, name, number), pytest.raises(Mistake, match=name) as error:
            check(config)
        assert len(str(error.value)) < 300
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("hardware.main_port", 0),
        ("hardware.main_port", 65536),
        ("hardware.server_port", 70000),
        ("hardware.server_port", -1),
        ("hardware.node_rank", -1),
        ("evaluation.temperature", 10.5),
        ("evaluation.temperature", -0.1),
        ("algorithm.temperature", 50),
        ("evaluation.first_seed", 2**31),
        ("data.seed", -1),
        ("data.seed", 2**32),
        ("model.parameters", 0),
        ("engine.timeout", 1e12),
    ],
)
def test_a_number_outside_its_range_is_refused(composed, name, number):
    config = composed("experiment=exp3")
    with Changed(config, name, number), pytest.raises(Mistake, match=f"^{name}={number}: must be "):
        check(config)


@pytest.mark.parametrize("port", [1, 8000, 65535])
def test_a_port_is_taken(composed, port):
    config = composed("experiment=exp3")
    with Changed(config, "hardware.main_port", port):
        check(config)


def test_names_are_short(composed):
    config = composed("experiment=exp3")
    for length, taken in ((100, True), (101, False), (300, False)):
        with Changed(config, "name", "a" * length):
            if taken:
                check(config)
            else:
                with pytest.raises(Mistake, match=r"^name='aaa.*longer than 100 characters") as error:
                    check(config)
                assert len(str(error.value)) < 200
    draw = next(iter(config.data.draws.values()))
    with Changed(config, "data.draws", {"d" * 300: draw}), pytest.raises(Mistake, match=r"^data.draws='ddd"):
        check(config)


def test_limits_are_metadata_of_the_field():
    limits = {field.name: field.metadata.get("limits") for field in fields(hints(Config)["hardware"])}
    assert limits["main_port"].bounds == limits["server_port"].bounds == {"at_least": 1, "at_most": 65535}


def test_the_example_of_a_refusal_is_a_small_number_that_holds():
    limits = {name: place(name).limits for name in (*NUMBERS, "evaluation.num_seeds") if place(name).limits}
    assert [name for name, one in limits.items() if not one.hold(one.example)] == []
    assert {name: one.example for name, one in limits.items() if one.example > 1024} == {}
    assert limits["evaluation.num_seeds"].example == limits["hardware.training_processes"].example == 1
