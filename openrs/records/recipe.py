"""Identity: what decides the trained weights, and how it is hashed.

A recipe is the resolved configuration of everything that bears on the weights, with the fingerprints
of the weights it starts from and of the rows it sees. Its hash is the run's id. Fields added later
are migrated by `ADDED`, never by rehashing old runs.
"""

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from openrs.config.fields import bearing

if TYPE_CHECKING:  # the schema imports the rewards, and a table reads recipes alone
    from openrs.config.schema import Config

SCHEMA = 1
"""Version of the recipe's layout. A field that is added goes into `ADDED` and leaves it as it is."""

ADDED: dict[str, Any] = {
    "untrained": False,
    "data.decontaminate_ngram": None,
    "data.draws.*.boxed": False,
    "data.draws.*.single_part": False,
    "data.curriculum": [],
    "data.shuffled_golds": False,
    "data.pass_rate": None,
    "length.stages": [],
    "length.growing": None,
    "reward.accuracy.gold_first": False,
    "reward.cosine.gold_first": False,
    "algorithm.trl": {},
    "algorithm.ratio_level": "token",
    "algorithm.ratio_cap": None,
    "algorithm.entropy_bonus": 0.0,
    "algorithm.reward_aggregation": "sum_then_normalize",
    "algorithm.importance_sampling_mode": "sequence_mask",
    "algorithm.importance_sampling_cap": 3.0,
    "adapter": None,
    "model.template_arguments": {},
    "model.attention": None,
}
"""Fields added since: dotted path (`*` is any key) -> what a recipe without the field meant.

A field at that value is left out of the recipe, so no run changes its id because openrs learned a
new word.
"""

SCORING = 1
"""Version of the evaluation's verdicts. Raise it when the verifier changes one: stored completions
are then scored again, without generating."""


def canonical(value: Any) -> str:
    """JSON in one spelling: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def untrained(config: "Config", *, weights: str) -> dict[str, Any]:
    """The recipe of the base model, which no data, reward or seed has touched, and what words its prompts.

    Args:
        weights: fingerprint of the model's files (`models.fingerprint`).
    """
    model: dict[str, Any] = {"id": config.model.id, "revision": config.model.revision, "weights": weights}
    if config.model.template_arguments:
        model["template_arguments"] = config.model.template_arguments
    return {"schema": SCHEMA, "model": model}


def trained(config: "Config", *, weights: str, rows: str) -> dict[str, Any]:
    """The recipe of a training run: all that the weights are a function of.

    Args:
        weights: fingerprint of the model's files.
        rows: fingerprint of the training rows (`data.fingerprint`).

    Raises:
        Mistake: a custom reward cannot be imported.
    """
    reward = {
        name: asdict(term) | {"version": type(term).version} for name, term in config.reward.built_in.items()
    }
    if config.reward.custom:
        reward["custom"] = {name: term.identity(name) for name, term in config.reward.custom.items()}
    base, fields = untrained(config, weights=weights), bearing(config, "recipe")
    recipe = base | fields | {"model": base["model"] | fields["model"], "reward": reward}
    recipe["steps"] = recipe.pop("steps")  # last, as in older records
    recipe["data"] |= {"rows": rows}
    moments = "8 bits in blocks" if config.algorithm.optimizer == "adamw_8bit" else "float32"
    recipe["algorithm"] |= {"weights_dtype": "float32", "optimizer_dtype": moments}
    for path, meant in ADDED.items():
        _leave_out(recipe, path.split("."), meant)
    return recipe


def _leave_out(tree: dict[str, Any], path: list[str], meant: Any) -> None:
    """Takes the field away wherever the tree has it at this value."""
    key, *deeper = path
    for name in list(tree) if key == "*" else [key] if key in tree else []:
        if deeper and isinstance(tree[name], dict):
            _leave_out(tree[name], deeper, meant)
        elif not deeper and tree[name] == meant:
            del tree[name]


def run_id(recipe: dict[str, Any]) -> str:
    """The full id of a run: 64 hex digits, of which an address shows eight."""
    return digest(recipe)


SEEDS = ("seed", "data.seed")
"""The seeds of a recipe: of training, and of the draw of its rows."""


def seedless(recipe: dict[str, Any]) -> dict[str, Any]:
    """The leaves of a recipe by dotted path, equal for runs that differ in their seeds alone: the rows follow
    from data.seed and the draws."""
    return {path: value for path, value in leaves_of(recipe).items() if path not in (*SEEDS, "data.rows")}


def leaves_of(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of a nested dict by dotted path."""
    if not isinstance(tree, dict):
        return {prefix: tree}
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= leaves_of(value, f"{prefix}.{key}" if prefix else key)
    return leaves


def evaluation_id(
    config: "Config", benchmark: str, problems: list[dict[str, Any]], own: dict[str, Any] | None = None
) -> str:
    """Names what completions depend on besides the weights and the sampling seed.

    Args:
        benchmark: its name in the catalog.
        problems: its rows, with problem, gold, an instruction where the benchmark has its own, and messages
            where a task of lighteval's words them.
        own: settings in the place of the config's; of a look which it is.
    """
    settings = bearing(config, "evaluation")["evaluation"]
    if settings["looks"] is None:  # the only way once, so its scores do not name it
        del settings["looks"]
    settings |= {
        "dtype": config.evaluation_dtype,
        "benchmark": benchmark,
        "problems": [
            row["messages"]
            if "messages" in row
            else [row["instruction"], row["problem"]]
            if "instruction" in row
            else row["problem"]
            for row in problems
        ],
    }
    settings |= own or {}
    if config.engine.kind != "transformers":  # the only engine once, so its scores do not name it
        settings["engine"] = config.engine.kind
    return digest(settings)


def scoring_id(
    config: "Config", benchmark: str, problems: list[dict[str, Any]], own: dict[str, Any] | None = None
) -> str:
    """Names what verdicts on given completions depend on: golds, their kind, the rule's version; of a task of
    lighteval's its metric (`own`)."""
    if own:
        return digest(own | {"documents": [row["doc"] for row in problems]})
    kind = config.catalog.benchmarks[benchmark].gold_kind
    return digest({"rule": SCORING, "gold_kind": kind, "gold": [row["gold"] for row in problems]})
