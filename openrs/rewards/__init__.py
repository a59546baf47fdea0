"""Rewards: each term is one callable dataclass, which is its config, its semantics and TRL's function.

A term is switched on by being present and off by being null, and its fields bear on a run's identity.
`version` names the semantics: a change that alters a value must raise it. TRL and metrics.jsonl call
a term by its `__name__`, which is also its field of `openrs.config.schema.Reward`.

On the command line the options of conf/reward/ are joined, a term is added to a whole recipe, changed
or taken away:

    reward=[accuracy,length,english_only] reward.length.weight=0.5
    experiment=exp3 'reward.repetition_penalty={ngram_size: 20, weight: 0.5}'
    experiment=exp3 reward.format=null

Sources: knoveleng/open-rs at 2889c47, src/open_r1/rewards.py ("as run": what the paper trained with),
and huggingface/open-r1, whose library that file is ("as upstream": terms that it never trained with).
Where such code has a defect it stays available under that name, and the default is sound.
"""

from openrs.rewards.accuracy import Accuracy
from openrs.rewards.cosine import Cosine
from openrs.rewards.english_only import EnglishOnly
from openrs.rewards.format import Format
from openrs.rewards.length import Length
from openrs.rewards.reasoning_steps import ReasoningSteps
from openrs.rewards.repetition_penalty import RepetitionPenalty
from openrs.rewards.tag_count import TagCount

__all__ = [
    "Accuracy",
    "Cosine",
    "EnglishOnly",
    "Format",
    "Length",
    "ReasoningSteps",
    "RepetitionPenalty",
    "TagCount",
]
