"""Benchmarks as lighteval tasks, and the pipeline that measures them.

lighteval 0.13's Registry imports every built-in task, one of which downloads a pickle, and its tasks
load data from the Hub. `_only` puts openrs's tasks and rows in their place.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from datasets import Dataset, DatasetDict
from lighteval.logging.evaluation_tracker import EvaluationTracker
from lighteval.metrics.dynamic_metrics import MultilingualExtractiveMatchMetric
from lighteval.metrics.metrics_sample import SampleLevelComputation
from lighteval.metrics.utils.extractive_match_utils import IndicesExtractionConfig
from lighteval.metrics.utils.metric_utils import SampleLevelMetric
from lighteval.models.abstract_model import LightevalModel
from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters
from lighteval.tasks.lighteval_task import LightevalTask, LightevalTaskConfig
from lighteval.tasks.registry import Registry
from lighteval.tasks.requests import Doc, SamplingMethod
from lighteval.utils.language import Language

from openrs.config.catalog import GoldKind
from openrs.data.rows import Rows
from openrs.errors import Mistake
from openrs.evaluate import lighteval_tasks
from openrs.verify import shared_verifier
from openrs.verify.texts import judge

Task: TypeAlias = LightevalTaskConfig

METRIC = "extractive_match"
"""lighteval's name of the metric; the paper's result files have it too."""


# this logger prints the whole completion wherever no letter is found
logging.getLogger("lighteval.metrics.dynamic_metrics").setLevel(logging.ERROR)

LETTERS = MultilingualExtractiveMatchMetric(
    language=Language.ENGLISH,
    gold_extraction_target=[IndicesExtractionConfig(prefix_for_extraction="NativeLetters")],
    pred_extraction_target=[IndicesExtractionConfig(prefix_for_extraction="NativeLetters")],
    precision=5,
)


class ExtractiveMatch(SampleLevelComputation):
    """lighteval's extractive match, judged by openrs's verifier in bounded time.

    The verdicts are those of lighteval's multilingual_extractive_match (English, precision 5,
    expressions or LaTeX, boxed first); a test holds the two together. Letters of choices are found by
    patterns alone, which need no bound: there lighteval's own metric judges, set as in the paper's code
    (a letter counts where an anchor such as "Answer:" leads to it).
    """

    def __init__(self, gold_kind: GoldKind) -> None:
        self.gold_kind = gold_kind

    def compute(self, responses: list[Any], docs: list[Doc]) -> list[float]:
        """Scores all problems of a task; each document notes whether its verdict timed out."""
        if self.gold_kind == "letter":
            return [LETTERS.compute(doc, response) for doc, response in zip(docs, responses, strict=True)]
        pairs = [
            (doc.get_golds()[0], response.final_text[0])
            for doc, response in zip(docs, responses, strict=True)
        ]
        if self.gold_kind == "exact" or self.gold_kind == "choice":
            return [float(judge(self.gold_kind, *pair).correct) for pair in pairs]
        verdicts = shared_verifier().verify(pairs, "evaluation", self.gold_kind)
        for doc, verdict in zip(docs, verdicts, strict=True):
            doc.specific["timed_out"] = verdict.timed_out
        return [float(verdict.correct) for verdict in verdicts]


def task(name: str, instruction: str, gold_kind: GoldKind, max_new_tokens: int) -> Task:
    """The lighteval task of a benchmark: instruction, blank line, problem; zero-shot.

    Args:
        instruction: of the evaluation; a row's own instruction goes before it.
        gold_kind: how gold answers are read (`BenchmarkData.gold_kind`).
    """

    def prompt(row: dict[str, Any], task_name: str) -> Doc:
        choices = row.get("choices") or [row["gold"]]
        return Doc(
            task_name=task_name,
            query=f"{row.get('instruction') or instruction}\n\n{row['problem']}",
            choices=choices,
            gold_index=choices.index(row["gold"]),
            specific={"problem_id": row["id"], "timed_out": False},
        )

    return _task(name, prompt, ExtractiveMatch(gold_kind), max_new_tokens, batched=True)


def _task(name: str, prompt: Any, scorer: SampleLevelComputation, max_new_tokens: int, batched: bool) -> Task:
    return LightevalTaskConfig(
        name=name,
        prompt_function=prompt,
        hf_repo=name,
        hf_subset="default",
        hf_avail_splits=["test"],
        evaluation_splits=["test"],
        few_shots_split="test",  # none are used; without a split lighteval warns of each task
        few_shots_select=None,
        generation_size=max_new_tokens,
        metrics=[
            SampleLevelMetric(
                metric_name=METRIC,
                sample_level_fn=scorer,
                category=SamplingMethod.GENERATIVE,
                corpus_level_fn=np.mean,
                higher_is_better=True,
                batched_compute=batched,
            )
        ],
        stop_sequence=[],
        version=1,
    )


class OwnMetric(SampleLevelComputation):
    """A metric of a task of lighteval's, under the name of every score."""

    def __init__(self, task_name: str, metric: str) -> None:
        self.task_name, self.metric = task_name, metric

    def compute(self, model_response: Any, doc: Doc) -> float:
        """Scores one answer.

        Raises:
            Mistake: the metric cannot be computed, or is no share from 0 to 1.
        """
        value = lighteval_tasks.score(self.task_name, self.metric, doc, model_response)
        if value is None:
            raise Mistake(
                f"evaluation.benchmarks=lighteval:{self.task_name}: its metric {self.metric} is no share "
                "from 0 to 1 for every answer. Choose another, by `metric` of its entry in the catalog."
            )
        return value


