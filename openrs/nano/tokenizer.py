"""A small byte-level BPE tokenizer that behaves like DeepSeek-R1-Distill-Qwen's.

Same pre-tokenizer (Qwen2's: AutoTokenizer rebuilds it from the model type, so any other would be
lost in loading), same special tokens and template. `</think>` is an ordinary added token: a special
one would vanish in decoding and take the format reward with it. What always stands in
prompts and problems is one token a sentence: a model this small should not spend its tokens on it.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import Qwen2Tokenizer
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from openrs.nano.problems import pool
from openrs.paths import CONF

BOS, EOS, PAD = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜pad｜>"
USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"

COMMON = 100
"""Problems of the pool that a stretch without digits must be in to become one token."""

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] }}"
    "{% elif message['role'] == 'user' %}{{ '" + USER + "' + message['content'] }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ '" + ASSISTANT + "' + message['content'].split('</think>')[-1] + eos_token }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '" + ASSISTANT + "<think>\\n' }}{% endif %}"
)
"""R1-Distill's template: the generation prompt opens `<think>`, so completions do not hold it."""


def standing_phrases() -> list[str]:
    """The sentences of the configured prompts and the wording of nano's problems, a token each."""
    texts = [yaml.safe_load(path.read_text())["system"] for path in sorted(CONF.glob("prompt/*.yaml"))]
    texts.append(yaml.safe_load((CONF / "evaluation/paper.yaml").read_text())["instruction"])
    sentences = {part for text in texts if text for part in re.split(r"(?<=[.)]) +(?=[A-Z])", text)}
    wording = Counter(
        phrase for row in pool() for phrase in set(re.findall(r"[^\d\s][^\d]{10,}[^\d\s]", row["problem"]))
    )
    return sorted(sentences | {phrase for phrase, rows in wording.items() if rows >= COMMON})


def build(corpus: Iterable[str], vocabulary: int = 640) -> Qwen2Tokenizer:
    """Trains the tokenizer on problem and solution texts.

    Args:
        vocabulary: number of BPE tokens, the 256 bytes included; added tokens come on top.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_regex(), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    state = yaml.safe_load(tokenizer.to_str())["model"]
    wrapped = Qwen2Tokenizer(
        vocab=state["vocab"],
        merges=[tuple(pair) for pair in state["merges"]],
        unk_token=None,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=512,
    )
    wrapped.add_tokens([AddedToken(token, special=True) for token in (BOS, EOS, PAD, USER, ASSISTANT)])
    plain = ["<think>", "</think>", *standing_phrases()]
    wrapped.add_tokens([AddedToken(token, normalized=False) for token in plain])
    wrapped.chat_template = CHAT_TEMPLATE
    wrapped.padding_side = "left"
    return wrapped


def _regex() -> Any:
    from tokenizers import Regex

    return Regex(PRETOKENIZE_REGEX)


def save(tokenizer: Qwen2Tokenizer, folder: Path) -> None:
    """Writes the tokenizer beside the weights."""
    tokenizer.save_pretrained(folder)
