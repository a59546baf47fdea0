"""The evaluate stage: missing (checkpoint, benchmark, seed) scores -> completions -> scores.

One engine load serves all benchmarks and seeds of a checkpoint. Each completion is stored as it finishes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from openrs import engines
from openrs.config.schema import Config
from openrs.data.rows import Rows
from openrs.engines import Completion, Engine, Sampling
from openrs.engines.prompts import load_tokenizer, templated
from openrs.evaluate import benchmarks
from openrs.evaluate.checkpoint_model import CheckpointModel, Key, said
from openrs.evaluate.unfinished import UnfinishedCompletions
from openrs.machine.devices import device_kind
from openrs.models import adapters
from openrs.models import chat as chat_room
from openrs.models.chat import Chat
from openrs.models.files import loadable
from openrs.paths import is_path
from openrs.records import faults, scores
from openrs.records.files import write_record
from openrs.records.left_out import checked_record
from openrs.records.run import Run, versions
from openrs.records.scores import ScoreAddress
from openrs.records.weights import weights_hash
from openrs.terminal import say

SETTINGS = ("instruction", "temperature", "top_p", "max_new_tokens", "max_problems")

VERDICTS = ("lighteval", "math-verify", "latex2sympy2-extended")
"""Packages whose versions a score takes from the process that scored, the others from the one that
generated."""


def evaluate(
    config: Config,
    run: Run,
    step: int,
    weights: str,
    addresses: list[ScoreAddress],
    problems: dict[str, Rows],
) -> None:
    """Measures these scores of one checkpoint, a sampling seed at a time.

    Args:
        weights: folder or Hub id of the checkpoint.
        problems: benchmark name -> rows with problem and gold, and the count of those without.
    """
    base = loadable(config.model, Path(config.outputs) / "models")
    tokenizer = load_tokenizer(base, config.model.loaded_revision)
    chat = chat_room.chat(config.model, tokenizer.chat_template)
    names = dict.fromkeys(address.benchmark for address in addresses)
    tasks = {name: _task(config, name, problems[name]) for name in names}
    lengths = {
        name: max(
            len(templated(tokenizer, said(task.prompt_function(row, name)), chat)) for row in problems[name]
        )
        for name, task in tasks.items()
    }
    engines.leave_room(max(lengths.values()), config.model.context, config.model.title)
    # the engine makes room for a prompt and evaluation.max_new_tokens; a task may have another cap
    cap = config.evaluation.max_new_tokens
    longest = max(
        length + _sampling(config, problems[name]).max_new_tokens - cap for name, length in lengths.items()
    )
    named = weights_hash(Path(weights)) if step else str(run.recipe["model"]["weights"])
    _set_aside(run, addresses, named)
    texts = {address: _text(config, run, address) for address in addresses}  # a damaged one costs no hours
    # lighteval's details hold the questions, and those of a gated set must not be passed on: it goes alone
    groups = defaultdict(list)
    for address in addresses:
        groups[(address.seed, _gated(config, address))].append(address)
    with ExitStack() as merged:

        def load() -> Engine:
            whole = adapters.whole(run.folder, Path(weights), base, config.model.loaded_revision)
            path = merged.enter_context(whole) if step else weights
            return engines.load(config, path, base, step, longest)

        with _loaded_once(load) as engine:
            for _, group in sorted(groups.items()):
                _evaluate_seed(config, run, named, engine, tokenizer, chat, group, tasks, problems, texts)


def _set_aside(run: Run, addresses: list[ScoreAddress], weights: str) -> None:
    """Moves away what is there of former weights: it is no part of a score of these."""
    paths = [
        path
        for address in addresses
        for path in (
            address.path(run.folder),
            address.text_path(run.folder),
            address.partial_path(run.folder),
        )
        if scores.weights_in(path) not in ("", weights)
    ]
    if paths:
        say(f"{run.folder.name}: step {addresses[0].step} has new weights; its former scores are kept aside")
    run.set_aside(*paths)


def _text(config: Config, run: Run, address: ScoreAddress) -> dict[str, Any] | None:
    """The stored completions of a score, which are only scored again; None where they are to be generated."""
    if "evaluate" in config.force:
        return None
    return checked_record(address.text_path(run.folder), faults.of_completions)


@contextmanager
def _loaded_once(load: Callable[[], Engine]) -> Iterator[Callable[[], Engine]]:
    """The engine from its first use to the end: text that is only scored again needs no engine."""
    loaded: list[Engine] = []

    def engine() -> Engine:
        if not loaded:
            loaded.append(load())
        return loaded[0]

    try:
        yield engine
    finally:
        for item in loaded:
            item.close()


def _gated(config: Config, address: ScoreAddress) -> bool:
    return config.catalog.benchmarks[address.benchmark].gated


def _sampling(config: Config, rows: Rows) -> Sampling:
    """How tokens are drawn for a benchmark."""
    evaluation, own = config.evaluation, rows.settings
    cap, stop = own.get("max_new_tokens", evaluation.max_new_tokens), tuple(own.get("stop", ()))
    return Sampling(evaluation.temperature, evaluation.top_p, cap, stop)


def _task(config: Config, benchmark: str, rows: Rows) -> benchmarks.Task:
    if rows.scoring:
        return benchmarks.own_task(benchmark, rows)
    evaluation, source = config.evaluation, config.catalog.benchmarks[benchmark]
    task = benchmarks.task(benchmark, evaluation.instruction, source.gold_kind, evaluation.max_new_tokens)
    # the result file tells by them a benchmark from its stand-in and from a part of it, also once it is moved
    task.hf_repo = Path(source.id).name if is_path(source.id) else source.id
    task.effective_num_docs = len(rows)
    return task


def _evaluate_seed(
    config: Config,
    run: Run,
    weights: str,
    engine: Callable[[], Engine],
    tokenizer: PreTrainedTokenizerBase,
    chat: Chat,
    addresses: list[ScoreAddress],
    tasks: dict[str, benchmarks.Task],
    problems: dict[str, Rows],
    texts: dict[ScoreAddress, dict[str, Any] | None],
) -> None:
    """One pipeline for the scores of one sampling seed, all of gated sets or none.

    Args:
        weights: names those that are measured.
        texts: the stored completions of each score, where there are any.
    """
    evaluation, step, seed = config.evaluation, addresses[0].step, addresses[0].seed
    unfinished = {
        address.benchmark: UnfinishedCompletions(address.partial_path(run.folder), weights)
        for address in addresses
    }
    completions: dict[Key, Completion] = {}
    for address in addresses:
        name = address.benchmark
        if "evaluate" in config.force:
            unfinished[name].remove()
            continue
        stored = unfinished[name].read() | _stored(texts[address])
        completions |= {(name, problem): completion for problem, completion in stored.items()}
    model = CheckpointModel(
        f"{run.folder.name}/step-{step}",
        engine,
        tokenizer,
        config.model.context,
        Sampling(evaluation.temperature, evaluation.top_p, evaluation.max_new_tokens),
        seed,
        completions,
        lambda key, completion, seconds: unfinished[key[0]].append(
            key[1], completion, seconds, engine().device_kind
        ),
        {name: _sampling(config, problems[name]) for name in unfinished},
        chat,
    )
    outcomes = benchmarks.measure(
        model,
        {name: tasks[name] for name in unfinished},
        problems,
        run.folder / "eval" / f"step-{step:05d}" / "lighteval",
        details=not _gated(config, addresses[0]),
    )
    seconds = model.seconds + sum(item.seconds for item in unfinished.values())
    per_token = seconds / max(1, sum(item.length for item in completions.values()))
    packages = versions() | (engine().versions if model.seconds else {})
    for address in addresses:
        name = address.benchmark
        of_benchmark = {problem: completions[(name, problem)] for problem in sorted(outcomes[name])}
        generated = {
            "seconds": round(per_token * sum(item.length for item in of_benchmark.values()), 3),
            "versions": packages,
        }
        record = texts[address] or {}
        generated |= {key: record[key] for key in generated if key in record}
        of_text = {record.get("device", "")} if record else set()
        generated["weights"] = record.get("weights", "") if record else weights
        generated["device"] = _device(unfinished[name].devices | of_text)
        _store(config, run, address, of_benchmark, outcomes[name], generated, packages, problems[name])
        unfinished[name].remove()


def _device(kinds: set[str | None]) -> str | None:
    """The kind of device of completions that these generated; "" where all are of older records."""
    if kinds == {""}:
        return ""
    stated = {kind for kind in kinds if kind}
    return device_kind(stated) if stated and stated == kinds else None


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


def _store(
    config: Config,
    run: Run,
    address: ScoreAddress,
    completions: dict[str, Completion],
    outcomes: dict[str, benchmarks.JudgedCompletion],
    generated: dict[str, Any],
    packages: dict[str, str],
    rows: Rows,
) -> None:
    """Writes the text first and the score last: a score means that all is there.

    Args:
        completions: of each problem, by id in order.
        generated: `seconds`, `versions`, `weights` and `device` of the generation.
        packages: versions in this process, which scored.
        rows: of the benchmark.
    """
    ids = list(completions)
    counted = [item.counted for item in completions.values()]
    truncated = [item.truncated for item in completions.values()]
    write_record(
        address.text_path(run.folder),
        {
            "ids": ids,
            "gold": [outcomes[problem].gold for problem in ids],
            "text": [outcomes[problem].text for problem in ids],
            "tokens": [item.tokens for item in completions.values()],
            "truncated": truncated,
            **({"counted": counted} if any(number is not None for number in counted) else {}),
            **generated,
        },
    )
    record = scores.score(
        address,
        title=config.catalog.benchmarks[address.benchmark].title,
        columns={
            "ids": ids,
            "correct": [outcomes[problem].value for problem in ids],
            "tokens": [item.length for item in completions.values()],
            "truncated": [int(cut) for cut in truncated],
            "timed_out": [outcomes[problem].timed_out for problem in ids],
        },
        seconds=generated["seconds"],
        settings={
            "engine": config.engine.kind,
            "dtype": config.evaluation_dtype,
            **{name: value for name, value in asdict(config.evaluation).items() if name in SETTINGS},
            **rows.look,
        },
        versions=generated["versions"] | {name: packages[name] for name in VERDICTS if name in packages},
        left_out=rows.left_out,
        task=rows.settings | rows.scoring,
        device=generated["device"],
        weights=generated["weights"],
    )
    scores.write(run.folder, record)
