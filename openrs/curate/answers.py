"""A model's answers for one filter, each stored as it finishes: a kill loses none, and more samples go on
from those that there are.

    outputs/curated/answers/<model>-<id of what decides an answer>.jsonl
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter

from openrs import engines, needs
from openrs.config.compose import compose_config
from openrs.config.curation import Filter
from openrs.config.schema import Budget
from openrs.cost.rates import Rate, Rates
from openrs.engines import Completion, Request, Sampling, request_seed
from openrs.errors import Mistake
from openrs.evaluate.unfinished import UnfinishedCompletions
from openrs.models import chat as chats
from openrs.models import files as model_files
from openrs.pipeline import environment
from openrs.records import ledger, recipe
from openrs.terminal import Progress

EVALUATES = ("untrained=true", "stages=[evaluate]")
"""A curation measures a model as it is: what only a training needs is not asked for."""
CHUNK = 256
"""Requests between two looks at a budget."""


class Answers:
    """The model that one filter asks, and its stored answers.

    Args:
        item: the filter, of kind pass_rate or judge.
        words: of the command; they go before the filter's own.
    """

    def __init__(self, item: Filter, words: Sequence[str]) -> None:
        stated = {word.partition("=")[0] for word in words}
        own = [word for word in item.asks if word.partition("=")[0] not in stated]
        config = compose_config(*own, *words, *EVALUATES)
        outputs = Path(config.outputs)
        self.config = replace(config, model=model_files.at_commit(config.model, outputs / "runs"))
        self.samples = item.samples
        evaluation = self.config.evaluation
        self.sampling = Sampling(evaluation.temperature, evaluation.top_p, evaluation.max_new_tokens)
        self.identity = {
            "weights": model_files.fingerprint(self.config.model, outputs / "models"),
            "template_arguments": self.config.model.template_arguments,
            "engine": self.config.engine.kind,
            "dtype": self.config.evaluation_dtype,
            "seed": evaluation.first_seed,
            "asked": item.prompt or evaluation.instruction,
            **asdict(self.sampling),
        }
        name = re.sub(r"[^\w.-]+", "-", self.config.model.title)
        path = outputs / "curated" / "answers" / f"{name}-{recipe.digest(self.identity)[:8]}.jsonl"
        self.file = UnfinishedCompletions(path, str(self.identity["weights"]))

    @cached_property
    def stored(self) -> dict[str, Completion]:
        """The answers that there are, by problem and number."""
        return self.file.read()

    def missing(self, ids: Sequence[str]) -> list[tuple[str, int]]:
        """Problem and number of each answer that is not there."""
        return [(id_, n) for id_ in ids for n in range(self.samples) if _key(id_, n) not in self.stored]

    def of(self, ids: Sequence[str]) -> dict[str, list[Completion]]:
        """The answers to each problem, which are all there."""
        return {id_: [self.stored[_key(id_, n)] for n in range(self.samples)] for id_ in ids}

    def rate(self) -> Rate | None:
        """Seconds for an answer: of those that are stored, else as evaluation is planned."""
        if self.stored and self.file.seconds:
            number = len(self.stored)
            return Rate(self.file.seconds / number, f"mean of {number} answers in {self.file.path}")
        return Rates().problem(self.config)

    def generate(self, questions: Mapping[str, str], folder: Path, title: str) -> None:
        """Asks what is missing.

        Args:
            questions: of each problem, by its id.
            folder: the curation's, which keeps what it cost.
            title: of the filter, for the line of progress and the ledger.

        Raises:
            Mistake: the machine lacks something, the engine fails, or the budget is spent.
        """
        missing, config = self.missing(list(questions)), self.config
        if not missing:
            return
        refuse_overspent(config.budget, folder)
        needs.require("evaluate", config)
        environment(config)
        from openrs.engines.prompts import load_tokenizer, templated

        base = model_files.loadable(config.model, Path(config.outputs) / "models")
        tokenizer = load_tokenizer(base, config.model.loaded_revision)
        chat = chats.chat(config.model, tokenizer.chat_template)
        prompts = {id_: templated(tokenizer, questions[id_], chat) for id_, _ in missing}
        context = config.model.context
        requests = [(id_, n) for id_, n in missing if len(prompts[id_]) < context]
        for id_, n in missing:
            if len(prompts[id_]) >= context:  # no room for a single token: an empty answer, cut at once
                self._store(_key(id_, n), Completion([], True, ""), 0.0, None)
        if not requests:
            return
        with ledger.spending(folder, config.hardware, f"curate {title}"):
            longest = max(len(prompts[id_]) for id_, _ in requests)
            engine = engines.load(config, base, base, 0, longest)
            progress, last = Progress(f"{title}, {config.model.title}", len(requests)), perf_counter()
            limited = config.budget.device_hours is not None or config.budget.money is not None
            size = CHUNK if limited else len(requests)
            try:
                for start in range(0, len(requests), size):
                    if start:
                        refuse_overspent(config.budget, folder)
                    chunk = requests[start : start + size]

                    def finished(
                        index: int, completion: Completion, chunk: list[tuple[str, int]] = chunk
                    ) -> None:
                        nonlocal last
                        now = perf_counter()
                        if completion.text is None:
                            text = str(tokenizer.decode(completion.tokens, skip_special_tokens=True))
                            completion = replace(completion, text=text)
                        self._store(_key(*chunk[index]), completion, now - last, engine.device_kind)
                        last = now
                        progress.advance()

                    engine.generate(
                        [
                            Request(
                                prompts[id_],
                                request_seed(config.evaluation.first_seed, id_, n),
                                room=context - len(prompts[id_]),
                            )
                            for id_, n in chunk
                        ],
                        self.sampling,
                        finished,
                    )
            finally:
                engine.close()

    def _store(self, key: str, completion: Completion, seconds: float, device: str | None) -> None:
        self.file.append(key, completion, seconds, device)
        self.stored[key] = completion


def _key(id_: str, number: int) -> str:
    return f"{id_}-{number}"


def refuse_overspent(budget: Budget, folder: Path) -> None:
    """Refuses to go on where a curation has cost what it may.

    Raises:
        Mistake: naming the budget.
    """
    spent = ledger.spent(folder)
    if spent is None:
        return
    for name, limit, amount in (
        ("device_hours", budget.device_hours, spent.device_hours),
        ("money", budget.money, spent.dollars),
    ):
        if limit is not None and amount is not None and amount >= limit:
            raise Mistake(
                f"budget.{name}={limit:g}: {folder} has cost {amount:.3g}. The answers are stored: give "
                "more, and the same command goes on."
            )
