"""Training rows that a benchmark holds too: with the same text, or with a run of words in common."""

import re
from collections.abc import Iterator

from openrs.records.problem_ids import normalise, problem_id

WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """Words and numbers of a problem: case, white space, punctuation and LaTeX signs folded away."""
    return WORD.findall(normalise(text))


def runs(words: list[str], length: int) -> Iterator[tuple[str, ...]]:
    """Every run of `length` words; a shorter text is one run by itself."""
    if len(words) < length:
        return iter([tuple(words)])
    return zip(*(words[start:] for start in range(length)), strict=False)


class HeldOut:
    """The problems of the benchmarks, ready to be looked up.

    Word n-grams on normalised text are the field's usual test: GPT-3 took 13 words (arXiv 2005.14165,
    appendix C), Qwen2.5-Math 13, s1 and open-r1 8.

    Args:
        problems: benchmark name -> problem texts. Where several match, the first is named.
        ngram: words in a row that a row may not share with a problem; None asks for equal texts only.
            A problem of fewer words is matched by the row that has the same words.
    """

    def __init__(self, problems: dict[str, list[str]], ngram: int | None = None) -> None:
        self.ngram = ngram
        self.texts: dict[str, str] = {}
        self.runs: dict[tuple[str, ...], str] = {}
        for benchmark, texts in problems.items():
            for text in texts:
                self.texts.setdefault(problem_id(text), benchmark)
                for run in runs(words(text), ngram) if ngram else ():
                    self.runs.setdefault(run, benchmark)

    def benchmark(self, key: str, problem: str) -> str | None:
        """The benchmark that holds this problem (or a run of its words), or None.

        Args:
            key: the problem's id.
        """
        if key in self.texts or not self.ngram:
            return self.texts.get(key)
        of_problem = words(problem)
        if self.runs.keys().isdisjoint(runs(of_problem, self.ngram)):
            return None
        return next(self.runs[run] for run in runs(of_problem, self.ngram) if run in self.runs)
