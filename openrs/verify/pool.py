"""The pool of verifying processes: one verifier for rewards and evaluation.

Answers go to worker processes (`openrs.verify.worker`) that run math-verify; a worker that does not
answer in time is killed and replaced, and the answer counts as timed out, never as a silent 0.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import wait
from time import monotonic
from typing import Literal

import psutil

CPU_SECONDS = 1.7
"""CPU time for one answer before its worker is killed; the worker's own limit is 1.5 s. CPU time, not
wall time: a busy machine must not change a verdict, and with it a reward and the weights."""
WALL_SECONDS = 60.0
"""Time for one answer, or for a worker to start, whatever it is doing."""
FALSE_STARTS = 4
"""Workers in a row that may die before they are ready."""
GLANCE_SECONDS = 0.1
"""How often a busy worker's CPU time is looked at."""
BATCH = 8
"""Groups that a worker is asked for at once, and answers of a group, at most: slow ones are spread."""

Rule = Literal["training", "gold_first", "evaluation", "formula"]


@dataclass(frozen=True)
class Verdict:
    """What the verifier says of one completion."""

    correct: bool
    gold_parsed: bool
    timed_out: bool


class _Worker:
    """One child process, and the answers that it was asked for: it judges the first of them."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "openrs.verify.worker"], env=os.environ | {"PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.times = psutil.Process(self.process.pid)
        self.ready = self.dead = False
        self.batch: deque[int] = deque()
        self.buffer = b""
        self.began = monotonic()
        self.cpu_before = 0.0  # CPU seconds that the process had used when it gave its last answer

    def cpu_seconds(self) -> float:
        with suppress(psutil.Error):
            return sum(self.times.cpu_times()[:2])  # user and system
        return 0.0

    def ask(self, batch: list[int], requests: list[bytes]) -> None:
        """Sends answers, in one line: the worker reads it whole, so writing never waits for a verdict."""
        self.batch, self.began = deque(batch), monotonic()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # of a dead worker, which `_listen` finds
            self.process.stdin.write(b"[" + b",".join(requests[index] for index in batch) + b"]\n")
            self.process.stdin.flush()

    def overran(self) -> bool:
        """Says whether its time is up, and no answer waits to be read."""
        waited = monotonic() - self.began
        slow = self.ready and waited > CPU_SECONDS and self.cpu_seconds() - self.cpu_before > CPU_SECONDS
        return (slow or waited > WALL_SECONDS) and not wait([self.process.stdout], 0)  # type: ignore[list-item]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()  # closes the pipes, too, whatever was not read


class Verifier:
    """A pool of verifying processes, by default one per CPU, at most 8. Safe to call from several threads."""

    def __init__(self, workers: int | None = None) -> None:
        self.size = workers or min(os.cpu_count() or 1, 8)
        self.lock = threading.RLock()
        self.workers: list[_Worker] = []
        self.false_starts = 0

    def verify(
        self,
        pairs: Sequence[tuple[str, str]],
        rule: Rule = "training",
        gold_kind: Literal["expr", "latex"] = "latex",
    ) -> list[Verdict]:
        """Judges (gold answer, completion) pairs, in order; equal ones once.

        Args:
            rule: "training" is the paper's reward, "gold_first" the same with math-verify's arguments in
                order, "evaluation" lighteval's extractive match, "formula" whether the gold answer alone is
                read as a formula.
            gold_kind: how gold answers are read under the evaluation rule.
        """
        how = {"rule": rule, "gold_kind": gold_kind}
        distinct = list(dict.fromkeys(pairs))
        requests = [json.dumps(how | {"gold": gold, "text": text}).encode() for gold, text in distinct]
        with self.lock:
            try:
                judged = self._judge(requests, [gold for gold, _ in distinct])
            except BaseException:
                self.close()
                raise
        verdicts = dict(zip(distinct, judged, strict=True))
        return [verdicts[pair] for pair in pairs]

    def _judge(self, requests: list[bytes], golds: list[str]) -> list[Verdict]:
        groups: dict[str, list[int]] = {}  # answers to one gold answer stay together: a worker reads it once
        for index, gold in enumerate(golds):
            groups.setdefault(gold, []).append(index)
        most = max(1, min(BATCH, len(golds) // (2 * self.size)))
        self.workers = [worker for worker in self.workers if worker.process.poll() is None]
        waiting = deque(group[i : i + most] for group in groups.values() for i in range(0, len(group), most))
        verdicts, returned = dict[int, Verdict](), set[int]()
        while len(verdicts) < len(requests):
            self.workers += [_Worker() for _ in range(min(self.size, len(requests)) - len(self.workers))]
            for worker in self.workers:
                if worker.ready and not worker.batch and waiting:
                    count = max(1, min(BATCH, len(waiting) // (4 * self.size)))  # fewer towards the end
                    worker.ask([index for _ in range(count) for index in waiting.popleft()], requests)
            self._listen(verdicts)
            self._replace(verdicts, waiting, returned)
        return [verdicts[index] for index in range(len(requests))]

    def _listen(self, verdicts: dict[int, Verdict]) -> None:
        """Takes the workers' answers, for a glance's time at most."""
        busy = {w.process.stdout: w for w in self.workers if not w.ready or w.batch}
        for pipe in wait(list(busy), GLANCE_SECONDS):  # type: ignore[arg-type]
            worker = busy[pipe]  # type: ignore[index]
            chunk = os.read(pipe.fileno(), 65536)  # type: ignore[union-attr]
            worker.dead = worker.dead or not chunk
            *lines, worker.buffer = (worker.buffer + chunk).split(b"\n")
            for answer in map(json.loads, lines):
                worker.cpu_before, worker.began = answer.pop("cpu_seconds"), monotonic()
                if worker.ready:
                    verdicts[worker.batch.popleft()] = Verdict(**answer)
                else:
                    worker.ready = True
                    self.false_starts = 0

    def _replace(self, verdicts: dict[int, Verdict], waiting: deque[list[int]], returned: set[int]) -> None:
        """Kills the workers whose time is up; the answer that a worker hung on counts as timed out.

        The answer of a worker that died by itself is judged once more; an answer that kills two workers (out
        of memory, say) is given up. The rest of the worker's batch is given back.
        """
        for worker in list(self.workers):
            hung = bool(worker.batch or not worker.ready) and worker.overran()
            if not (hung or worker.dead):
                continue
            worker.kill()
            self.workers.remove(worker)
            self.false_starts += not worker.ready
            if self.false_starts > FALSE_STARTS:
                raise RuntimeError(
                    "the answer verifier does not start. Run `python -m openrs.verify.worker` to see why."
                )
            if worker.batch and (hung or worker.batch[0] in returned):
                verdicts[worker.batch.popleft()] = Verdict(correct=False, gold_parsed=True, timed_out=True)
            elif worker.batch:
                returned.add(worker.batch[0])
            waiting.extendleft([index] for index in reversed(worker.batch))

    def close(self) -> None:
        """Ends the child processes; the next call starts new ones."""
        with self.lock:
            while self.workers:
                self.workers.pop().kill()


@cache
def shared_verifier() -> Verifier:
    """The process's own verifier, started at the first answer and closed at exit."""
    verifier = Verifier()
    atexit.register(verifier.close)
    return verifier
