"""The paper's experiments, pinned whole: every field of the recipe, every argument of the trainer.

A golden file changes only on purpose: `python -m tests.config.test_golden` writes all of them anew, and the
diff is then what a reviewer reads. The fingerprints of weights and rows are fixed words here, as the
real ones need the data.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from openrs.config.schema import Config
from openrs.records import recipe
from openrs.train.arguments import trainer_arguments

FOLDER = Path(__file__).parents[1] / "golden"
EXPERIMENTS = ("exp1", "exp2", "exp3")
SCALES = ("nano", "paper")
WEIGHTS, ROWS = "fingerprint of the weights", "fingerprint of the rows"
POINTS = [(experiment, scale) for experiment in EXPERIMENTS for scale in SCALES]


def resolved(config: Config) -> dict[str, Any]:
    """The recipe with its id, and what measures it: the settings of evaluation and the steps."""
    made = recipe.trained(config, weights=WEIGHTS, rows=ROWS)
    return {
        "id": recipe.run_id(made),
        "recipe": made,
        "evaluation": asdict(config.evaluation),
        "steps": asdict(config.steps),
        "checkpoints": config.checkpoints,
    }


def arguments(config: Config) -> dict[str, Any]:
    """What TRL's GRPOConfig is given on the scale's own hardware."""
    return trainer_arguments(config, "weights", Path("outputs/runs/NAME-ID/train"))


def compared(kind: str, config: Config) -> tuple[str, str]:
    """The golden text, and the text as it is today."""
    made = {"recipe": resolved, "trainer": arguments}[kind](config)
    return _path(kind, config.name, config.scale.name).read_text(encoding="utf-8"), _text(made)


def _path(kind: str, experiment: str, scale: str) -> Path:
    return FOLDER / f"{experiment}-{scale}.{kind}.json"


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@pytest.mark.parametrize(("experiment", "scale"), POINTS)
def test_the_whole_recipe_is_the_golden_one(composed, experiment, scale):
    golden, made = compared("recipe", composed(f"experiment={experiment}", f"scale={scale}"))
    assert made == golden


@pytest.mark.parametrize(("experiment", "scale"), POINTS)
def test_the_trainer_gets_the_golden_arguments(composed, experiment, scale):
    golden, made = compared("trainer", composed(f"experiment={experiment}", f"scale={scale}"))
    assert made == golden


def rewrite() -> None:
    """Writes every golden file anew."""
    from openrs.config.compose import compose_config

    FOLDER.mkdir(exist_ok=True)
    for experiment, scale in POINTS:
        config = compose_config(f"scale={scale}", f"experiment={experiment}")
        for kind, made in (("recipe", resolved(config)), ("trainer", arguments(config))):
            _path(kind, experiment, scale).write_text(_text(made), encoding="utf-8")
            print(_path(kind, experiment, scale))


if __name__ == "__main__":
    sys.exit(rewrite())
