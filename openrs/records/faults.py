"""What is wrong with a record that can be read: pure checks, each of which gives a clause or None.

    "value 7.5 is no share from 0 to 1"

The clause goes on from the file's name; `left_out` names the file and goes on without it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Any

Record = dict[str, Any]
OUTCOMES = ("correct", "truncated", "timed_out")
"""Columns of a score that say yes or no of each problem."""
CLOSE, ROUNDED = 1e-6, 0.006
"""How far a value may be from the mean of its outcomes: one measured here, one that a file rounded."""


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and no integer that a float cannot hold."""
    return _whole(value) if not isinstance(value, float) else math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53


def _texts(value: Any) -> bool:
    return isinstance(value, list) and set(map(type, value)) <= {str}


def _counts(column: list[Any], most: int) -> bool:
    """Whether all are whole numbers from 0 to `most`; asked of a whole column, as there are millions."""
    return set(map(type, column)) <= {int} and 0 <= min(column, default=0) <= max(column, default=0) <= most


Rules = dict[str, tuple[Callable[[Any], bool], str]]
"""Field -> its test, and what it is where the test fails."""


def _wrong(record: Record, rules: Rules) -> str | None:
    """The first field that breaks its rule."""
    for name, (holds, rule) in rules.items():
        if name not in record:
            return f"lacks {name}"
        if not holds(record[name]):
            return f"{name} {str(record[name])[:40]!r} is {rule}"
    return None


TEXT = (lambda value: isinstance(value, str), "no text")
GROUP = (lambda value: isinstance(value, dict), "no group of fields")
COUNT = (lambda value: _whole(value) and value >= 0, "no count")
AMOUNT = (lambda value: is_number(value) and value >= 0, "no finite number from 0")

SCORE: Rules = {
    "step": COUNT,
    "benchmark": TEXT,
    "title": TEXT,
    "seed": (_whole, "no whole number"),
    "settings_id": TEXT,
    "scoring_id": TEXT,
    "value": (lambda value: is_number(value) and 0 <= value <= 1, "no share from 0 to 1"),
    "n": (lambda value: _whole(value) and value > 0, "no number of problems"),
    "stderr": (lambda value: value is None or value == math.inf or AMOUNT[0](value), "no standard error"),
    "ids": (_texts, "no list of ids"),
    "seconds": AMOUNT,
    "settings": GROUP,
    "versions": GROUP,
}


def of_score(record: Record) -> str | None:
    """What is wrong with a score: a field, columns that do not fit, or a value against its outcomes."""
    imported = record.get("imported")
    if not isinstance(imported, dict | None):
        return f"imported {imported!r} is no group of fields"
    if not isinstance(record.get("weights", ""), str):
        return f"weights {str(record['weights'])[:40]!r} is no text"
    return _wrong(record, SCORE) or _of_columns(record, ROUNDED if imported else CLOSE)


def _of_columns(record: Record, tolerance: float) -> str | None:
    ids, n = record["ids"], record["n"]
    if len(set(ids)) < len(ids):
        return "names a problem twice in ids"
    if ids and len(ids) != n:
        return f"has {len(ids)} ids for n={n}"
    for name in ("tokens", *OUTCOMES):
        column = record.get(name)
        if not isinstance(column, list) or len(column) not in (0, len(ids)):
            return f"{name} does not have one number for each of {len(ids)} ids"
        if not _counts(column, 2**53 - 1 if name == "tokens" else 1):
            return f"{name} holds what is {'no count' if name == 'tokens' else 'neither 0 nor 1'}"
    correct, graded = record["correct"], record.get("graded", [])
    shares = isinstance(graded, list) and all(is_number(item) and 0 <= item <= 1 for item in graded)
    if not shares or len(graded) not in (0, len(ids)) or (correct and graded):
        return f"graded does not have one share from 0 to 1 for each of {len(ids)} ids, without correct"
    if graded and abs(sum(graded) / n - record["value"]) > tolerance:
        return f"value {record['value']} contradicts its outcomes, {sum(graded)} of {n}"
    if correct and abs(sum(correct) / n - record["value"]) > tolerance:
        return f"value {record['value']} contradicts its outcomes, {sum(correct)} of {n} right"
    return None


def of_text(
    record: Record, needed: Iterable[str] = (), columns: Sequence[str] = ("text", "gold")
) -> str | None:
    """What is wrong with a record of completions.

    Args:
        needed: ids that it must have.
        columns: what it must have of each id.
    """
    ids: Any = record.get("ids")
    if not _texts(ids) or len(set(ids)) < len(ids):
        return "ids is no list of distinct ids"
    for name in columns:
        if not isinstance(record.get(name), list) or len(record[name]) != len(ids):
            return f"{name} does not have one entry for each of {len(ids)} ids"
    if not _texts(record["text"]):
        return "text holds what is no text"
    lacking = set(needed).difference(ids)
    return f"lacks the completion of {min(lacking)}" if lacking else None


COMPLETION: Rules = {
    "id": TEXT,
    "tokens": (lambda value: isinstance(value, list) and all(map(_whole, value)), "no list of tokens"),
    "truncated": (lambda value: isinstance(value, bool), "neither true nor false"),
    "seconds": AMOUNT,
}


