"""The prompts of a run's whole schedule, in the order in which training reads them."""

from pathlib import Path
from typing import Any

from openrs.config.schema import Config
from openrs.data.mix import Mix, prompt_order, turns
from openrs.errors import Mistake
from openrs.models.chat import Chat
from openrs.records.files import read_lines, write_lines, write_record
from openrs.rewards.signature import COLUMNS
from openrs.terminal import say

KIND = "answer_kind"
"""The column of how an answer is judged."""


def messages(config: Config, problem: str) -> list[dict[str, str]]:
    """A training prompt as a conversation."""
    system = [{"role": "system", "content": config.prompt.system}] if config.prompt.system else []
    return [*system, {"role": "user", "content": problem}]


def write_prompts(config: Config, mix: Mix, tokenizer: Any, chat: Chat, path: Path) -> None:
    """Writes the prompts of the whole schedule in order, one JSON line each.

    Prompts over the token cap are left out (the paper's trainer cut them for the loss, but not for
    generation). `data.json` beside the prompts counts the rows of each draw and those that were left out, and
    names the problems that the sources hold with several gold answers.

    Raises:
        Mistake: too few prompts fit for one step.
    """
    conversations = [chat.turns(messages(config, row["problem"])) for row in mix.rows]
    tokenized = tokenizer.apply_chat_template(
        conversations, add_generation_prompt=True, tokenize=True, return_dict=True, **chat.arguments
    )["input_ids"]
    fitting = [i for i, ids in enumerate(tokenized) if len(ids) <= config.length.prompt]
    if len(fitting) < config.algorithm.prompts_per_step:
        middle = sorted(len(ids) for ids in tokenized)[len(tokenized) // 2]
        raise Mistake(
            f"length.prompt={config.length.prompt}: only {len(fitting)} of {len(tokenized)} prompts fit "
            f"(half of them have {middle} tokens or more). Give a larger length.prompt."
        )
    order_of = turns([mix.rows[i] for i in fitting], config.data.curriculum)
    per_step, steps = config.algorithm.prompts_per_step, config.steps.total
    order = prompt_order(len(fitting), per_step, steps, config.seed, order_of)
    dropped = {name: dict(counts) for name, counts in mix.dropped.items()}
    for index in sorted(set(range(len(tokenized))) - set(fitting)):
        counts = dropped[mix.rows[index]["draw"]]
        counts["over length.prompt"] = counts.get("over length.prompt", 0) + 1
    record = {"rows": mix.drawn, "dropped": dropped}
    conflicts = {"conflicts": mix.conflicts} if mix.conflicts else {}
    write_record(path.with_name("data.json"), record | conflicts)
    rows = (mix.rows[fitting[index]] for index in order)
    write_lines(path, ({key: row[key] for key in (*COLUMNS, KIND) if key in row} for row in rows))


def whole(config: Config, path: Path) -> bool:
    """Whether the prompts of the whole schedule are there; a damaged file is named, to be written again."""
    if not path.exists():
        return False
    rows, number = read_lines(path), config.algorithm.prompts_per_step * config.steps.total
    sound = sum(all(isinstance(row.get(name), str) for name in ("problem", "solution")) for row in rows)
    if sound != number:
        say(f"{path}: holds {sound} whole prompts of {number}, and is written again from the recipe")
    return sound == number


def read_prompts(config: Config, chat: Chat, path: Path) -> list[dict[str, Any]]:
    """The rows of TRL's training set, in order: prompt (a conversation), and the columns for rewards."""
    return [
        {"prompt": chat.turns(messages(config, row["problem"]))}
        | {key: row[key] for key in (*COLUMNS, KIND) if key in row}
        for row in with_kinds(read_lines(path))
    ]


def with_kinds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each with the kind of its answer where not all are mathematics: TRL wants equal columns."""
    kinds = any(KIND in row for row in rows)
    return [row | {KIND: row.get(KIND, "math")} for row in rows] if kinds else rows
