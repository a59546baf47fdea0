"""What `openrs --help` prints: examples, verbs, groups and flags."""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from openrs.command import verbs
from openrs.config import option_folders

EXTRAS = {
    "vllm": ("vllm", r"^(generation|kind): vllm"),
    "deepspeed": ("deepspeed", r"^sharding: .*\bzero\d"),
    "lora": ("peft", r"^(name: (lora|dora)|  - lora)$"),
    "smollm2": ("gguf", r"^file: .*\.gguf$"),
}
"""Extra -> the module that it brings, and the line by which an option's file needs it."""

TEXT = """\
openrs: ablations of reinforcement learning on small reasoning models.

openrs experiment=exp3 data=mixed      train, evaluate, print Table 1
openrs -m sweeps=table1                base and the three experiments in one table
openrs experiment=exp3 dry_run=true    the plan of a run; runs nothing

== Verbs: openrs VERB; openrs VERB --help shows its options ==

{verbs}

== Groups: choose with group=option ==

{groups}
{lacking}
Any value can be changed too: seed=1 reward.cosine.weight=1.0 reward.format=null steps.stop_at=50

-m, --multirun        a sweep: many runs
--cfg job --resolve   print the whole config; runs nothing
--config-dir FOLDER   options of your own; those in conf/ and sweeps/ of this folder need no flag
-sc install=SHELL     print the script of tab completion: eval "$(openrs -sc install=bash)", or zsh;
                      openrs -sc install=fish | source
--hydra-help          the other flags, which are Hydra's

Exit status: 0 everything is done; 1 something was refused or failed, as standard error says; 130 or 143
interrupted (Ctrl-C, SIGTERM), and the same command goes on. A verb's own are in its help."""


def text(words: Sequence[str]) -> str:
    """The help.

    Args:
        words: of the command, where --config-dir may name a folder of options.
    """
    verb_texts = verbs.described()
    width = max(map(len, verb_texts))
    roots = option_folders.searched(config_dir(words))
    lacking = {extra: line for extra, (module, line) in EXTRAS.items() if not find_spec(module)}
    lines, absent = [], set[str]()
    for group in option_folders.groups(roots):
        options = _needed(group, roots, lacking)
        lines.append(f"{group}: {', '.join(name + '*' * bool(extras) for name, extras in options.items())}")
        absent.update(*options.values())
    extras = ",".join(sorted(absent))
    return TEXT.format(
        verbs="\n".join(f"{name:{width}}  {does}" for name, does in verb_texts.items()),
        groups="\n".join(lines),
        lacking=f"* needs what is not installed: pip install 'openrs[{extras}]'\n" if extras else "",
    )


def _needed(group: str, roots: tuple[Path, ...], lacking: dict[str, str]) -> dict[str, list[str]]:
    """Option of a group -> the extras that it needs and that are not installed."""
    needed = {}
    for option in option_folders.options(group, roots):
        files = [option_folders.place(root, f"{group}/{option}.yaml") for root in roots]
        text = next((path.read_text(encoding="utf-8") for path in files if path.is_file()), "")
        needed[option] = [extra for extra, line in lacking.items() if re.search(line, text, re.MULTILINE)]
    return needed


def config_dir(words: Sequence[str]) -> str | None:
    """The folder that --config-dir names."""
    for number, word in enumerate(words):
        flag, _, value = word.partition("=")
        if flag in ("-cd", "--config-dir"):
            return value or "".join(words[number + 1 : number + 2])
    return None
