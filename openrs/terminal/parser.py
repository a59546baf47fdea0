"""The parser of the words after a verb: it says in one line what is wrong, and finds the folder to read."""

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from openrs.terminal import say


class Parser(ArgumentParser):
    """The parser of a verb's words."""

    def error(self, message: str) -> NoReturn:
        """Says in one line what is wrong and what may be meant, and ends with status 2."""
        word = ""
        options: Iterable[str] = ()
        if unknown := re.match(r"unrecognized arguments: (-[^\s=]+)", message):
            word, options = unknown[1], self._option_string_actions
        elif choice := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
            word, options = choice[1], re.findall(r"[^\s',]+", choice[2])
        close = get_close_matches(word, list(options), 1) if word else []
        meant = f"Did you mean {close[0]}? " if close else ""
        say(f"error: {self.prog}: {message}. {meant}{self.prog} --help shows its words.")
        sys.exit(2)

    def add_outputs(self) -> None:
        """Lets the outputs folder be the last word, or the value of --outputs."""
        text = "the folder to read, also as --outputs FOLDER; default: outputs"
        self.add_argument("outputs_word", metavar="OUTPUTS", type=Path, nargs="?", help=text)
        self.add_argument("--outputs", type=Path, metavar="FOLDER", help="the same as OUTPUTS")

    def read(self, words: Sequence[str], namespace: Namespace | None = None) -> Namespace:
        """The words, in any order of options; `outputs` holds the folder, however it is given.

        That includes outputs=FOLDER, as a training has it.
        """
        if "--outputs" in self._option_string_actions:
            words = [f"--{word}" if word.startswith("outputs=") else word for word in words]
        arguments = self.parse_intermixed_args(list(words), namespace)
        if "outputs_word" in arguments:
            folders = [path for path in (arguments.outputs_word, arguments.outputs) if path is not None]
            if len(set(folders)) > 1:
                self.error(f"OUTPUTS and --outputs are two folders, {folders[0]} and {folders[1]}")
            arguments.outputs = folders[0] if folders else Path("outputs")
            del arguments.outputs_word
        return arguments
