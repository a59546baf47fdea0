"""The pool of verifying processes: one verifier for rewards and evaluation.

Answers go to worker processes (`openrs.verify.worker`) that run math-verify; a worker that does not
answer in time is killed and replaced, and the answer counts as timed out, never as a silent 0.
Distinct pairs are judged once: in GRPO and repeated evaluation most pairs come again.
"""

import atexit
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing.connection import wait
from time import monotonic, sleep
from typing import Literal

import psutil

CPU_SECONDS = 1.7
"""CPU time for one answer before its worker is killed; the worker's own limit is 1.5 s. CPU time, not
wall time: a busy machine must not change a verdict, and with it a reward and the weights."""
WALL_SECONDS = 60.0
"""Time for one answer, or for a worker to start, whatever it is doing."""
FALSE_STARTS = 4
"""Workers in a row that may die before they are ready."""
GLANCE_SECONDS = 0.2
"""How often a busy worker's CPU time is looked at."""
AT_ONCE = 6
"""Answers to one gold answer that a worker is given together; it has the next ones before it needs them."""
PAUSE_SECONDS = 0.0005
"""Between a worker's word and its being heard, so that several answers are taken at once: this process
shares the CPUs with its workers."""
PIPE_BYTES = 60_000
"""What a pipe holds unread, on Linux and macOS, and a little less."""
REMEMBERED = 20_000
"""Verdicts kept for pairs that come again."""

Rule = Literal["training", "gold_first", "evaluation"]


@dataclass(frozen=True)
class Verdict:
    """What the verifier says of one completion."""

    correct: bool
    gold_parsed: bool
    timed_out: bool


