"""How a sweep stands: running, done, pruned, failed, best, time, money; `openrs watch` shows it live."""

import json
import sys
from dataclasses import asdict

from openrs.errors import Mistake
from openrs.terminal import replace_characters, say, show
from openrs.terminal.parser import Parser

STATUS = "Exit status: 0 done; 1 there is no such sweep; 2 the words of the command are wrong."


def parser() -> Parser:
    """The parser of the words."""
    parser = Parser(prog="openrs status", description=__doc__, epilog=STATUS)
    text = "the sweep file's name, a folder under sweeps/, or a study's name; without it all are listed"
    parser.add_argument("name", nargs="?", default="", help=text)
    parser.add_argument("--storage", metavar="URL", help="the storage URL that the sweep was given")
    parser.add_argument("--json", action="store_true", help="print the trials as JSON")
    parser.add_outputs()
    return parser


def main(words: list[str]) -> int:
    """Parses the words and prints; returns the exit status."""
    replace_characters()
    arguments = parser().read(words)
    from openrs.studies.reader import facts, named
    from openrs.studies.status import lines, overview

    try:
        studies = named(arguments.name, arguments.outputs, arguments.storage)
        if arguments.json:
            print(json.dumps([asdict(facts(study)) for study in studies], indent=1))
        elif not arguments.name:
            show("\n".join(overview(arguments.outputs, arguments.storage)))
        for study in [] if arguments.json or not arguments.name else studies:
            show("\n".join(lines(study)))
    except Mistake as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(words[1:] if words[:1] == ["status"] else words))
