"""The child process that verifies answers: JSON lines in, JSON lines out.

It is a process of its own because a hostile answer (`9^{9^{9^9}}`) can hold the interpreter in one
C call that no signal ends; `openrs.verify` kills and replaces it.
"""

import gc
import json
import resource
import signal
import sys
import time
from functools import cache, lru_cache
from itertools import chain
from typing import Any

from openrs.machine.processes import die_with_parent

CPU_SECONDS = 1.5
"""CPU time for one answer; signals end what Python code overruns."""
MEMORY_BYTES = 3 * 2**30
LONGEST = 200_000
"""Characters of a completion that are read; a gold answer sits at the end, so the end is kept."""


@cache
def _extraction(rule: str, gold_kind: str) -> tuple[list[Any], list[Any], str]:
    """math-verify's extraction settings of (gold answers, completions) under a rule, and its mode."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify import ExprExtractionConfig, LatexExtractionConfig

    if rule == "evaluation":
        gold = ExprExtractionConfig() if gold_kind == "expr" else LatexExtractionConfig()
        return [gold], [ExprExtractionConfig(), LatexExtractionConfig(boxed_match_priority=0)], "any_match"
    normal = NormalizationConfig(
        basic_latex=True, units=True, malformed_operators=False, nits=False, boxed="all", equations=True
    )
    answer = LatexExtractionConfig(
        normalization_config=normal, boxed_match_priority=0, try_extract_without_anchor=False
    )
    return [LatexExtractionConfig()], [answer], "first_match"


@lru_cache(maxsize=4096)
def _gold(rule: str, gold_kind: str, gold: str) -> list[Any]:
    from math_verify import parse

    targets, _, mode = _extraction(rule, gold_kind)
    parsed = parse(gold, targets, extraction_mode=mode, parsing_timeout=0)
    return parsed or ([gold] if rule == "evaluation" else [])


def judge(rule: str, gold_kind: str, gold: str, text: str) -> dict[str, bool]:
    """Says whether a completion holds the gold answer, under a rule.

    training: the paper's reward (one LaTeX answer, boxed first, an anchor needed; the library's
    arguments are swapped, as they were). gold_first: the same with the arguments in order.
    evaluation: lighteval's extractive match (expressions or LaTeX, any match, precision 5).
    formula: whether the training rules read a formula from the gold answer alone.
    """
    if rule == "formula":
        read = _gold("training", gold_kind, gold)
        formula = any(not isinstance(item, str) for item in read)
        return {"correct": formula, "gold_parsed": bool(read), "timed_out": False}
    from math_verify import parse, verify

    extraction = "evaluation" if rule == "evaluation" else "training"
    golds = _gold(extraction, gold_kind, gold)
    if not golds:
        return {"correct": False, "gold_parsed": False, "timed_out": False}
    _, targets, mode = _extraction(extraction, gold_kind)
    answers = parse(text[-LONGEST:], targets, extraction_mode=mode, parsing_timeout=0)
    first, second = (answers, golds) if rule == "training" else (golds, answers)
    correct = verify(first, second, precision=5 if rule == "evaluation" else 6, timeout_seconds=0)
    return {"correct": correct, "gold_parsed": True, "timed_out": False}


def main() -> None:
    """Judges the answers of each line of standard input; an overrun or a crash in sympy is a verdict too."""
    from openrs.verify.caches import install

    sys.settrace(None)  # a tracer's time would count, and an overrun within its lock would hold it for ever
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.set_int_max_str_digits(200_000)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGVTALRM, signal.default_int_handler)  # KeyboardInterrupt, which nothing swallows
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print; the pipe is ours
    die_with_parent(signal.SIGKILL)
    install()
    for rule in ("training", "evaluation"):  # imports and compiled patterns, before any clock starts
        judge(rule, "latex", "$\\frac{1}{2}$", "\\boxed{\\frac{1}{2}}")
    gc.set_threshold(100_000, 50, 50)  # sympy's and ANTLR's tables are no garbage: fewer searches save 5 %
    print(json.dumps({"cpu_seconds": time.process_time()}), file=answers, flush=True)  # it is ready
    for request in chain.from_iterable(map(json.loads, sys.stdin)):
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
            verdict = judge(**request)
        except (KeyboardInterrupt, MemoryError, RecursionError):
            verdict = {"correct": False, "gold_parsed": True, "timed_out": True}
        except Exception:
            verdict = {"correct": False, "gold_parsed": True, "timed_out": False}
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        print(json.dumps(verdict | {"cpu_seconds": time.process_time()}), file=answers, flush=True)


if __name__ == "__main__":
    # CPython maps memory anew for every 16 kB of frames: a fifth of the time, in ANTLR's recursion. One large
    # frame comes first now, and its block has room for all others.
    main.__code__ = main.__code__.replace(co_stacksize=2**18)
    main()
