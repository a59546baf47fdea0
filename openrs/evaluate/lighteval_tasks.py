"""lighteval's own tasks by name: their module alone is imported, and their prompt and metric are used.

lighteval's registry imports every task, one of which downloads a pickle. Here the module that defines a task
is found by the text of its source. A process of its own makes the problems (`python -m
openrs.evaluate.lighteval_tasks`), so that a plan imports neither lighteval nor what a task imports;
`task_rows` asks it and keeps the answer.
"""

import ast
import importlib
import json
import logging
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from openrs.data import catalog
from openrs.errors import Mistake
from openrs.machine.processes import die_with_parent

ROOM = "lighteval.tasks.tasks"


@contextmanager
def quiet(absent: list[str] | None = None) -> Iterator[None]:
    """Silence for imports and metrics that print, and no download of nltk's data by an import.

    Args:
        absent: gets the names of the data that would have been downloaded.
    """
    downloads = [] if absent is None else absent
    logging.getLogger("lighteval").setLevel(logging.ERROR)
    nltk: Any = importlib.import_module("nltk") if find_spec("nltk") else None
    download = getattr(nltk, "download", None)
    if nltk is not None:
        nltk.download = lambda name=None, *_, **__: downloads.append(str(name))
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        if nltk is not None:
            nltk.download = download


def modules(task: str) -> list[str]:
    """The modules whose tables may name a task; those that name it in full come first.

    Raises:
        Mistake: none does.
    """
    ranked: list[tuple[int, str]] = []
    for name, patterns in _names().items():
        fits = [pattern for pattern in patterns if re.fullmatch(pattern, task)]
        if not all(patterns) and task[:3] == name.removeprefix(f"{ROOM}.")[:3]:  # its names are computed
            fits.append("")
        if fits:
            ranked.append((0 if re.escape(task) in fits else 1, name))
    if not ranked:
        names = [re.sub(r"\\(.)", r"\1", one) for patterns in _names().values() for one in patterns]
        near = get_close_matches(task, [name for name in names if name and ".+" not in name], 3)
        meant = " or ".join(f"lighteval:{name}" for name in near)
        mean = f"Did you mean {meant}?" if near else "See lighteval's list of tasks."
        raise Mistake(f"evaluation.benchmarks=lighteval:{task}: lighteval has no such task. {mean}")
    return [name for _, name in sorted(ranked)]


@cache
def _names() -> dict[str, list[str]]:
    """Module -> the names of its tasks as regular expressions, `.+` for what only the module knows; an empty
    one stands for names that the source does not show."""
    spec = find_spec("lighteval")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "tasks" / "tasks"
    named = {}
    for path in sorted((*folder.glob("*.py"), *folder.glob("*/main.py"))):
        parts = path.relative_to(folder).with_suffix("").parts
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        words = [word.value for call in calls for word in call.keywords if word.arg == "name"]
        named[".".join((ROOM, *parts))] = [_pattern(word) for word in words] or [""]
    return named


def _pattern(word: ast.expr) -> str:
    if isinstance(word, ast.Constant) and isinstance(word.value, str):
        return re.escape(word.value)
    if isinstance(word, ast.JoinedStr):
        parts = [
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in word.values
        ]
        return "".join(parts)
    return ""


def config(task: str) -> Any:
    """lighteval's config of a task.

    Raises:
        Mistake: there is none, its module lacks a package, or openrs cannot measure it.
    """
    field = f"evaluation.benchmarks=lighteval:{task}"
    for name in modules(task):
        try:
            table, lacking = _table(name)
        except Exception as error:  # whatever a module does as it is imported
            raise Mistake(
                f"{field}: {name} cannot be imported ({type(error).__name__}: {error}). Install what it "
                "needs."
            ) from error
        for entry in table:
            if entry.name == task and lacking:
                data = " ".join(lacking)
                raise Mistake(  # without it metrics fail, after hours of generation
                    f"{field}: its metrics read nltk's data {data}, which is not here. Fetch it with "
                    f"a network, by `python -m nltk.downloader {data}`, into ~/nltk_data or $NLTK_DATA."
                )
            if entry.name == task:
                return entry
    raise Mistake(f"{field}: lighteval has no such task; {', '.join(modules(task))} names others.")


@cache  # a second import asks for nothing
def _table(module: str) -> tuple[list[Any], list[str]]:
    """The tasks of a module, and the data of nltk's that it asks for and that is not here."""
    absent: list[str] = []
    with quiet(absent):
        table = importlib.import_module(module).TASKS_TABLE
    return list(table), sorted({*absent} - {"punkt"})  # which nltk 3.9 no longer reads, but punkt_tab