def of_completion(line: Record) -> str | None:
    """What is wrong with a line of completions that are not all there yet."""
    wrong = _wrong(line, COMPLETION)
    strange = line.keys() - COMPLETION.keys() - {"text", "counted", "device", "weights"}
    if wrong or strange:
        return wrong or f"has no such field as {min(strange)!r}"
    device = (lambda value: value is None or isinstance(value, str), "no text")
    rules: Rules = {"text": TEXT, "counted": COUNT, "device": device, "weights": TEXT}
    return _wrong({"text": "", "counted": 0, "device": "", "weights": ""} | line, rules)


def of_completions(record: Record) -> str | None:
    """What is wrong with a record of completions that are to be scored again."""
    wrong = of_text(record, columns=("text", "gold", "tokens", "truncated"))
    if wrong is None and not all(map(COMPLETION["tokens"][0], record["tokens"])):
        return "tokens holds what is no list of tokens"
    counted = record.get("counted") or [0] * len(record["ids"]) if wrong is None else []
    if wrong is None and (not isinstance(counted, list) or len(counted) != len(record["ids"])):
        return f"counted does not have one entry for each of {len(record['ids'])} ids"
    return wrong


def of_address(record: Record) -> str | None:
    """What is wrong with a run's `run.json`, of what the run goes on from."""
    wrong = _wrong(record, {"name": TEXT, "id": TEXT, "recipe": GROUP})
    return wrong or _of_invocations(record.get("invocations", []))


def of_run(record: Record) -> str | None:
    """What is wrong with a run's `run.json`, of what tables and reports read."""
    wrong = of_address(record) or _wrong(record, {"config": GROUP})
    if wrong:
        return wrong
    for name, field in (("model", "title"), ("scale", "name")):
        group = record["config"].get(name)
        if not isinstance(group, dict) or not isinstance(group.get(field), str):
            return f"config.{name}.{field} is no text"
    imported = record["recipe"].get("imported", {})
    if not isinstance(imported, dict):
        return f"recipe.imported {imported!r} is no group of fields"
    return None


CONFIG: dict[str, Rules] = {
    "hardware": {"name": TEXT, "devices": COUNT},
    "length": {"completion": COUNT},
    "algorithm": {"prompts_per_step": COUNT, "group_size": COUNT},
}


def of_config(config: Record) -> str | None:
    """What is wrong with a run's config, of what later runs are estimated from."""
    return _wrong(config, dict.fromkeys(CONFIG, GROUP)) or next(
        (wrong for name, rules in CONFIG.items() if (wrong := _wrong(config[name], rules))), None
    )


def _of_invocations(invocations: Any) -> str | None:
    whole = isinstance(invocations, list) and all(isinstance(item, dict) for item in invocations)
    words = [item.get(key) or [] for item in invocations for key in ("argv", "job")] if whole else []
    if not whole or not all(map(_texts, words)):
        return "invocations is no list of commands"
    return None


def of_training(record: Record) -> str | None:
    """What is wrong with a `train.json`, of what costs are read from."""
    wrong = _wrong(record, {"device_hours": AMOUNT, "last_step": COUNT, "rows": GROUP})
    if wrong or all(map(COUNT[0], record["rows"].values())):
        return wrong
    return "rows holds what is no count"


def _is_inside(path: Any) -> bool:
    return isinstance(path, str) and not PurePath(path).is_absolute() and ".." not in PurePath(path).parts


CHECKPOINT: Rules = {"step": COUNT, "path": (_is_inside, "no path inside the run's folder")}
SEGMENT: Rules = {"first_step": COUNT}


def of_whole_training(record: Record) -> str | None:
    """What is wrong with a `train.json`, of what a run goes on from."""
    fields = {"wall_seconds": AMOUNT, "dropped": GROUP, "metrics": GROUP}
    wrong = of_training(record) or _wrong(record, fields)
    wrong = wrong or _of_items(record, "checkpoints", CHECKPOINT) or _of_items(record, "segments", SEGMENT)
    stopped = record.get("stopped")
    if wrong or stopped is None:
        return wrong
    return _of_items({"stopped": [stopped]}, "stopped", {"step": COUNT, "kind": TEXT, "reason": TEXT})


def _of_items(record: Record, name: str, rules: Rules) -> str | None:
    items: Any = record.get(name)
    sound = isinstance(items, list) and all(isinstance(item, dict) for item in items)
    if not sound or any(_wrong(item, rules) for item in items):
        return f"{name} is no list of {', '.join(rules)}"
    return None


def of_data(record: Record) -> str | None:
    """What is wrong with the `data.json` of a training."""
    return _wrong(record, {"rows": GROUP, "dropped": GROUP})


def of_segment(line: Record) -> str | None:
    """What is wrong with a line of `segments.jsonl`."""
    return _wrong(line, SEGMENT | {"world_size": COUNT, "hardware": TEXT})


def of_step(line: Record) -> str | None:
    """What is wrong with a line of `metrics.jsonl`; a number that training logged may be NaN."""
    rewards = line.get("rewards", {})
    if not isinstance(rewards, dict):
        return f"rewards {str(rewards)[:40]!r} is no group of fields"
    numbers = {name: value for name, value in line.items() if name != "rewards"} | rewards
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            return f"{name} {str(value)[:40]!r} is no number"
    return _wrong({"step_seconds": 0.0} | line, {"step": COUNT, "step_seconds": AMOUNT})


def of_cost(line: Record) -> str | None:
    """What is wrong with a line of a ledger."""
    price = (lambda value: value is None or AMOUNT[0](value), "no finite number from 0")
    amounts = {"seconds": AMOUNT, "device_hours": AMOUNT, "dollars": price}
    return _wrong(line, {"stage": TEXT, "began": TEXT, **amounts})
