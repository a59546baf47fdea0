"""What `openrs --help` prints: examples, verbs, groups and flags."""

from collections.abc import Sequence

from openrs.command import verbs
from openrs.config import option_folders

TEXT = """\
openrs: ablations of reinforcement learning on small reasoning models.

openrs experiment=exp3 data=mixed      train, evaluate, print Table 1
openrs -m sweeps=table1                base and the three experiments in one table
openrs experiment=exp3 dry_run=true    the plan of a run; runs nothing

== Verbs: openrs VERB; openrs VERB --help shows its options ==

{verbs}

== Groups: choose with group=option ==

{groups}

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
    groups = option_folders.groups(roots)
    return TEXT.format(
        verbs="\n".join(f"{name:{width}}  {does}" for name, does in verb_texts.items()),
        groups="\n".join(f"{group}: {', '.join(option_folders.options(group, roots))}" for group in groups),
    )


def config_dir(words: Sequence[str]) -> str | None:
    """The folder that --config-dir names."""
    for number, word in enumerate(words):
        flag, _, value = word.partition("=")
        if flag in ("-cd", "--config-dir"):
            return value or "".join(words[number + 1 : number + 2])
    return None
