"""How long evaluation prompts are, counted without transformers.

The plan counts with the tokenizer's own file, where that is on this machine, and without the chat template.
Its count is never too high, so a refused prompt could not have been generated from.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openrs import engines
from openrs.config.catalog import Model
from openrs.config.schema import Config
from openrs.models import files as model_files


def leave_room(config: Config, problems: Mapping[str, list[dict[str, Any]]]) -> None:
    """Refuses a prompt that alone fills the model's context.

    Args:
        problems: benchmark name -> rows.

    Raises:
        Mistake: a prompt has as many tokens as the context, or more.
    """
    context = config.model.context
    prompts = {
        row["problem"]
        if "messages" in row
        else f"{row.get('instruction') or config.evaluation.instruction}\n\n{row['problem']}"
        for rows in problems.values()
        for row in rows
    }
    # no tokenizer makes more tokens than bytes, so most contexts need no counting
    long = [prompt for prompt in prompts if len(prompt.encode()) >= context]
    if long and (file := _tokenizer(config.model)) is not None:
        from tokenizers import Tokenizer

        counted = Tokenizer.from_file(str(file)).encode_batch(long, add_special_tokens=False)
        engines.leave_room(max(map(len, counted)), context, config.model.title)


def _tokenizer(model: Model) -> Path | None:
    """tokenizer.json in the model's package or folder, or in the Hub's cache; None where none has one."""
    folder = Path(model.id) if model.package is None else model_files.packaged(model)
    if model.package is not None or folder.is_dir():
        file = folder / "tokenizer.json"
        return file if file.is_file() else None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model.id, "tokenizer.json", revision=model.loaded_revision)
    return Path(cached) if isinstance(cached, str) else None
