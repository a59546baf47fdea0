"""The evaluate stage: missing (checkpoint, benchmark, seed) cells -> completions -> scores.

Generation and metrics run through lighteval's own Pipeline with a LightevalModel of ours; one engine
load serves all benchmarks and seeds of a checkpoint.
"""

import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lighteval.logging.evaluation_tracker import EvaluationTracker
from lighteval.models.abstract_model import LightevalModel, ModelConfig
from lighteval.models.model_input import GenerationParameters
from lighteval.models.model_output import ModelResponse
from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters
from lighteval.tasks.requests import Doc

from openrs import benchmarks, scores
from openrs.config import Config
from openrs.engines import Completion, Request, Sampling, request_seed
from openrs.engines.transformers import TransformersEngine
from openrs.models import loadable
from openrs.progress_line import Line
from openrs.run import Run, read_record, versions, write_record
from openrs.scores import Cell


class _NoCache:
    """lighteval asks every model for a sample cache; ours keeps text in score records instead."""

    def _init_registry(self, registry: Any) -> None:
        del registry


class CheckpointModel(LightevalModel):
    """A checkpoint as lighteval sees it: documents in, responses out, one sampling seed.

    Args:
        known: completions by (benchmark, problem id) that need no generating.
    """

    def __init__(
        self,
        name: str,
        engine: TransformersEngine,
        sampling: Sampling,
        seed: int,
        known: dict[tuple[str, str], Completion],
    ) -> None:
        self.engine, self.sampling, self.seed, self.known = engine, sampling, seed, known
        self.title = name
        self.seconds = 0.0
        self.completions: dict[tuple[str, str], Completion] = {}
        self._cache = _NoCache()
        self.config = ModelConfig(
            model_name=name,
            generation_parameters=GenerationParameters(
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_new_tokens=sampling.max_new_tokens,
                seed=seed,
            ),
        )

    @property
    def tokenizer(self) -> Any:
        """The engine's tokenizer."""
        return self.engine.tokenizer

    @property
    def add_special_tokens(self) -> bool:
        """The chat template writes them."""
        return False

    @property
    def max_length(self) -> int:
        """Tokens the weights can hold."""
        return self.engine.model.config.max_position_embeddings

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Samples each document at the settings' temperature (the name is lighteval's)."""
        keys = [(doc.task_name.split("|")[0], doc.specific["problem_id"]) for doc in docs]
        prompts = [
            self.tokenizer.apply_chat_template(
                [{"role": "user", "content": doc.query}],
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
            )["input_ids"]
            for doc in docs
        ]
        missing = [i for i, key in enumerate(keys) if key not in self.known]
        requests = [Request(prompts[i], request_seed(self.seed, keys[i][1])) for i in missing]
        began = time.perf_counter()
        if requests:
            line = Line(f"{self.title}, seed {self.seed}", len(requests))
            made = self.engine.generate(requests, self.sampling, line)
            self.known |= {keys[i]: item for i, item in zip(missing, made, strict=True)}
        self.seconds = time.perf_counter() - began
        self.completions = {key: self.known[key] for key in keys}
        return [
            ModelResponse(
                input=doc.query,
                input_tokens=prompt,
                text=[self.tokenizer.decode(self.known[key].tokens, skip_special_tokens=True)],
                output_tokens=[self.known[key].tokens],
            )
            for doc, prompt, key in zip(docs, prompts, keys, strict=True)
        ]

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        """No task of ours asks for it."""
        raise ValueError("openrs's tasks generate; none asks for log-likelihoods")

    loglikelihood_rolling = loglikelihood


def evaluate(
    config: Config,
    run: Run,
    step: int,
    weights: str,
    cells: list[Cell],
    problems: dict[str, list[dict[str, Any]]],
) -> None:
    """Fills the given cells of one checkpoint, a sampling seed at a time.

    Args:
        weights: folder or Hub id of the checkpoint.
        problems: benchmark name -> rows with problem and gold.
    """
    base = loadable(config.model, Path(config.outputs) / "models")
    engine = TransformersEngine(
        weights,
        base,
        config.model.evaluation_dtype,
        config.hardware.device,
        config.hardware.evaluation_batch,
        config.model.revision,
    )
    by_seed = defaultdict(list)
    for cell in cells:
        by_seed[cell.seed].append(cell)
    for _, group in sorted(by_seed.items()):
        _evaluate_seed(config, run, engine, group, problems)


def _evaluate_seed(
    config: Config,
    run: Run,
    engine: TransformersEngine,
    cells: list[Cell],
    problems: dict[str, list[dict[str, Any]]],
) -> None:
    evaluation, step, seed = config.evaluation, cells[0].step, cells[0].seed
    sampling = Sampling(evaluation.temperature, evaluation.top_p, evaluation.max_new_tokens)
    tasks = {
        cell.benchmark: benchmarks.task(
            cell.benchmark,
            evaluation.instruction,
            config.catalog.benchmarks[cell.benchmark].gold_kind,
            evaluation.max_new_tokens,
        )
        for cell in cells
    }
    known = {}
    for cell in cells if "evaluate" not in config.force else []:
        stored = read_record(cell.text_path(run.folder)) or {
            "ids": [],
            "tokens": [],
            "truncated": [],
        }
        for key, tokens, cut in zip(stored["ids"], stored["tokens"], stored["truncated"], strict=True):
            known[(cell.benchmark, key)] = Completion(tokens, cut)
    model = CheckpointModel(f"{run.folder.name}/step-{step}", engine, sampling, seed, known)
    output = run.folder / "eval" / f"step-{step:05d}" / "lighteval"
    with benchmarks.only(tasks, problems):
        pipeline = Pipeline(
            tasks=",".join(f"{name}|0" for name in tasks),
            pipeline_parameters=PipelineParameters(
                launcher_type=ParallelismManager.CUSTOM, remove_reasoning_tags=False
            ),
            evaluation_tracker=EvaluationTracker(output_dir=str(output), save_details=True),
            model=model,
        )
        pipeline.evaluate()
        pipeline.save_and_push_results()
    total = sum(len(item.tokens) for item in model.completions.values())
    settings = {
        "engine": engine.name,
        "dtype": engine.dtype,
        **{key: value for key, value in asdict(evaluation).items() if key in SETTINGS},
    }
    for cell in cells:
        details = pipeline.get_details()[f"{cell.benchmark}|0"]
        _store(config, run, cell, details, model, total, settings)


SETTINGS = ("instruction", "temperature", "top_p", "max_new_tokens", "max_problems")


def _store(
    config: Config,
    run: Run,
    cell: Cell,
    details: list[Any],
    model: CheckpointModel,
    total_tokens: int,
    settings: dict[str, Any],
) -> None:
    """Writes the text first and the score last: a score means that all is there."""
    by_id = {detail.doc.specific["problem_id"]: detail for detail in details}
    ids = sorted(by_id)
    made = [model.completions[(cell.benchmark, key)] for key in ids]
    text_path = cell.text_path(run.folder)
    write_record(
        text_path,
        {
            "ids": ids,
            "gold": [by_id[key].doc.get_golds()[0] for key in ids],
            "text": [by_id[key].model_response.text[0] for key in ids],
            "tokens": [item.tokens for item in made],
            "truncated": [item.truncated for item in made],
        },
    )
    tokens = [len(item.tokens) for item in made]
    record = scores.score(
        cell,
        title=config.catalog.benchmarks[cell.benchmark].title,
        columns={
            "ids": ids,
            "correct": [int(by_id[key].metric[benchmarks.METRIC]) for key in ids],
            "tokens": tokens,
            "truncated": [int(item.truncated) for item in made],
            "timed_out": [int(by_id[key].doc.specific["timed_out"]) for key in ids],
        },
        seconds=model.seconds * sum(tokens) / max(1, total_tokens),
        settings=settings,
        versions=versions(),
    )
    scores.write(run.folder, cell, record)
