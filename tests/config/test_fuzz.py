"""Command lines at random: each is refused in one line, or what it says is what runs."""

import random
from dataclasses import asdict
from typing import get_args

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from openrs.config import names
from openrs.config.compose import compose_config
from openrs.config.fields import Identity, bearing
from openrs.config.schema import Config
from openrs.errors import Mistake
from openrs.paths import CONF
from openrs.records.recipe import evaluation_id, run_id, trained

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

NUMBER = 300
GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name != "hydra")
FIELDS = [name.replace("NAME", "open_rs") for name in names.dotted(Config)]
STRANGE = [
    "", "0", "1", "-1", "3", "1e2", "1.5", "-0.0", "007", "0x10", "1_000", "12e4567", "99999999999999999999",
    "nan", "inf", "-inf", "null", "none", "None", "~", "true", "false", "yes", "off", "True", "???", "%s",
    "${seed}", "${nope}", "${oc.env:NOPE}", "${scaled:steps,3}", "[]", "[1]", "[null]", "[a,b]", "[[a],[b]]",
    "[a", "]", "{}", "{a: 1}", "{source: open_s1}", "{weight: 2}", "{weight: x}", "{a: {b: {c: 1}}}", "a",
    "text with spaces", "'quoted'", "'it''s'", '"double"', "'", "\\", "a=b", "=", "é", "数", "\u202e", "~/x",
    "/tmp/x y", "a,b", "1,2", "interval(0,1)", "range(1,3)", "choice(a,b)", "glob(*)", "shuffle(1,2)",
    "int(3)", "tag(log,interval(1,2))", "a:b", "#", "$x", "!tag", "&a", "*a", "train", "[train]", "[last]",
    "last", "cpu",
]  # fmt: skip


def slip(name: str, chance: random.Random) -> str:
    """A name with one letter missing, doubled, swapped or strange."""
    at = chance.randrange(len(name))
    return chance.choice(
        [name[:at] + name[at + 1 :], name[:at] + name[at] + name[at:], name[:at] + "." + name[at:],
         name[:at] + chance.choice("xé-/@: ") + name[at:], name.upper(), name.rpartition(".")[2]]
    )  # fmt: skip


def command(chance: random.Random) -> str:
    """One override: a field, a group or a slip of one, and an odd value."""
    name = chance.choice([*FIELDS, *FIELDS, *GROUPS])
    if chance.random() < 0.2:
        name = slip(name, chance)
    sign = chance.choices(["", "+", "++", "~"], [12, 2, 1, 1])[0]
    value = chance.choice(STRANGE)
    if name in GROUPS and chance.random() < 0.5:
        value = chance.choice(sorted((CONF / name).glob("*.yaml"))).stem
    return f"{sign}{name}" if sign == "~" else f"{sign}{name}={value}"


def held(config: Config, name: str) -> object:
    """What a config holds under a name."""
    return OmegaConf.select(OmegaConf.create(asdict(config)), name)


def stands(config: Config, name: str, value: object, written: str) -> bool:
    """Whether a value is what the config holds under a name; a group joins what it is given."""
    there = held(config, name)
    if isinstance(value, dict):
        return there is not None and all(stands(config, f"{name}.{key}", value[key], "") for key in value)
    if isinstance(there, bool):
        return there == value or value in (("yes",) if there else ("off",))
    if isinstance(there, str):
        return there == (value if isinstance(value, str) else written)
    return there == (type(there)(value) if isinstance(there, int | float) else value)


def ids(config: Config) -> dict[str, str]:
    """The ids that follow from a config, for given weights, rows and problems."""
    recipe = trained(config, weights="w", rows="r")
    return {"recipe": run_id(recipe), "evaluation": evaluation_id(config, "aime24", [])}


@pytest.fixture(scope="module")
def plain():
    """The config without the odd override."""
    return compose_config("experiment=exp2", "scale=nano")


@pytest.mark.parametrize("number", range(NUMBER))
def test_a_command_line_is_refused_or_stands(plain, number):
    line = command(random.Random(number))
    try:
        config = compose_config("experiment=exp2", "scale=nano", line)
    except Mistake as mistake:
        message = str(mistake)
        assert message.splitlines() == [message]
        assert message.endswith((".", "?"))
        for foreign in ("Error", "Exception", "hydra.cc", "use +", "omegaconf", "NoneType"):
            assert foreign not in message
        return
    override = OverridesParser.create().parse_override(line)
    name = override.key_or_group
    chosen = (CONF / name).is_dir() and not isinstance(override.value(), dict)
    if not chosen:  # that an option is composed is a test of its own
        assert names.place(name) is not None, line
        if not override.is_delete() and "${" not in line:
            assert stands(config, name, override.value(), line.partition("=")[2]), line
    changed = {part for part in get_args(Identity) if bearing(config, part) != bearing(plain, part)}
    assert bool(changed) or chosen or held(config, name) == held(plain, name), line
    for part, before in ids(plain).items():
        assert (ids(config)[part] != before) == (part in changed), line
