"""Rewards: each term is one callable dataclass, which is its config, its semantics and TRL's function.

A term is on if it is present and off if it is null, and its fields bear on a run's identity. `version`
names the semantics: a change that alters a value must raise the version. TRL and metrics.jsonl call a
term by its `__name__`, which is also the name of its field in `openrs.config.schema.Reward`.

The command line joins options of conf/reward/, adds a term to a recipe, changes one or removes one:

    reward=[accuracy,length,english_only] reward.length.weight=0.5
    experiment=exp3 'reward.repetition_penalty={ngram_size: 20, weight: 0.5}'
    experiment=exp3 reward.format=null

A function of one's own is a term too (`openrs.rewards.custom`):

    'reward.custom.brevity={function: rewards.py:brevity, weight: 0.5, arguments: {cap: 200}}'

Sources: knoveleng/open-rs at 2889c47, src/open_r1/rewards.py ("as run": what the paper trained with),
and huggingface/open-r1, whose library that file is ("as upstream": terms that it never trained with).
Where such code has a defect, the option of that name keeps the defect, and the default is sound.
"""

from openrs.rewards.accuracy import AccuracyReward
from openrs.rewards.cosine import CosineReward
from openrs.rewards.custom import CustomReward
from openrs.rewards.english_only import EnglishOnlyReward
from openrs.rewards.format import FormatReward
from openrs.rewards.length import LengthReward
from openrs.rewards.reasoning_steps import ReasoningStepsReward
from openrs.rewards.repetition_penalty import RepetitionPenaltyReward
from openrs.rewards.tag_count import TagCountReward

__all__ = [
    "AccuracyReward",
    "CosineReward",
    "CustomReward",
    "EnglishOnlyReward",
    "FormatReward",
    "LengthReward",
    "ReasoningStepsReward",
    "RepetitionPenaltyReward",
    "TagCountReward",
]
