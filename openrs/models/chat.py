"""A model's chat template: what it is rendered with, whose turn holds the system prompt, which day it prints.

Training and every engine of evaluation render by one `Chat`, so a prompt is the same everywhere and always.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from openrs.config.catalog import Model
from openrs.errors import Mistake, refuse
from openrs.machine.hub_cache import hub_file
from openrs.models.files import packaged
from openrs.terminal import say

Messages = list[dict[str, str]]

DAY = datetime(2024, 7, 26)
"""The day that Llama 3's own templates print where they have no clock."""

CLOCK = "strftime_now"
"""What transformers calls the function by which a template prints today's date."""

DECIDED = ("messages", "add_generation_prompt", "tools", "documents", CLOCK)
"""What a template reads and openrs gives, or gives none of."""

FILES = ("chat_template.jinja", "tokenizer_config.json")
"""Where transformers looks for a template, the first that has one first."""

TOKENS = {f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")}
"""What a tokenizer gives to its template by itself."""

MARK = "openrs-prompt"
"""A text that no template has of its own."""


@dataclass(frozen=True)
class Chat:
    """How conversations with a model are rendered."""

    arguments: dict[str, Any]
    """What its template gets besides the messages."""
    system_turn: bool = True
    """Whether its template has a system role; else the system prompt is at the head of the user's turn."""
    prints_date: bool = False
    """Whether its template prints today's date, in whose place `DAY` stands."""

    def turns(self, messages: Messages) -> Messages:
        """The conversation as the template takes it."""
        if self.system_turn or messages[0]["role"] != "system":
            return messages
        system, user, *rest = messages
        return [user | {"content": f"{system['content']}\n\n{user['content']}"}, *rest]

    def notes(self, model: Model, system: str | None) -> dict[str, str]:
        """What is not as the template alone would have it: name for the record -> line for the user.

        Args:
            system: the system prompt, where there is one.
        """
        notes = {}
        if self.prints_date:
            day = _day("%d %b %Y")
            notes["date"] = (
                f"{model.title}: its chat template prints today's date; every prompt gets {day} instead, so "
                "that none differs from day to day"
            )
        if system is not None and not self.system_turn:
            notes["system"] = (
                f"{model.title}: its chat template has no system role; prompt.system goes to the head of the "
                "user's turn"
            )
        return notes


PLAIN = Chat({})
"""Of a template that needs nothing."""


def chat(model: Model, template: Any) -> Chat:
    """How conversations with a model are rendered.

    Args:
        template: as a tokenizer has it: a text, several by name, or None.

    Raises:
        Mistake: there is no template, it refuses a user's turn, or it does not read an argument of
            `model.template_arguments`.
    """
    text = _default(template)
    if not text:
        refuse(
            "model",
            model.id,
            "has no chat template, and a problem becomes a prompt by one",
            "Choose the instruction-tuned model of the family, or put its chat_template.jinja beside "
            "these weights and give their folder, as model=./FOLDER",
        )
    variables = _variables(model, text)
    stated = model.template_arguments
    for name, value in stated.items():
        field = f"model.template_arguments.{name}"
        if name in DECIDED:
            refuse(field, value, "is given to the chat template by openrs", "Leave it out")
        if name not in variables:
            readable = sorted(variables - TOKENS.union(DECIDED))
            refuse(
                field,
                value,
                f"the chat template of {model.title} does not read it",
                f"It reads {', '.join(readable)}. Leave the others out" if readable else "Leave it out",
            )
    days: list[str] = []

    def clock(form: str) -> str:
        days.append(form)
        return _day(form)

    def render(*roles: str) -> str:
        messages = [{"role": role, "content": f"{MARK}-{role}"} for role in roles]
        values = dict.fromkeys(variables & TOKENS, "") | stated | {CLOCK: clock}
        template = _environment().from_string(_parsed(text))
        return str(template.render(messages=messages, add_generation_prompt=True, **values))

    try:
        render("user")
    except Exception as error:  # a template is a program, which raises what it likes
        reason = " ".join(str(error).split())[:200]
        raise Mistake(
            f"model={model.id}: its chat template refuses a user's turn ({reason}). "
            "Change model.template_arguments, or mend the chat_template.jinja of its folder."
        ) from error
    try:
        system_turn = f"{MARK}-system" in render("system", "user")
    except Exception:  # as the templates of Gemma 2 and Mistral do
        system_turn = False
    return Chat(stated | ({CLOCK: _day} if CLOCK in variables else {}), system_turn, bool(days))


def chat_of(model: Model) -> Chat | None:
    """As `chat`, from the model's files alone; None where they are not here, or are one GGUF file."""
    template = _kept(model)
    return None if template is None else chat(model, template)


@cache  # once a command, not once a trial
def say_once(note: str) -> None:
    """Says a note of `Chat.notes`."""
    say(note)


def _kept(model: Model) -> str | None:
    """The template in a model's files; "" where they have none, None where it cannot be read from them."""
    folder = Path(model.id) if model.package is None else packaged(model)
    if folder.is_dir():
        return _read({name: folder / name for name in FILES if (folder / name).is_file()})
    if model.package is not None or model.commit is None:
        return None
    return _on_hub(model.id, model.commit)


@cache  # the Hub's cache does not keep that a file is not there
def _on_hub(id_: str, commit: str) -> str | None:
    files = {name: path for name in FILES if (path := hub_file(id_, name, commit)) is not None}
    return _read(files) if files else None


def _read(files: dict[str, Path]) -> str:
    jinja, configured = (files.get(name) for name in FILES)
    if jinja is not None:
        return jinja.read_text(encoding="utf-8")
    if configured is None:
        return ""
    try:
        return _default(json.loads(configured.read_text(encoding="utf-8")).get("chat_template"))
    except (ValueError, AttributeError) as error:
        raise Mistake(f"{configured}: is no JSON object ({error}). Put the file back from a copy.") from error


def _default(template: Any) -> str:
    """The text that transformers renders, of a template or several."""
    if isinstance(template, list):
        template = {one["name"]: one["template"] for one in template}
    return str(template.get("default", "") if isinstance(template, dict) else template or "")


def _day(form: str) -> str:
    return DAY.strftime(form)


def _environment() -> Any:
    """Jinja as transformers sets it up, whose own loads torch."""
    from jinja2.exceptions import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = lambda value, **form: json.dumps(value, **{"ensure_ascii": False} | form)
    environment.globals["raise_exception"] = raise_exception
    return environment


def _parsed(text: str) -> str:
    """A template without transformers' own tags, which mark the answer for training and print nothing."""
    return re.sub(r"{%[-+]?\s*(end)?generation\s*[-+]?%}", "", text)


def _variables(model: Model, text: str) -> set[str]:
    """What a template reads, beside what Jinja has by itself."""
    from jinja2 import TemplateError, meta

    environment = _environment()
    try:
        return meta.find_undeclared_variables(environment.parse(_parsed(text))) - environment.globals.keys()
    except TemplateError as error:
        raise Mistake(
            f"model={model.id}: its chat template is no Jinja template ({error}). Put it back from a copy."
        ) from error
