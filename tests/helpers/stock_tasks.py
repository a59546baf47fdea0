"""A custom-tasks file for the stock lighteval command: the five nano benchmarks.

`STOCK_DATA` names a folder with a folder of rows for each benchmark.
"""

import os
from pathlib import Path

from lighteval.metrics.dynamic_metrics import MultilingualExtractiveMatchMetric
from lighteval.metrics.utils.extractive_match_utils import ExprExtractionConfig, LatexExtractionConfig
from lighteval.metrics.utils.metric_utils import SampleLevelMetric
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc, SamplingMethod
from lighteval.utils.language import Language
from numpy import mean

DATA = Path(os.environ["STOCK_DATA"])
INSTRUCTION = os.environ["STOCK_INSTRUCTION"]


def prompt(row, task_name):
    return Doc(
        task_name=task_name, query=f"{INSTRUCTION}\n\n{row['problem']}", choices=[row["gold"]], gold_index=0
    )


METRIC = SampleLevelMetric(
    metric_name="extractive_match",
    sample_level_fn=MultilingualExtractiveMatchMetric(
        language=Language.ENGLISH,
        fallback_mode="first_match",
        precision=5,
        gold_extraction_target=(LatexExtractionConfig(),),
        pred_extraction_target=(ExprExtractionConfig(), LatexExtractionConfig(boxed_match_priority=0)),
        aggregation_function=max,
    ),
    category=SamplingMethod.GENERATIVE,
    corpus_level_fn=mean,
    higher_is_better=True,
)
TASKS_TABLE = [
    LightevalTaskConfig(
        name=f"nano_{folder.name}",
        prompt_function=prompt,
        hf_repo=str(folder),
        hf_subset="default",
        hf_avail_splits=["test"],
        evaluation_splits=["test"],
        few_shots_split=None,
        few_shots_select=None,
        generation_size=int(os.environ["STOCK_NEW_TOKENS"]),
        metrics=[METRIC],
        stop_sequence=[],
        version=1,
    )
    for folder in sorted(DATA.iterdir())
]
