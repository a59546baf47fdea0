"""The templated prompt, and the tokens that end a turn: alike in every engine."""

from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from openrs.models.chat import PLAIN, Chat, Messages


def load_tokenizer(path: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a base model.

    Args:
        path: folder or Hub id.
        revision: of a Hub id; None for a folder or the newest.
    """
    return AutoTokenizer.from_pretrained(path, revision=revision or "main")


def templated(tokenizer: PreTrainedTokenizerBase, query: str | Messages, chat: Chat = PLAIN) -> list[int]:
    """Token ids of one user message, or of a conversation, by the chat template, ready to be answered."""
    conversation = [{"role": "user", "content": query}] if isinstance(query, str) else query
    encoded: Any = tokenizer.apply_chat_template(
        chat.turns(conversation),
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        **chat.arguments,
    )
    return list(encoded["input_ids"])


def end_tokens(stated: Any, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids that end a completion: the tokenizer's, and those of the model's generation settings.

    Args:
        stated: `eos_token_id` of the generation settings: None, one id or several.
    """
    several = stated if isinstance(stated, list) else [stated]
    return sorted({end for end in (*several, tokenizer.eos_token_id) if end is not None})