class _Worker:
    """One child process and the requests it was given, which it answers in their order."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "openrs.verify.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONHASHSEED": "0"},
        )
        self.times = psutil.Process(self.process.pid)
        self.ready = self.dead = False
        self.given: deque[int] = deque()
        self.buffer = b""
        self.asked_at = monotonic()
        self.cpu_before = 0.0
        """What it had used when it gave its last answer."""

    def cpu_seconds(self) -> float:
        try:
            times = self.times.cpu_times()
        except psutil.Error:
            return 0.0
        return times.user + times.system

    def ask(self, given: Sequence[int], requests: Sequence[bytes]) -> None:
        if not self.given:
            self.asked_at = monotonic()
        self.given.extend(given)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(b"".join(requests[index] for index in given))
            self.process.stdin.flush()
        except BrokenPipeError:
            self.dead = True

    def overran(self) -> bool:
        waited = monotonic() - self.asked_at
        if not self.ready or waited > WALL_SECONDS:
            return waited > WALL_SECONDS
        return waited > CPU_SECONDS and self.cpu_seconds() - self.cpu_before > CPU_SECONDS

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what it was not told in time
                    pipe.close()


class Verifier:
    """A pool of verifying processes. Safe to call from several threads.

    Args:
        workers: number of child processes; by default one per CPU, at most 8.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.size = workers or min(os.cpu_count() or 1, 8)
        self.lock = threading.Lock()
        self.workers: list[_Worker] = []
        self.known: OrderedDict[bytes, Verdict] = OrderedDict()
        self.false_starts = 0
        self.timeouts = 0
        """Answers that ran out of time since the start."""

    def verify(
        self,
        pairs: Sequence[tuple[str, str]],
        rule: Rule = "training",
        gold_kind: Literal["expr", "latex"] = "latex",
    ) -> list[Verdict]:
        """Judges (gold answer, completion) pairs, in order.

        Args:
            rule: "training" is the paper's reward, "gold_first" the same with math-verify's arguments in
                order, "evaluation" lighteval's extractive match.
            gold_kind: how gold answers are read under the evaluation rule.
        """
        requests = [
            json.dumps({"rule": rule, "gold_kind": gold_kind, "gold": gold, "text": text}).encode() + b"\n"
            for gold, text in pairs
        ]
        names = [hashlib.sha256(request).digest() for request in requests]
        with self.lock:
            missing = {
                name: request for name, request in zip(names, requests, strict=True) if name not in self.known
            }
            try:
                golds = dict(zip(names, (gold for gold, _ in pairs), strict=True))
                judged = self._judge(list(missing.values()), [golds[name] for name in missing])
            except BaseException:
                self._kill_all()
                raise
            fresh = dict(zip(missing, judged, strict=True))
            verdicts = [fresh[name] if name in fresh else self.known[name] for name in names]
            self.known |= {name: verdict for name, verdict in fresh.items() if not verdict.timed_out}
            while len(self.known) > REMEMBERED:
                self.known.popitem(last=False)
        self.timeouts += sum(verdict.timed_out for verdict in verdicts)
        return verdicts

    def _judge(self, requests: list[bytes], golds: list[str]) -> list[Verdict]:
        verdicts: list[Verdict | None] = [None] * len(requests)
        waiting = deque(range(len(requests)))
        returned: set[int] = set()
        while waiting or any(worker.given for worker in self.workers):
            while len(self.workers) < min(self.size, len(requests)):
                self.workers.append(_Worker())
            for worker in self.workers:
                if worker.ready and waiting and len(worker.given) < AT_ONCE:
                    worker.ask(self._next(worker, waiting, requests, golds), requests)
            self._listen(verdicts)
            self._replace(verdicts, waiting, returned)
        return [verdict for verdict in verdicts if verdict is not None]

    def _next(
        self, worker: _Worker, waiting: deque[int], requests: list[bytes], golds: list[str]
    ) -> list[int]:
        """The next answers to one gold answer, which is then read once; at the end, shared among all.

        All that a worker was given fits into its pipe: writing to a full one would hold this process for
        as long as the worker hangs on the answer before.
        """
        most = min(AT_ONCE, max(1, len(waiting) // self.size))
        room = PIPE_BYTES - sum(len(requests[index]) for index in worker.given)
        taken: list[int] = []
        for index in islice(waiting, most):
            room -= len(requests[index])
            if golds[index] != golds[waiting[0]] or (room < 0 and taken):
                break
            taken.append(index)
        if room < 0 and worker.given:
            return []  # to this worker, once it has none
        for _ in taken:
            waiting.popleft()
        return taken

    def _listen(self, verdicts: list[Verdict | None]) -> None:
        """Takes what the workers say, for a glance's time at most."""
        speaking = {w.process.stdout: w for w in self.workers if not w.ready or w.given}
        if wait(list(speaking), GLANCE_SECONDS):  # type: ignore[arg-type]
            sleep(PAUSE_SECONDS)
        for pipe in wait(list(speaking), 0):  # type: ignore[arg-type]
            worker = speaking[pipe]  # type: ignore[index]
            chunk = os.read(pipe.fileno(), 65536)  # type: ignore[union-attr]
            worker.dead = worker.dead or not chunk
            *lines, worker.buffer = (worker.buffer + chunk).split(b"\n")
            for line in lines:
                answer = json.loads(line)
                worker.asked_at, worker.cpu_before = monotonic(), answer.pop("cpu_seconds")
                if worker.ready:
                    verdicts[worker.given.popleft()] = Verdict(**answer)
                else:
                    worker.ready = True
                    self.false_starts = 0

    def _replace(self, verdicts: list[Verdict | None], waiting: deque[int], returned: set[int]) -> None:
        """Kills the workers whose time is up; the answer they hung on counts as timed out.

        A worker that died by itself gives its answer back to be judged once more; an answer that
        kills two workers (out of memory, say) is given up. What was waiting behind it is given back.
        """
        for worker in list(self.workers):
            hung = (worker.given or not worker.ready) and worker.overran()
            if not (hung or worker.dead):
                continue
            worker.kill()
            self.workers.remove(worker)
            if not worker.ready:
                self.false_starts += 1
                if self.false_starts <= FALSE_STARTS:
                    continue
                raise RuntimeError(
                    "the answer verifier does not start: run `python -m openrs.verify.worker` to "
                    "see why (math-verify missing or broken?)"
                )
            if not worker.given:
                continue
            first, *rest = worker.given
            waiting.extendleft(reversed(rest))
            if hung or first in returned:
                verdicts[first] = Verdict(correct=False, gold_parsed=True, timed_out=True)
            else:
                returned.add(first)
                waiting.appendleft(first)

    def _kill_all(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.workers = []

    def close(self) -> None:
        """Ends the child processes; the next call starts new ones."""
        with self.lock:
            self._kill_all()


@cache
def shared_verifier() -> Verifier:
    """The process's own verifier, started at the first answer and closed at exit."""
    verifier = Verifier()
    atexit.register(verifier.close)
    return verifier
