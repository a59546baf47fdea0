"""The evaluate stage: missing (checkpoint, benchmark, seed) cells -> completions -> scores.

Generation and metrics run through lighteval's own Pipeline with a LightevalModel of ours; one engine
load serves all benchmarks and seeds of a checkpoint. Each completion is stored as soon as it is there.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lighteval.logging.evaluation_tracker import EvaluationTracker
from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from transformers import PreTrainedTokenizerBase

from openrs import engines
from openrs.config.schema import Config
from openrs.engines import Completion, Engine, Sampling
from openrs.engines.prompts import load_tokenizer, templated
from openrs.evaluate import benchmarks
from openrs.evaluate.checkpoint_model import CheckpointModel, Key
from openrs.evaluate.unfinished import Partial
from openrs.models import loadable
from openrs.records import scores
from openrs.records.files import read_record, write_record
from openrs.records.run import Run, versions
from openrs.records.scores import ScoreAddress


def evaluate(
    config: Config,
    run: Run,
    step: int,
    weights: str,
    cells: list[ScoreAddress],
    problems: dict[str, list[dict[str, Any]]],
) -> None:
    """Fills the given cells of one checkpoint, a sampling seed at a time.

    Args:
        weights: folder or Hub id of the checkpoint.
        problems: benchmark name -> rows with problem and gold.
    """
    base = loadable(config.model, Path(config.outputs) / "models")
    tokenizer = load_tokenizer(base, config.model.revision)
    tasks = {cell.benchmark: _task(config, cell.benchmark) for cell in cells}
    longest = max(
        len(templated(tokenizer, task.prompt_function(row, name).query))
        for name, task in tasks.items()
        for row in problems[name]
    )
    engines.leave_room(longest, config.model.context, config.model.title)
    # lighteval's details hold the questions, and those of a gated set must not be passed on: it goes alone
    by_seed = defaultdict(list)
    for cell in cells:
        by_seed[(cell.seed, _gated(config, cell))].append(cell)
    with _loaded_once(lambda: engines.load(config, weights, base, step, longest)) as engine:
        for _, group in sorted(by_seed.items()):
            _evaluate_seed(config, run, engine, tokenizer, group, tasks, problems)


@contextmanager
def _loaded_once(load: Callable[[], Engine]) -> Iterator[Callable[[], Engine]]:
    """The engine from its first use to the end: text that is only scored again needs none."""
    made: list[Engine] = []

    def get() -> Engine:
        if not made:
            made.append(load())
        return made[0]

    try:
        yield get
    finally:
        for engine in made:
            engine.close()


def _gated(config: Config, cell: ScoreAddress) -> bool:
    return config.catalog.benchmarks[cell.benchmark].gated


def _task(config: Config, benchmark: str) -> LightevalTaskConfig:
    evaluation, kind = config.evaluation, config.catalog.benchmarks[benchmark].gold_kind
    return benchmarks.task(benchmark, evaluation.instruction, kind, evaluation.max_new_tokens)


def _evaluate_seed(
    config: Config,
    run: Run,
    engine: Callable[[], Engine],
    tokenizer: PreTrainedTokenizerBase,
    cells: list[ScoreAddress],
    tasks: dict[str, LightevalTaskConfig],
    problems: dict[str, list[dict[str, Any]]],
) -> None:
    """One pipeline for cells of one sampling seed, all of gated sets or none."""
    evaluation, step, seed = config.evaluation, cells[0].step, cells[0].seed
    sampling = Sampling(evaluation.temperature, evaluation.top_p, evaluation.max_new_tokens)
    tasks = {cell.benchmark: tasks[cell.benchmark] for cell in cells}
    partials = {cell.benchmark: Partial(cell.partial_path(run.folder)) for cell in cells}
    known: dict[Key, Completion] = {}
    generated: dict[str, dict[str, Any]] = {}
    for cell in cells:
        if "evaluate" in config.force:
            partials[cell.benchmark].remove()
            continue
        text = read_record(cell.text_path(run.folder))
        if text is not None:
            generated[cell.benchmark] = text
        begun = partials[cell.benchmark].read()
        for problem, completion in (begun | _stored(text)).items():
            known[(cell.benchmark, problem)] = completion

    def keep(key: Key, completion: Completion, seconds: float) -> None:
        partials[key[0]].append(key[1], completion, seconds)

    model = CheckpointModel(
        f"{run.folder.name}/step-{step}",
        engine,
        tokenizer,
        config.model.context,
        sampling,
        seed,
        known,
        keep,
    )
    output = run.folder / "eval" / f"step-{step:05d}" / "lighteval"
    with benchmarks.only(tasks, problems):
        pipeline = Pipeline(
            tasks=",".join(f"{name}|0" for name in tasks),
            pipeline_parameters=PipelineParameters(
                launcher_type=ParallelismManager.CUSTOM, remove_reasoning_tags=False
            ),
            evaluation_tracker=EvaluationTracker(
                output_dir=str(output), save_details=not _gated(config, cells[0])
            ),
            model=model,
        )
        pipeline.evaluate()
        pipeline.save_and_push_results()
    seconds = model.seconds + sum(partial.seconds for partial in partials.values())
    per_token = seconds / max(1, sum(item.length for item in model.completions.values()))
    settings = {
        "engine": config.engine.kind,
        "dtype": config.evaluation_dtype,
        **{key: value for key, value in asdict(evaluation).items() if key in SETTINGS},
    }
    told = versions() | (engine().versions if model.seconds else {})
    for cell in cells:
        details = pipeline.get_details()[f"{cell.benchmark}|0"]
        before = generated.get(cell.benchmark)
        _store(config, run, cell, details, model, per_token, settings, told, before)
        partials[cell.benchmark].remove()


def _stored(record: dict[str, Any] | None) -> dict[str, Completion]:
    """The completions of a text record, by problem id."""
    if record is None:
        return {}
    texts, counts = record["text"], record.get("counted") or [None] * len(record["ids"])
    return {
        problem: Completion(tokens, cut, None if counted is None else text, counted)
        for problem, tokens, cut, text, counted in zip(
            record["ids"], record["tokens"], record["truncated"], texts, counts, strict=True
        )
    }


SETTINGS = ("instruction", "temperature", "top_p", "max_new_tokens", "max_problems")

VERDICTS = ("lighteval", "math-verify", "latex2sympy2-extended")
"""Packages whose versions a score takes from the process that scored, the others from the one that
generated."""


def _store(
    config: Config,
    run: Run,
    cell: ScoreAddress,
    details: list[Any],
    model: CheckpointModel,
    per_token: float,
    settings: dict[str, Any],
    told: dict[str, str],
    before: dict[str, Any] | None,
) -> None:
    """Writes the text first and the score last: a score means that all is there.

    Args:
        before: the text record that is only scored again, with the time and the versions that made it.
    """
    by_id = {detail.doc.specific["problem_id"]: detail for detail in details}
    ids = sorted(by_id)
    made = [model.completions[(cell.benchmark, key)] for key in ids]
    counted = [item.counted for item in made]
    tokens = [item.length for item in made]
    origin: dict[str, Any] = {"seconds": round(per_token * sum(tokens), 3), "versions": told}
    origin |= {key: before[key] for key in origin if before is not None and key in before}
    write_record(
        cell.text_path(run.folder),
        {
            "ids": ids,
            "gold": [by_id[key].doc.get_golds()[0] for key in ids],
            "text": [by_id[key].model_response.text[0] for key in ids],
            "tokens": [item.tokens for item in made],
            "truncated": [item.truncated for item in made],
            **({"counted": counted} if any(number is not None for number in counted) else {}),
            **origin,
        },
    )
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
        seconds=origin["seconds"],
        settings=settings,
        versions=origin["versions"] | {name: told[name] for name in VERDICTS if name in told},
    )
    scores.write(run.folder, record)