def own_task(name: str, rows: Rows) -> Task:
    """A task of lighteval's, of which the prompts are made already: its documents, its metric."""
    by_id = {row["id"]: row for row in rows}

    def prompt(row: dict[str, Any], task_name: str) -> Doc:
        stated = by_id[row["id"]]["doc"]
        kept = {"problem_id": row["id"], "timed_out": False, "messages": by_id[row["id"]]["messages"]}
        return Doc(task_name=task_name, **stated | {"specific": (stated["specific"] or {}) | kept})

    scorer = OwnMetric(rows.scoring["task"], rows.scoring["metric"])
    return _task(name, prompt, scorer, rows.settings["max_new_tokens"], batched=False)


@dataclass(frozen=True)
class JudgedCompletion:
    """A problem's completion and its verdict."""

    gold: str
    text: str
    value: float
    """1 for right and 0 for wrong, or a share between them."""
    timed_out: int


def measure(
    model: LightevalModel,
    tasks: dict[str, Task],
    rows: Mapping[str, list[dict[str, Any]]],
    output: Path,
    *,
    details: bool,
) -> dict[str, dict[str, JudgedCompletion]]:
    """Runs lighteval's pipeline, which also writes its own result files.

    Args:
        rows: benchmark name -> problems.
        output: lighteval's folder.
        details: whether lighteval stores questions and completions too.

    Returns:
        Benchmark -> problem id -> outcome.
    """
    with _only(tasks, rows):
        pipeline = Pipeline(
            tasks=",".join(f"{name}|0" for name in tasks),
            pipeline_parameters=PipelineParameters(
                launcher_type=ParallelismManager.CUSTOM, remove_reasoning_tags=False
            ),
            evaluation_tracker=EvaluationTracker(output_dir=str(output), save_details=details),
            model=model,
        )
        pipeline.evaluate()
        pipeline.save_and_push_results()
    noted = pipeline.get_details()
    return {
        name: {detail.doc.specific["problem_id"]: _outcome(detail) for detail in noted[f"{name}|0"]}
        for name in tasks
    }


def _outcome(detail: Any) -> JudgedCompletion:
    return JudgedCompletion(
        gold=detail.doc.get_golds()[0] if detail.doc.choices else "",
        text=detail.model_response.text[0],
        value=float(detail.metric[METRIC]),
        timed_out=int(detail.doc.specific["timed_out"]),
    )


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {"id": row["id"]} if "doc" in row else row


@contextmanager
def _only(tasks: dict[str, Task], rows: Mapping[str, list[dict[str, Any]]]) -> Iterator[None]:
    """Inside the block lighteval has these tasks alone, and reads these rows instead of the Hub."""
    load_tasks, load_rows = Registry.load_all_task_configs, LightevalTask.download_dataset_worker
    Registry.load_all_task_configs = staticmethod(lambda **_: tasks)
    LightevalTask.download_dataset_worker = staticmethod(
        # a task's documents are kept here: a Dataset would give all of them the same columns
        lambda config: DatasetDict({"test": Dataset.from_list([_flat(row) for row in rows[config.name]])})
    )
    try:
        yield
    finally:
        Registry.load_all_task_configs = load_tasks
        LightevalTask.download_dataset_worker = load_rows