def metrics(task: str) -> dict[str, Any]:
    """Name -> metric, of the metrics that score one generated answer a problem by a number.

    Raises:
        Mistake: the task has none; the message says what its metrics need.
    """
    import numpy as np
    from lighteval.metrics.metrics_sample import SamplingMetric
    from lighteval.metrics.utils.metric_utils import SampleLevelMetric, SampleLevelMetricGrouping
    from lighteval.tasks.requests import SamplingMethod

    usable, needs = {}, {}
    for metric in config(task).metrics:
        names = metric.metric_name if isinstance(metric.metric_name, list) else [metric.metric_name]
        scorer = metric.sample_level_fn
        whole = ""
        if metric.category is not SamplingMethod.GENERATIVE:
            whole = "log-likelihoods"
        elif not isinstance(metric, SampleLevelMetric | SampleLevelMetricGrouping):
            whole = "all answers at once"
        elif type(scorer).__name__.startswith("Judge") or hasattr(scorer, "judge"):
            whole = "a model that judges"
        elif isinstance(scorer, SamplingMetric) and (scorer.num_samples() or 1) > 1:
            whole = f"{scorer.num_samples()} answers a problem"
        for name in names:
            needed, rises, over = whole, metric.higher_is_better, metric.corpus_level_fn
            mean = over[name] if isinstance(over, dict) else over
            if not needed and mean is not np.mean:
                needed = f"{getattr(mean, '__name__', 'another function')} in the place of a mean"
            if needed or not (rises[name] if isinstance(rises, dict) else rises):
                needs[name] = needed or "to be small"
            else:
                usable[name] = metric
    if not usable:
        said = ", ".join(f"{name} ({need})" for name, need in needs.items())
        raise Mistake(
            f"evaluation.benchmarks=lighteval:{task}: openrs measures one generated answer a problem, and "
            f"the metrics of this task need something else: {said}. Choose another task."
        )
    return usable


def problems(task: str, shots: int, root: str | None) -> dict[str, Any]:
    """A task's problems and settings, as JSON.

    Args:
        shots: solved examples before each problem.
        root: folder of a mirror; None reads the Hub.

    Raises:
        Mistake: the data is not there, or openrs cannot measure the task.
    """
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.lighteval_task import LightevalTask
    from lighteval.tasks.prompt_manager import PromptManager

    own, names = config(task), list(metrics(task))
    own.num_fewshots = shots
    with quiet():
        lighteval_task = LightevalTask(own)
        splits = [
            *own.evaluation_splits,
            *([lighteval_task.fewshot_split] if shots and lighteval_task.fewshot_split else []),
        ]
        data = {
            split: catalog.raw(root, own.hf_repo, own.hf_subset, split, own.hf_revision) for split in splits
        }
        if own.hf_filter is not None:
            data = {split: [row for row in rows if own.hf_filter(row)] for split, rows in data.items()}
        lighteval_task.dataset = data
        try:
            documents = sorted(lighteval_task.get_docs(), key=lambda doc: int(doc.id))
        except ImportError as error:
            reason = " ".join(str(error).split())
            raise Mistake(f"evaluation.benchmarks=lighteval:{task}: {reason}") from error
        manager = PromptManager()
        rows = []
        for doc in documents:
            if doc.images:
                raise Mistake(f"evaluation.benchmarks=lighteval:{task}: asks about pictures. Choose another.")
            rows.append(
                {
                    "messages": manager.prepare_prompt_api(doc),
                    "gold": str(doc.get_golds()[0]) if doc.choices else "",
                    "doc": {name: getattr(doc, name) for name in KEPT},
                }
            )
        answer = ModelResponse(text=[rows[0]["gold"]])
        usable = _usable(task, names, documents[0], answer)
    return {
        "rows": rows,
        "settings": {
            "task": task,
            "shots": shots,
            "version": str(own.version),
            "stop": list(own.stop_sequence or ()),
            "max_new_tokens": own.generation_size,
        },
        "metrics": usable,
        "data": [own.hf_repo, own.hf_revision],
    }


def _usable(task: str, names: list[str], doc: Any, answer: Any) -> list[str]:
    """The metrics that score this answer by a share from 0 to 1.

    Raises:
        Mistake: no metric can be computed here.
    """
    usable, refused = [], []
    for name in names:
        try:
            if score(task, name, doc, answer) is not None:
                usable.append(name)
        except Mistake as error:
            refused.append(error)
    if refused and not usable:
        raise refused[0]
    return usable


KEPT = ("query", "choices", "gold_index", "instruction", "specific", "original_query", "unconditioned_query")
"""What a metric may read of a document."""


def score(task: str, name: str, doc: Any, response: Any) -> float | None:
    """A metric's number for one answer; None where that is no share from 0 to 1.

    Raises:
        Mistake: the metric cannot be computed.
    """
    metric = metrics(task)[name]
    try:
        with quiet():
            if metric.batched_compute:
                value = metric.compute_sample(responses=[response], docs=[doc])[name][0]
            else:
                value = metric.compute_sample(model_response=response, doc=doc)[name]
    except Exception as error:  # of a package that the metric asks for, say
        reason = " ".join(str(error).split())[:300]
        raise Mistake(
            f"evaluation.benchmarks=lighteval:{task}: its metric {name} cannot be computed "
            f"({type(error).__name__}: {reason}). Install what it needs, or choose another metric."
        ) from error
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number <= 1 else None


def main() -> None:
    """Reads a list of tasks from standard input, and writes for each its problems, or why there are none."""
    die_with_parent(signal.SIGTERM)
    requests, out, answers = json.loads(sys.stdin.read()), sys.stdout, []
    for one in requests:
        try:
            with quiet():
                answers.append(problems(**one))
        except Mistake as error:
            answers.append({"mistake": str(error), "kind": type(error).__name__})
    out.write(json.dumps(answers))


if __name__ == "__main__":
    main()
