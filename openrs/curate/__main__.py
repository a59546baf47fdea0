"""Takes raw problems through filters; what is left is a source for any mix, with a control arm beside it."""

import json
import sys
from argparse import SUPPRESS
from pathlib import Path

from openrs.errors import Mistake
from openrs.terminal import replace_characters, say, show
from openrs.terminal.parser import Parser

STATUS = (
    "Exit status: 0 done; 1 something is refused or fails, as standard error says; 2 the words of the "
    "command are wrong; 130 interrupted, and the same command goes on."
)


def parser() -> Parser:
    """The parser of the words."""
    parser = Parser(prog="openrs curate", description=__doc__, epilog=STATUS)
    parser.add_argument(
        "options",
        nargs="*",
        metavar="GROUP=OPTION",
        help="curation=NAME, and any option, as model=NAME dry_run=true",
    )
    parser.add_argument("--json", action="store_true", help="print the record as JSON")
    parser.add_argument("--answers-alone", action="store_true", help=SUPPRESS)
    return parser


def main(words: list[str]) -> int:
    """Parses the words, curates and prints; returns the exit status."""
    replace_characters()
    arguments = parser().read(words)
    try:
        if arguments.answers_alone:
            _store_answers(arguments.options)
        else:
            _curate(arguments.options, arguments.json)
    except Mistake as error:
        say(f"error: {error}")
        return 1
    return 0


def _store_answers(words: list[str]) -> None:
    """Asks the models what their filters lack, and writes nothing else."""
    from openrs.config.compose import compose_config
    from openrs.curate import pools
    from openrs.curate.answers import EVALUATES
    from openrs.curate.panel import CurationPanel

    config = compose_config(*words, *EVALUATES)
    assert config.curation is not None
    raw = pools.raw(config.curation, config.catalog)
    folder = Path(config.outputs) / "curated" / config.curation.name
    pools.filtered(config.curation, raw, CurationPanel(config.curation, raw, words, folder).verdicts)


def _store_answers_apart(words: list[str], folder: Path) -> None:
    """Has a process do it that does not outlive this one, with all that it starts, such as vLLM's engine.

    Raises:
        Mistake: it ended with an error.
    """
    from openrs.processes.subprocess import WatchedProcess, in_words

    command = [sys.executable, "-m", "openrs.curate", *words, "--answers-alone"]
    process = WatchedProcess(
        command, folder / "answers.log", show=lambda line: None if line.startswith("error: ") else say(line)
    )
    try:
        status = process.wait()
    finally:
        process.stop()
    if status:
        reason = process.last[-1].removeprefix("error: ") if process.last else in_words(status)
        raise Mistake(f"{reason} (the log is {process.log})" if status == 1 else process.log_tail)


def _curate(words: list[str], as_json: bool) -> None:
    from openrs.config.compose import OF_TRAINING, compose_config
    from openrs.curate import pools, record, text
    from openrs.curate.answers import EVALUATES
    from openrs.curate.panel import CurationPanel
    from openrs.records.run import Run, locked

    for word in words:
        head = word.lstrip("+~").partition("=")[0].partition(".")[0]
        if head in (*OF_TRAINING, "experiment", "sweeps", "untrained", "stages"):
            raise Mistake(f"{word}: has no effect, because openrs curate trains nothing. Leave it out.")
    config = compose_config(*words, *EVALUATES)
    curation = config.curation
    if curation is None:
        raise Mistake("curation=null: none is chosen. Give curation=NAME; openrs --help lists them.")
    folder = Path(config.outputs) / "curated" / curation.name
    raw = pools.raw(curation, config.catalog)
    panel = CurationPanel(curation, raw, words, folder)
    id_ = record.identity(curation, raw, {title: part.identity for title, part in panel.answers.items()})
    done = record.read(folder, id_)
    head = f"curation {curation.name}: {folder} ({id_[:8]})"
    if config.dry_run:
        planned = pools.filtered(curation, raw, panel.stored)
        show("\n".join([head, *text.stages(planned), *panel.to_ask, "nothing was run (dry_run=true)"]))
        return
    with locked(Run(folder, id_, {})):
        if panel.starts_processes and done is None:
            _store_answers_apart(words, folder)
        outcomes = pools.filtered(curation, raw, panel.verdicts)
        if done is None:
            done = record.write(folder, id_, curation, outcomes)
        else:
            say(f"{folder}: curated before, nothing to do")
    noise = text.figures(curation, outcomes)
    if as_json:
        print(json.dumps(done | {"noise": noise}, indent=1))
        return
    show("\n".join([head, *text.stages(outcomes), *text.result(folder, done), *text.noise_lines(noise)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
