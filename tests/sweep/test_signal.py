"""What pruners see of a run's training, read, refused and valued."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from openrs.errors import Mistake
from openrs.sweep import signal

LINES = [{"step": i, "reward": float(i), "kl": 1.0, "rewards": {"accuracy": i / 2}} for i in range(1, 21)]


def test_it_is_a_mean_over_the_last_steps():
    assert signal.value(LINES, "reward") == 15.5
    assert signal.value(LINES, "-kl") == -1.0
    assert signal.value(LINES, "rewards.accuracy") == 7.75
    assert signal.values(LINES, "reward") == {i: signal.value(LINES[:i], "reward") for i in range(1, 21)}
    with pytest.raises(
        Mistake, match=r"training logs no wit\. Give one of: step, reward, kl, rewards\.accuracy"
    ):
        signal.value(LINES, "wit")


def test_a_combination_adds_weighted_figures():
    override = "hydra.sweeper.signal={rewards.accuracy: 2, kl: -0.5}"
    given = OmegaConf.create(OverridesParser.create().parse_override(override).value())
    asked = signal.parse(given)
    assert asked == {"rewards.accuracy": 2.0, "kl": -0.5}
    assert signal.value(LINES, asked) == 15.0
    assert signal.text(asked) == "2 rewards.accuracy - 0.5 kl"
    assert signal.text({"kl": -1.0, "reward": 1.0}) == "- kl + reward"


@pytest.mark.parametrize("wrong", [{}, {"kl": "much"}, {"kl": 0}, {"kl": True}, ["kl"], 3])
def test_what_is_no_combination_is_refused(wrong):
    with pytest.raises(Mistake, match="a combination gives every metric a weight"):
        signal.parse(wrong)
