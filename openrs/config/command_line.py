"""The words of a command before Hydra reads them: the flags, and the overrides as Hydra composes them."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from openrs.config import names, option_folders, values
from openrs.config.overrides import is_group, prepared
from openrs.errors import Mistake
from openrs.terminal import say

HELP = "openrs --help shows them"


def read(words: Sequence[str]) -> list[str]:
    """The words that Hydra gets. Options in other folders that openrs does not read are named.

    Raises:
        Mistake: a flag that there is not, or an override that cannot hold.
    """
    options = _flags(words)
    if options.shell_completion or options.experimental_rerun:
        return list(words)
    _check_folder(options)
    swept = options.multirun or any(word in ("hydra.mode=MULTIRUN", "+hydra.mode=MULTIRUN") for word in words)
    _, *folders = option_folders.searched(options.config_dir)
    overrides = list(options.overrides)
    worker = any(word.startswith(WORKER) for word in overrides)
    if not worker:
        for folder in folders:
            _say_unread(folder)
    written = prepared(overrides, folders[:1] if options.config_dir else [], swept)
    if not worker:
        _say_idle(overrides, swept)
    flags = list(words)
    for override in overrides:  # from the right, where the value of a flag cannot stand before it
        del flags[len(flags) - 1 - flags[::-1].index(override)]
    return [*flags, *written]


def _check_folder(options: Namespace) -> None:
    """Refuses a folder of options that is not there, and a root of the config that is not openrs's."""
    if options.config_dir and not Path(options.config_dir).is_dir():
        raise Mistake(
            f"--config-dir={options.config_dir}: is no folder. Name the folder that holds your experiment/ "
            "and other groups, as --config-dir study/conf."
        )
    if options.config_path or options.config_name:
        raise Mistake(
            "--config-path, --config-name: openrs has one root of its config. Put your options into a "
            "folder, as study/conf/experiment/mine.yaml, and give --config-dir study/conf experiment=mine."
        )


OF_SWEEPS = ("objective", "budget.", "fail_fast", "hydra.sweeper", "hydra.sweep.", "hydra/sweeper",
             "hydra.launcher", "hydra/launcher")  # fmt: skip
"""What says how several runs are chosen, started and ended."""


WORKER = "hydra.sweeper.joined="
"""What a sweep adds to the command of each of its workers; the command itself has said what it had to say."""


def _say_idle(overrides: Sequence[str], swept: bool) -> None:
    """Names what changes nothing: a value before a later one, and what one run has no use for. The values
    are left out, as they may hold passwords."""
    texts: dict[str, list[str]] = {}
    for line in overrides:
        name, _, value = line.lstrip("+").partition("=")
        texts.setdefault(name, []).append(value)
    for name, stated in texts.items():
        if len({*stated}) > 1 and not any(value.startswith("{") for value in stated):  # a group joins others
            say(f"{name}: stands {len(stated)} times, and the last value counts. Leave the others out.")
    idle = [name for name in texts if name.startswith(OF_SWEEPS)]
    if idle and not swept:
        say(f"{', '.join(idle)}: no effect, because this is one run. Give -m for a sweep, or leave it out.")


def _say_unread(folder: Path) -> None:
    """Names the files whose option openrs has by itself."""
    files = [str(path) for path in option_folders.unread(folder)]
    if files:
        shown = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
        say(f"{shown}: not read, because openrs has an option of this name. Rename the file to choose it.")


def _flags(words: Sequence[str]) -> Namespace:
    """Hydra's flags, each by its whole name."""
    parser: ArgumentParser = get_args_parser()

    def fail(message: str) -> NoReturn:
        if unknown := re.search(r"unrecognized arguments: (-\S+)", message):
            raise Mistake(f"{unknown[1]}: is no flag. {HELP}.")
        raise Mistake(f"{' '.join(words)}: {message}. The flags of a command come from Hydra. {HELP}.")

    parser.error = fail  # type: ignore[method-assign]
    flags = parser._option_string_actions
    for word, after in zip(words, [*words[1:], ""], strict=True):
        flag, _, value = word.partition("=")
        if flag.startswith("--") and flag != "--" and flag not in flags:
            raise Mistake(f"{flag}: is no flag. {_meant(flag, value or after, [*flags])}.")
    return parser.parse_intermixed_args(list(words))


def _meant(flag: str, value: str, flags: list[str]) -> str:
    """What a wrong flag may have meant."""
    name = flag.lstrip("-").replace("-", "_")
    close = [name] if is_group(name) or names.place(name) else names.nearest(name, 1)
    if close:
        stands = names.place(close[0])
        if stands and stands.annotation is bool and value.lower() not in values.SWITCHES:
            value = "true"  # a flag has no value, and the next word is another
        return f"Options have no dashes: {close[0]}={value or 'VALUE'}"
    similar = get_close_matches(flag, flags, 1)
    return f"Did you mean {similar[0]}? {HELP}" if similar else HELP
