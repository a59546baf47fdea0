"""Answers -> verdicts, in bounded time: one verifier for rewards and evaluation.

Answers go to worker processes (`openrs.verify_worker`) that run math-verify; a worker that does not
answer in time is killed and replaced, and the answer counts as timed out, never as a silent 0.
Distinct pairs are judged once: in GRPO and repeated evaluation most pairs come again.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import Literal

WALL_SECONDS = 1.9
"""Time for one answer before its worker is killed (the worker's own limit is 1 s of CPU time)."""
START_SECONDS = 60.0
REMEMBERED = 20_000
"""Verdicts kept for pairs that come again."""

Rule = Literal["training", "evaluation"]


@dataclass(frozen=True)
class Verdict:
    """What the verifier says of one completion."""

    correct: bool
    gold_parsed: bool
    timed_out: bool


class _Worker:
    """One child process and the request it is busy with."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "openrs.verify_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONHASHSEED": "0"},
        )
        self.deadline = monotonic() + START_SECONDS
        self.ready = False
        self.busy: int | None = None
        self.buffer = b""

    def ask(self, index: int, request: bytes) -> None:
        self.busy, self.deadline = index, monotonic() + WALL_SECONDS
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(request)
            self.process.stdin.flush()
        except BrokenPipeError:
            self.deadline = 0.0  # it died idle: the next round replaces it

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
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
            rule: "training" is the paper's reward, "evaluation" lighteval's extractive match.
            gold_kind: how gold answers are read under the evaluation rule.
        """
        requests = [
            json.dumps({"rule": rule, "gold_kind": gold_kind, "gold": gold, "text": text}).encode() + b"\n"
            for gold, text in pairs
        ]
        with self.lock:
            missing = list(dict.fromkeys(r for r in requests if r not in self.known))
            for request, verdict in zip(missing, self._judge(missing), strict=True):
                self.known[request] = verdict
            verdicts = [self.known[request] for request in requests]
            while len(self.known) > REMEMBERED:
                self.known.popitem(last=False)
        self.timeouts += sum(verdict.timed_out for verdict in verdicts)
        return verdicts

    def _judge(self, requests: list[bytes]) -> list[Verdict]:
        verdicts: list[Verdict | None] = [None] * len(requests)
        waiting = deque(range(len(requests)))
        while waiting or any(worker.busy is not None for worker in self.workers):
            while len(self.workers) < min(self.size, len(requests)):
                self.workers.append(_Worker())
            for worker in self.workers:
                if worker.ready and worker.busy is None and waiting:
                    index = waiting.popleft()
                    worker.ask(index, requests[index])
            self._listen(verdicts)
            self._replace(verdicts)
        return [verdict for verdict in verdicts if verdict is not None]

    def _listen(self, verdicts: list[Verdict | None]) -> None:
        """Takes what the workers say until the nearest deadline."""
        with DefaultSelector() as selector:
            for worker in self.workers:
                if not worker.ready or worker.busy is not None:
                    selector.register(worker.process.stdout, EVENT_READ, worker)  # type: ignore[arg-type]
            patience = min(w.deadline for w in self.workers if not w.ready or w.busy is not None)
            for key, _ in selector.select(max(0.0, patience - monotonic())):
                worker: _Worker = key.data
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    worker.deadline = 0.0  # it died
                worker.buffer += chunk
                if worker.buffer.endswith(b"\n"):
                    answer, worker.buffer = json.loads(worker.buffer), b""
                    if not worker.ready:
                        worker.ready = True
                    elif worker.busy is not None:
                        verdicts[worker.busy] = Verdict(**answer)
                        worker.busy = None

    def _replace(self, verdicts: list[Verdict | None]) -> None:
        """Kills the workers whose time is up; what they were asked counts as timed out."""
        now = monotonic()
        for worker in list(self.workers):
            if (worker.busy is None and worker.ready) or now < worker.deadline:
                continue
            worker.kill()
            self.workers.remove(worker)
            if not worker.ready:
                raise RuntimeError(
                    "the answer verifier does not start: run `python -m openrs.verify_worker` to "
                    "see why (math-verify missing or broken?)"
                )
            if worker.busy is not None:
                verdicts[worker.busy] = Verdict(correct=False, gold_parsed=True, timed_out=True)

    def close(self) -> None:
        """Ends the child processes; the next call starts new ones."""
        with self.lock:
            for worker in self.workers:
                worker.kill()
            self.workers = []


@cache
def shared_verifier() -> Verifier:
    """The process's own verifier, started at the first answer and closed at exit."""
    verifier = Verifier()
    atexit.register(verifier.close)
    return verifier
