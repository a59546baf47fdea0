"""Verification against math-verify called pair by pair: throughput and verdicts; and hostile answers.

`plain` calls the library in a process of its own, one pair after another, with the settings of each rule
and without its timeouts (one timer for the whole pair stands for them: nothing here is to cost it time). The
verifier has two workers. Its processes and that one are new in each test, so each learns the grammar of
formulas on the way, as ANTLR does. The two take turns by blocks of pairs, so that a busy machine slows both.
About 3 minutes on 2 cores.
"""

import os
import resource
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from openrs.verify import Verifier
from tests.helpers.plain_verification import corpus, groups, plain

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

BLOCK = 360
COUNT = int(os.environ.get("GOLDS", "0")) or None  # by default all gold answers


@pytest.fixture
def verifier():
    made = Verifier(workers=2)
    made.verify([("$1$", "\\boxed{1}"), ("$1$", "\\boxed{2}")])
    yield made
    made.close()


def judged(verifier, rule, block):
    """Verdicts of a block whose gold answers may be of both kinds; None where time ran out."""
    verdicts = [None] * len(block)
    for kind in {pair[0] for pair in block}:
        places = [i for i, pair in enumerate(block) if pair[0] == kind]
        for i, verdict in zip(
            places, verifier.verify([block[i][1:] for i in places], rule, kind), strict=True
        ):
            verdicts[i] = None if verdict.timed_out else verdict.correct
    return verdicts


@pytest.fixture
def library():
    """A process that calls math-verify plainly."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        process.submit(plainly, "training", [("latex", "$1$", "\\boxed{1}")]).result()
        yield process


def plainly(rule, block):
    """Plain verdicts of a block, the seconds that they took, and the CPU seconds."""
    began, before = time.perf_counter(), time.process_time()
    verdicts = [plain(rule, *pair) for pair in block]
    return verdicts, time.perf_counter() - began, time.process_time() - before


def compared(library, verifier, rule, pairs):
    """How many times faster the verifier is than plain calls; every verdict must be the same.

    The ratio by CPU time, as of one core, is printed, too: two cores give twice that where nothing else
    runs on them.
    """
    took, unfinished, right = Counter(), 0, 0
    for start in range(0, len(pairs), BLOCK):
        block = pairs[start : start + BLOCK]
        theirs, seconds, cpu_seconds = library.submit(plainly, rule, block).result()
        took["plain"] += seconds
        took["plain cpu"] += cpu_seconds
        workers = list(verifier.workers)
        began, before = time.perf_counter(), time.process_time() + sum(w.cpu_seconds() for w in workers)
        ours = judged(verifier, rule, block)
        took["ours"] += time.perf_counter() - began
        assert verifier.workers == workers
        took["ours cpu"] += time.process_time() + sum(w.cpu_seconds() for w in workers) - before
        pairwise = zip(block, theirs, ours, strict=True)
        assert [(pair, a, b) for pair, a, b in pairwise if a is not None and a != b] == []
        unfinished += theirs.count(None)
        right += theirs.count(True)
    times = took["plain"] / took["ours"]
    print(
        f"\n{rule}: {len(pairs)} pairs, {right} right, {unfinished} unfinished; pairs a second: plain "
        f"{len(pairs) / took['plain']:.0f}, ours {len(pairs) / took['ours']:.0f}: {times:.2f} times; "
        f"on one core by CPU time {took['plain cpu'] / took['ours cpu']:.2f} times"
    )
    return times


@pytest.mark.parametrize("rule", ["training", "evaluation"])
def test_distinct_pairs(mirror, library, verifier, rule):
    assert compared(library, verifier, rule, corpus(mirror, rule, COUNT)) >= 2.5


@pytest.mark.parametrize("rule", ["training", "evaluation"])
def test_groups_of_six(mirror, library, verifier, rule):
    assert compared(library, verifier, rule, groups(mirror, rule, COUNT)) >= 4


HOSTILE = {
    "power tower": "9^{9^{9^9}}",
    "100 kB of digits": "9" * 100_000,
    "a power of 100 kB of digits": "7" * 50_000 + "^{" + "7" * 50_000 + "}",
    "nested braces": "{" * 5000 + "5" + "}" * 5000,
    "nested parentheses": "(" * 3000 + "5" + ")" * 3000,
    "nested fractions": "\\frac{1}{" * 300 + "2" + "}" * 300,
    "a factorial": "100000000!",
    "a long sum": "+".join(f"\\sqrt{{{n}}}" for n in range(2, 400)),
}


def spent(workers):
    """CPU seconds of these workers so far, of those that were killed too."""
    dead = resource.getrusage(resource.RUSAGE_CHILDREN)
    return dead.ru_utime + dead.ru_stime + sum(worker.cpu_seconds() for worker in workers)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("rule", ["training", "evaluation"])
def test_hostile_answers_are_stopped(verifier, name, rule):
    """Within 2 s of CPU time; healthy pairs are judged rightly beside it and after it."""
    pairs = [("$5$", f"\\boxed{{{HOSTILE[name]}}}"), ("$5$", "\\boxed{5}")]
    workers = list(verifier.workers)
    began, before = time.perf_counter(), spent(workers)
    hostile, healthy = verifier.verify(pairs, rule)
    took, cpu = time.perf_counter() - began, spent(workers) - before
    killed = len([worker for worker in workers if worker not in verifier.workers])
    again = verifier.verify([("$5$", "\\boxed{5.0}"), ("$5$", "\\boxed{6}")], rule)
    print(
        f"\n{rule}, {name}: {cpu:.2f} s of CPU time, {took:.2f} s in all; "
        f"timed out: {hostile.timed_out}, workers killed: {killed}"
    )
    assert healthy.correct
    assert [verdict.correct for verdict in again] == [True, False]
    assert len(verifier.workers) == 2
    assert cpu < 2
