"""What every engine must agree on: the templated prompt, and the tokens that end a turn."""

from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from openrs.mistake import Mistake


def load_tokenizer(path: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a base model.

    Args:
        path: folder or Hub id.
        revision: of a Hub id; None for a folder or the newest.
    """
    return AutoTokenizer.from_pretrained(path, revision=revision or "main")


def templated(tokenizer: PreTrainedTokenizerBase, query: str) -> list[int]:
    """Token ids of one user message by the chat template, ready to be answered."""
    told: Any = tokenizer.apply_chat_template(
        [{"role": "user", "content": query}], add_generation_prompt=True, tokenize=True, return_dict=True
    )
    return list(told["input_ids"])


def end_tokens(stated: Any, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids that end a completion: the tokenizer's, and those of the model's generation settings.

    Args:
        stated: `eos_token_id` of the generation settings: None, one id or several.
    """
    several = stated if isinstance(stated, list) else [stated]
    return sorted({end for end in (*several, tokenizer.eos_token_id) if end is not None})


def must_fit(longest: int, max_new_tokens: int, context: int, whose: str) -> None:
    """Refuses prompts that leave no room for the whole completion.

    Raises:
        Mistake: the longest prompt and a completion at the cap exceed the context.
    """
    if longest + max_new_tokens > context:
        raise Mistake(
            f"evaluation.max_new_tokens={max_new_tokens}: the longest prompt has {longest} tokens, so a "
            f"sequence may have {longest + max_new_tokens}, over the context of {whose}, {context}. "
            f"Give evaluation.max_new_tokens={context - longest} or less, or more context."
            if context > longest
            else f"evaluation.benchmarks: the longest prompt has {longest} tokens, over the context of "
            f"{whose}, {context}. Leave its benchmark out, or give more context."
        )
