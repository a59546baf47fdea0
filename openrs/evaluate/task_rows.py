"""The problems of lighteval's own tasks for a plan, which imports no lighteval.

A process of its own makes them (`lighteval_tasks`, 20 seconds); outputs/lighteval/ keeps what it said, until
lighteval or the data is another.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from openrs import errors
from openrs.config.catalog import LIGHTEVAL
from openrs.config.schema import Config
from openrs.data import catalog as data_room
from openrs.data import hub_data
from openrs.data.rows import Rows
from openrs.errors import Mistake, refuse
from openrs.evaluate import lighteval_tasks
from openrs.records.files import read_record, write_record
from openrs.records.problem_ids import problem_id
from openrs.records.recipe import digest
from openrs.records.run import versions
from openrs.terminal import say

FOLDER = "lighteval"


def benchmarks(config: Config) -> dict[str, Rows]:
    """The problems of the config's benchmarks; those of lighteval's tasks with their settings and metric.

    Raises:
        Mistake: as `catalog.benchmark`; lighteval has no such task or metric, or openrs cannot measure it.
    """
    catalog, names = config.catalog, config.evaluation.benchmarks
    tasks = [name for name in names if catalog.kind_of(catalog.benchmarks[name]) == "lighteval"]
    records = _records(config, {name: catalog.benchmarks[name].id for name in tasks})
    return {
        name: _rows(config, name, records[name]) if name in records else data_room.benchmark(catalog, name)
        for name in names
    }


def _rows(config: Config, name: str, record: dict[str, Any]) -> Rows:
    """A task's problems with a metric."""
    data, metrics = config.catalog.benchmarks[name], record["metrics"]
    metric = data.metric or next(iter(metrics), None)
    if metric not in metrics:
        rule = f"{data.id} has no such metric that scores one answer by a share from 0 to 1"
        refuse(f"catalog.benchmarks.{name}.metric", metric, rule, f"Known: {', '.join(metrics) or 'none'}")
    settings = record["settings"] | {"instruction": None}
    if settings["max_new_tokens"] is None:
        settings["max_new_tokens"] = config.evaluation.max_new_tokens
    times: Counter[str] = Counter()
    rows = []
    for row in record["rows"]:
        text = "\n\n".join(message["content"] for message in row["messages"])
        key = problem_id(text)
        times[key] += 1
        rows.append(row | {"id": key if times[key] == 1 else f"{key}-{times[key]}", "problem": text})
    scoring = {"task": settings["task"], "metric": metric, "lighteval": versions().get("lighteval")}
    return Rows(rows, settings=settings, scoring=scoring)


def _records(config: Config, ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Benchmark -> what the process says of its task, now or when it was asked before.

    Args:
        ids: benchmark -> lighteval:TASK or lighteval:TASK|SHOTS.
    """
    root = None if config.catalog.kind == "hub" else config.catalog.root
    records, missing = {}, {}
    for name, id_ in ids.items():
        task, _, shots = id_.removeprefix(LIGHTEVAL).partition("|")
        if shots and not shots.isdecimal():
            refuse("evaluation.benchmarks", id_, "shots are a number", f"Give {LIGHTEVAL}{task}|5, say")
        request = {"task": task, "shots": int(shots or 0), "root": root}
        unique = digest(request | {"lighteval": versions().get("lighteval")})[:16]
        path = Path(config.outputs) / FOLDER / f"{task.replace(':', '_')}-{unique}.json"
        kept = read_record(path)
        if kept is not None and kept["read"] == _state(root, *kept["data"]):
            records[name] = kept
        else:
            lighteval_tasks.modules(task)  # a wrong name is refused before lighteval is imported
            missing[name] = (path, request)
    answers = _ask([request for _, request in missing.values()]) if missing else []
    for (name, (path, _)), answer in zip(missing.items(), answers, strict=True):
        if "mistake" in answer:
            raise getattr(errors, answer["kind"])(answer["mistake"])
        records[name] = answer | {"read": _state(root, *answer["data"])}
        write_record(path, records[name])
    return records


def _ask(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Asks the process."""
    tasks = ", ".join(f"{LIGHTEVAL}{one['task']}" for one in requests)
    say(f"{tasks}: asking lighteval for the problems, about 20 seconds")
    ended = subprocess.run(
        [sys.executable, "-m", "openrs.evaluate.lighteval_tasks"],
        input=json.dumps(requests), capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        return list(json.loads(ended.stdout))
    except ValueError as error:
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Mistake(
            f"evaluation.benchmarks={tasks}: cannot be read ({last}). Choose another task."
        ) from error


def _state(root: str | None, id_: str, revision: str | None) -> Any:
    """What changes with the data: sizes and times of a mirror's files, or the Hub's commit."""
    if root is None:
        return hub_data.commit(id_, revision)
    files = [path for path in sorted((Path(root) / id_).rglob("*")) if path.is_file()]
    return [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
