"""The verbs of the command: what each does, and where it begins."""

import shlex
from argparse import ArgumentParser
from difflib import get_close_matches
from importlib import import_module

from openrs.errors import Mistake

OTHERS = {
    "status": ("how a sweep stands: running, done, pruned, failed, best, cost", "openrs.sweep.__main__"),
    "curate": ("raw problems through filters -> a source for any mix", "openrs.curate.__main__"),
    "new": ("write a small study of your own into a folder", "openrs.command.new"),
    "doctor": ("what this machine can run; which versions wrote a folder", "openrs.doctor.__main__"),
}
"""Verb beside those of `analysis` -> what it does, and the module with its `parser` and its `main`."""


def described() -> dict[str, str]:
    """Verb -> what it does."""
    from openrs.analysis import commands

    return commands.described() | {name: does for name, (does, _) in OTHERS.items()}


def parser(verb: str) -> ArgumentParser | None:
    """The parser of a verb's words, or None where there is no such verb."""
    if verb in OTHERS:
        verb_parser: ArgumentParser = import_module(OTHERS[verb][1]).parser()
        return verb_parser
    from openrs.analysis import commands

    return commands.parser()[1].choices.get(verb)


def is_verb(word: str) -> bool:
    """Whether the first word of a command is a verb, and no flag and no override."""
    return "=" not in word and not word.startswith(("-", "~"))


def run(verb: str, words: list[str]) -> int:
    """Runs a verb; returns its exit status.

    Raises:
        Mistake: there is no such verb.
    """
    if verb in OTHERS:
        status: int = import_module(OTHERS[verb][1]).main(words)
        return status
    from openrs.analysis import commands

    if verb in commands.described():
        return commands.main([verb, *words])
    raise Mistake(f"{verb}: is no verb. {_meant(verb, words)}.")


def _meant(word: str, words: list[str]) -> str:
    """What a wrong verb may have meant, with the command to type where options follow it.

    Args:
        words: that follow it.
    """
    from openrs.config.overrides import is_group, meant  # Hydra, which no verb needs

    meaning = meant(word)
    if words and is_group(word) and not words[0].startswith("-") and "=" not in words[0]:
        return f"Say openrs {shlex.join([f'{word}={words[0]}', *words[1:]])}"
    close = get_close_matches(word, described(), 1)
    if not any("=" in other for other in words) or (close and not meaning):
        return meaning or (f"Did you mean {close[0]}? " if close else "") + "openrs --help lists the verbs"
    if meaning.startswith("Say "):
        return f"{meaning.replace('Say', 'Say openrs', 1)} {shlex.join(words)}"
    return f"{f'{meaning}. ' if meaning else ''}Say openrs {shlex.join(words)}"
