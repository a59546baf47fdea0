"""Tab completion: what may follow in a command line, and the scripts that let bash, zsh and fish ask for it.

`openrs -sc install=SHELL` prints the script, `-sc uninstall=SHELL` what undoes it, and the script calls
`-sc query=SHELL` with the line so far in COMP_LINE. What it offers comes from the folders of options, the
schema and the verbs' parsers, so no config is composed.
"""

import os
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Literal, get_args, get_origin

from openrs.command import usage, verbs
from openrs.config import option_folders
from openrs.errors import Mistake
from openrs.paths import CONF

INSTALL = {
    "bash": """\
_openrs() {
    local line="${COMP_LINE:0:COMP_POINT}" IFS=$'\\n' word head=
    word="${line##* }"
    # bash has cut the word at = and :, and replaces only what follows them
    [[ $COMP_WORDBREAKS == *=* ]] && head="${word%"${word##*[=:]}"}"
    COMPREPLY=($(COMP_LINE="$line" openrs -sc query=bash 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$head"}")
}
complete -o nospace -o default -F _openrs openrs""",
    "zsh": """\
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_openrs() {
    local -a found whole
    found=(${(f)"$(COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" openrs -sc query=zsh 2>/dev/null)"})
    (( $#found )) || { compset -P '*='; _files; return }
    whole=(${${(M)found:#*\\ }% })
    found=(${found:#*\\ })
    compadd -S ' ' -a whole
    compadd -S '' -a found
}
compdef _openrs openrs""",
    "fish": """\
function __openrs
    set -lx COMP_LINE (commandline -cp)
    openrs -sc query=fish 2>/dev/null
end
complete -c openrs -a '(__openrs)'""",
}
UNINSTALL = {
    "bash": "complete -r openrs; unset -f _openrs",
    "zsh": "compdef -d openrs; unfunction _openrs",
    "fish": "complete -e -c openrs; functions -e __openrs",
}
FLAGS = ("--help", "--version", "--multirun", "--cfg", "--resolve", "--config-dir", "--hydra-help", "--info")
VALUES = {"--cfg": ("job", "hydra", "all"), "-c": ("job", "hydra", "all")}
"""Flag of a run -> the words that may follow it."""


def main(words: Sequence[str]) -> int:
    """Prints a script, or what may follow; returns the exit status.

    Raises:
        Mistake: the words name no shell, or nothing to do with it.
    """
    action, _, shell = "".join(words).partition("=")
    if len(words) != 1 or action not in ("install", "uninstall", "query") or shell not in INSTALL:
        raise Mistake(
            f"-sc {' '.join(words)}: is no completion. "
            f"Say openrs -sc install=SHELL, where SHELL is {', '.join(INSTALL)}."
        )
    if action == "query":
        words_after = candidates(os.environ.get("COMP_LINE", ""))
        print("".join(f"{item.rstrip() if shell == 'fish' else item}\n" for item in words_after), end="")
    else:
        print((INSTALL if action == "install" else UNINSTALL)[shell])
    return 0


def candidates(line: str) -> list[str]:
    """The words that the last word of a line may become; one that is complete ends with a space."""
    *before, word = f"{line}|".split()[1:] or ["|"]  # after a space the mark is a word of its own
    word = word.removesuffix("|")
    if not before and not word.startswith("-"):
        items = [f"{verb} " for verb in verbs.described()] if "=" not in word else []
        items += _of_overrides(word, before)
    elif before and verbs.is_verb(before[0]):
        items = list(_of_verb(before, word))
    elif before[-1:] and before[-1] in VALUES:
        items = [f"{value} " for value in VALUES[before[-1]]]
    else:
        items = [f"{flag} " for flag in FLAGS] if word.startswith("-") else _of_overrides(word, before)
    return sorted({item for item in items if item.startswith(word)})


def _of_verb(before: Sequence[str], word: str) -> Iterator[str]:
    """The flags of a verb, the choices of the flag before the word, and overrides where it takes them."""
    parser = verbs.parser(before[0])
    if parser is None:
        return
    choices = _choices(parser, before[-1])
    if choices or word.startswith("-"):
        flags = [flag for action in parser._actions for flag in action.option_strings]
        yield from (f"{item} " for item in choices or flags)
    elif any(action.dest == "overrides" for action in parser._actions):
        yield from _of_overrides(word, before)


def _choices(parser: ArgumentParser, flag: str) -> Sequence[str]:
    """What a flag of a verb takes."""
    actions = [action for action in parser._actions if flag in action.option_strings]
    return [str(item) for action in actions for item in action.choices or ()]


def _of_overrides(word: str, before: Sequence[str]) -> list[str]:
    """Groups, fields and their values."""
    key, equals, text = word.partition("=")
    bare = key.lstrip("+~")
    roots = option_folders.searched(usage.config_dir(before))
    if equals:
        head = word[: len(word) - len(text) + max(text.rfind(","), text.rfind("[")) + 1]
        values = option_folders.options(bare, roots) if _is_group(bare, roots) else _values(bare)
        end = " " if head.endswith("=") else ""
        return [f"{head}{value}{end}" for value in values]
    from openrs.config import names  # the schema, which no group needs

    sign, above = key[: len(key) - len(bare)], bare.rpartition(".")[0]
    items = [] if above else [f"{group}=" for group in [*option_folders.groups(roots), *_hydra_groups()]]
    inside = f"{above}." if above else ""
    for name in names.keys_of(above):
        items += [f"{inside}{name}{end}" for end in _ends(f"{inside}{name}")]
    return [f"{sign}{item}" for item in items]


def _is_group(name: str, roots: Sequence[Path]) -> bool:
    return any(option_folders.place(root, name).is_dir() for root in roots)


def _hydra_groups() -> Iterator[str]:
    """The groups of Hydra that openrs has options for."""
    for path in sorted((CONF / "hydra").rglob("*")):
        if path.is_dir() and any(path.glob("*.yaml")):
            yield path.relative_to(CONF).as_posix()


def _ends(name: str) -> Iterator[str]:
    """What follows a name of the schema: a dot where it is a group of fields, else its value."""
    from openrs.config import names

    stands = names.place(name)
    kinds = names.alternatives(stands.annotation) if stands else ()
    if any(is_dataclass(kind) or get_origin(kind) is dict for kind in kinds):
        yield "."
    else:
        yield "="


def _values(name: str) -> list[str]:
    """The values of a field that has few."""
    from openrs.config import names

    stands = names.place(name)
    values: list[str] = []
    for kind in names.alternatives(stands.annotation) if stands else ():
        inner = get_args(kind)[0] if get_origin(kind) is list else kind
        if inner is bool:
            values += ["true", "false"]
        elif inner is type(None):
            values.append("null")
        elif get_origin(inner) is Literal:
            values += map(str, get_args(inner))
    return values
