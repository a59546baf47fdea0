"""The judges of a curation: rules, and the models that its filters ask."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from openrs.config.curation import Curation, Filter
from openrs.curate import filters, text
from openrs.curate.answers import Answers
from openrs.curate.filters import FilterVerdict
from openrs.curate.pools import FilteredPool
from openrs.data.rows import Row
from openrs.errors import refuse
from openrs.nano import noise

RULES = {
    "boxed": filters.boxed,
    "single_part": filters.single_part,
    "stand_in_judge": filters.stand_in_judge,
}


class CurationPanel:
    """The rules and models of a curation.

    Args:
        pools: before their filters.
        words: of the command.
        folder: the curation's.

    Raises:
        Mistake: a stand-in is to judge other problems than the built-in ones.
    """

    def __init__(
        self, curation: Curation, pools: Mapping[str, FilteredPool], words: Sequence[str], folder: Path
    ) -> None:
        self.folder = folder
        self.answers: dict[str, Answers] = {}
        """Title of a filter, POOL.FILTER -> the model that it asks."""
        self.to_ask: list[str] = []
        """What a plan says of the models."""
        for name, pool in curation.pools.items():
            for key, item in pool.filters.items():
                if item.kind not in RULES:
                    self.answers[f"{name}.{key}"] = Answers(item, words)
                elif item.kind == "stand_in_judge" and pools[name].origin["id"] != noise.ID:
                    field = f"curation.pools.{name}.filters.{key}.kind"
                    refuse(field, item.kind, "judges the raw pool of curation=nano alone", "Give kind=judge")

    @property
    def starts_processes(self) -> bool:
        """Whether a model is loaded by an engine that starts processes of its own."""
        return any(answers.config.engine.kind == "vllm" for answers in self.answers.values())

    def stored(self, title: str, item: Filter, rows: list[Row]) -> list[FilterVerdict] | None:
        """The verdicts of rules and of stored answers, for a plan; None where answers are missing."""
        if title in self.answers:
            answers = self.answers[title]
            missing = len(answers.missing([row["id"] for row in rows]))
            self.to_ask += text.to_ask(title, answers, len(rows), missing)
            if missing:
                return None
        return self.verdicts(title, item, rows)

    def verdicts(self, title: str, item: Filter, rows: list[Row]) -> list[FilterVerdict]:
        """The verdicts of a filter, once a model has answered what is missing.

        Raises:
            Mistake: as `Answers.generate`.
        """
        if title not in self.answers:
            return [RULES[item.kind](row) for row in rows]
        answers = self.answers[title]
        instruction = answers.config.evaluation.instruction
        questions = {row["id"]: filters.question(item, instruction, row) for row in rows}
        answers.generate(questions, self.folder, title)
        texts = answers.of(list(questions))
        if item.kind == "pass_rate":
            return filters.pass_rate(item, rows, texts)
        return [filters.judged(one) for (one,) in texts.values()]
