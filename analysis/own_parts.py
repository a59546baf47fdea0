"""The data, the reward and the model that a command chose in the place of its experiment's, for labels."""

import re
from collections.abc import Iterator
from typing import Any

from openrs.paths import CONF, model_name

GROUPS = ("data", "reward", "model")


def of_run(record: dict[str, Any]) -> tuple[str, ...]:
    """What the newest command of a run chose, short: "data=mine.jsonl", "reward.custom.brevity".

    Args:
        record: of `run.json`. An untrained model's has none, nor has one of a sweep that is older than the
            record of each job's words.
    """
    *_, newest = record.get("invocations") or [{}]
    words = newest.get("job") or newest.get("argv") or []
    if "reward" not in record["recipe"] or {"-m", "--multirun"} & set(words):
        return ()
    return tuple(dict.fromkeys(_own_words(words)))


def _own_words(words: list[str]) -> Iterator[str]:
    values = dict(word.split("=", 1) for word in words if "=" in word)
    file = CONF / "experiment" / f"{values.get('experiment', '')}.yaml"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    usual = dict(re.findall(r"override /(\w+): (\S+)", text))
    for key, value in values.items():
        if key in GROUPS and value != usual.get(key):
            yield f"{key}={model_name(value)}"
        elif custom := re.match(r"\+?(reward\.custom\.\w+)", key):
            yield custom[1]
