"""Answers that are judged by their text, without mathematics: exact texts and letters of choices."""

import re
from typing import Literal

from openrs.verify.boxes import last_box
from openrs.verify.pool import Verdict

_TAGS = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_ANCHOR = re.compile(r"(?:####|\banswer(?: is)?\s*:|\banswer is\b)[ \t]*(\S[^\n]*)", re.IGNORECASE)
_COMMAND = re.compile(r"\\(?:text|mbox|mathrm|textbf|mathbf)\s*\{([^{}]*)\}")
_LETTER = re.compile(r"\(?([A-Za-z])(?:[).:].*)?", re.DOTALL)


def final(text: str) -> str:
    """The final answer of a completion: its last box, else what the last `<answer>` tags hold, else what
    follows the last `####`, `Answer:` or `answer is` on its line, else its last line."""
    tagged, anchored = _TAGS.findall(text), _ANCHOR.findall(text)
    answer = last_box(text)
    if answer is None and tagged:
        return final(tagged[-1])
    if answer is None and anchored:
        answer = anchored[-1]
    return _plain(answer if answer is not None else (text.strip().splitlines() or [""])[-1])


def judge(kind: Literal["exact", "choice", "none"], gold: str, text: str) -> Verdict:
    """Says whether a completion's final answer is the gold text, or the gold letter; of kind none there is no
    gold answer to read."""
    if kind == "none":
        return Verdict(correct=False, gold_parsed=False, timed_out=False)
    answer = final(text)
    if kind == "choice":
        letter = _LETTER.fullmatch(answer)
        return Verdict(bool(letter and letter[1].upper() == gold), gold_parsed=True, timed_out=False)
    return Verdict(answer in (_plain(gold), final(gold)), gold_parsed=True, timed_out=False)


def _plain(answer: str) -> str:
    """An answer without the signs that set it in type: dollars, `\\text{}`, emphasis, a full stop at its end,
    and white space."""
    bare = _COMMAND.sub(r"\1", answer).strip().strip("$*` \t\n")
    return " ".join(bare.removesuffix(".").split())
