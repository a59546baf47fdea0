"""The recorded defaults of TRL's, transformers', lighteval's and vLLM's settings, at the tested versions.

A recipe also consists of the settings that it leaves unsaid. `openrs doctor recipe` compares the
record with the installed packages and writes it anew (--record). No heavy package is imported.
"""

import json
from pathlib import Path
from typing import Any

RECORD = Path(__file__).with_name("defaults.json")
TRAINER = "trl.GRPOConfig"


def recorded() -> dict[str, Any]:
    """The record: package -> version, class -> parameter -> default, class -> arguments that openrs passes.

    The arguments of GRPOConfig and of the vLLM server follow from a config and are not recorded.

    Returns:
        The three under `versions`, `defaults` and `passed`.
    """
    return json.loads(RECORD.read_text(encoding="utf-8"))


def of_trainer() -> dict[str, Any]:
    """GRPOConfig's parameters -> their recorded defaults, those that transformers gives it included."""
    return recorded()["defaults"][TRAINER]
