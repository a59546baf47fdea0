"""Commands that are killed at a write and run again until they are done, and what is left of them."""

import hashlib
import json
import random
import re
import shutil
import signal
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.helpers.aimed_kill import AIM
from tests.helpers.commands import Process, kill, start
from tests.helpers.jobs import metrics
from tests.helpers.sweeps import SMALL, study_of

TINY = [
    *SMALL, "steps.total=3", "algorithm.group_size=2", "algorithm.micro_batch=4", "length.completion=16",
    "evaluation.max_problems=2", "evaluation.max_new_tokens=16",
]  # fmt: skip
"""Three steps of four short completions, and two short answers of each checkpoint."""

JOB = TINY
SWEEP = ["-m", *TINY, "steps.total=2", "stages=[train]", "objective=reward", "seed=1,2"]

TRIES = 5
"""How many processes there are of a command at most: one, or two workers, and each again after a kill."""

PLACES = {
    "older optimizer state removed": ("* remove */checkpoint-*/[!.]*",),
    "inside a checkpoint's save": ("* */checkpoint-*/[!w]*",),
    "a checkpoint's marker": ("* */checkpoint-*/whole.json",),
    "prompts, rows, segments": ("* */prompts.jsonl", "* */data.json", "* */segments.jsonl"),
    "metrics": ("* */metrics.jsonl",),
    "run.json": ("* */run.json",),
    "train.json": ("* */train.json",),
    "record of cost": ("* */cost.jsonl",),
    "completions of an evaluation": ("* */seed-*.partial.jsonl",),
    "a text": ("torn */seed-*.text.json", "unmoved */seed-*.text.json"),
    "between a text and its score": ("written */seed-*.text.json", "torn */seed-*-*.json"),
    "a score": ("unmoved */seed-*-*.json",),
    "between a score and the table": ("written */seed-*-*.json", "torn */tables/*"),
    "tables": ("* */tables/*",),
    "the study is made": ("* INSERT INTO stud*", "* INSERT INTO *version*"),
    "a trial begins": ("* INSERT INTO trials *", "* INSERT INTO trial_params *", "* *datetime_start=*"),
    "a trial ends": ("* *datetime_complete=*", "* INSERT INTO trial_values *"),
    "attributes of a trial": ("* INSERT INTO trial_*", "* UPDATE trials *"),
    "best of the sweep": ("* */optimization_results.yaml",),
}
"""Place -> patterns of moments and what is written; the first place whose pattern matches is a write's."""
OTHERS = "other writes"

VARYING = re.compile(r"\d{4}-\d\d-\d\dT[\d.-]+|(?<=/\.mode\.)\d+")
"""Times and numbers of processes in names of files."""


@dataclass(frozen=True)
class Kill:
    """A kill that is aimed at a write of a command."""

    place: str
    moment: str
    file: str
    """Pattern of what is written."""
    number: int


@dataclass(frozen=True)
class Ended:
    """A command that was killed and run again until it was done."""

    kill: Kill
    struck: bool
    """Whether the kill was where it was aimed at: the process that died has said so."""
    different: tuple[str, ...]
    """What is not as an uninterrupted command leaves it."""


def place(moment: str, file: str) -> str:
    """The place of a write."""
    matching = (
        name for name, ways in PLACES.items() if any(fnmatchcase(f"{moment} {file}", w) for w in ways)
    )
    return next(matching, OTHERS)


def aimed(arguments: list[str], outputs: Path, aim: dict[str, Any]) -> Process:
    """Starts a command that dies, or one that notes its writes."""
    more = {AIM: json.dumps(aim)}
    return start(*arguments, f"outputs={outputs}", module="tests.helpers.aimed_kill", **more)


class Undisturbed:
    """An uninterrupted command, and the writes that it makes.

    Args:
        arguments: of the command, but for its outputs.
        folder: gets the outputs.
    """

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.arguments, self.folder = arguments, folder
        outputs, log = folder / "undisturbed", folder / "writes"
        process = aimed(arguments, outputs, {"struck": str(log)})
        _, err = process.communicate(timeout=900)
        assert process.returncode == 0, err[-3000:]
        self.kept = kept(outputs)
        writes = Counter(
            VARYING.sub("*", line.replace(str(outputs), "*")) for line in log.read_text().splitlines()
        )
        self.writes: dict[str, list[tuple[str, str, int]]] = {}
        """Place -> moment, file and count of its writes."""
        for write, count in writes.items():
            moment, file = write.split(" ", 1)
            self.writes.setdefault(place(moment, file), []).append((moment, file, count))

    def kills(self, chance: random.Random, number: int, among: list[str] | None = None) -> list[Kill]:
        """Kills that are spread evenly over the places, and over the writes of each."""
        places = [name for name in (*PLACES, OTHERS) if name in (among or self.writes)]
        left = {name: chance.sample(self.writes[name], len(self.writes[name])) for name in places}
        kills = []
        for index in range(number):
            name = places[index % len(places)]
            writes = left[name] = left[name] or chance.sample(self.writes[name], len(self.writes[name]))
            moment, file, count = writes.pop()
            # of two workers each may make only half of the writes
            nth = chance.randint(1, min(4, (count + 1) // 2))
            kills.append(Kill(name, moment, re.sub(r"[\[\]?]", "?", file), nth))
        return kills

    def disturbed(self, one: Kill, folder: Path) -> Ended:
        """Runs the command, or two workers of a sweep, kills it, and runs it again until it is done."""
        outputs, struck = folder / "outputs", folder / "struck"
        aim = {"struck": str(struck), "file": one.file, "moment": one.moment, "number": one.number}
        number = 2 if "-m" in self.arguments else 1
        queue = running = [aimed(self.arguments, outputs, aim) for _ in range(number)]
        error = ""
        try:
            while queue and not error:
                process, *queue = queue
                err = process.communicate(timeout=900)[1]
                if process.returncode == -signal.SIGKILL and len(running) < TRIES:
                    again = start(*self.arguments, f"outputs={outputs}")
                    running, queue = [*running, again], [*queue, again]
                elif process.returncode:
                    error = f"exit status {process.returncode}: {err[-2000:]}"
        finally:
            for process in running:
                if process.poll() is None:
                    kill(process)
        if error:
            return Ended(one, struck.exists(), (error,))
        now = kept(outputs)
        different = sorted(
            name for name in now.keys() | self.kept.keys() if now.get(name) != self.kept.get(name)
        )
        if not different:
            shutil.rmtree(outputs)  # 30 MB
        return Ended(one, struck.exists(), tuple(different))


SAME = {
    "text.json": ("ids", "gold", "text", "tokens", "truncated", "weights"),
    "train.json": ("checkpoints", "last_step", "rows", "dropped", "stopped"),
    "run.json": ("name", "id", "recipe"),
}
"""What of records does not depend on when and in how many goes they were made."""
TIMES = ("seconds", "versions")
"""What of a score does."""


def kept(outputs: Path) -> dict[str, Any]:
    """What an outputs folder holds that must not depend on kills: weights, texts, scores, metrics, records,
    tables, the study's trials, and the names of all files of a training."""
    found: dict[str, Any] = {}
    for path in sorted(outputs.rglob("*")):
        name = path.relative_to(outputs).as_posix()
        if name.endswith(".safetensors"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.match("runs/*/*.json") or path.match("eval/*/*/*.json"):
            record = json.loads(path.read_text())
            fields = next((fields for end, fields in SAME.items() if name.endswith(end)), None)
            found[name] = {key: record[key] for key in fields or record.keys() - set(TIMES)}
        elif path.match("runs/*/train/metrics.jsonl"):
            found[name] = metrics(path.parents[1])
        elif path.match("prompts.jsonl") or path.match("tables/[!.]*"):
            found[name] = path.read_text()
        elif path.match("train/checkpoint-*/*"):
            found[name] = "is there"
    for path in outputs.glob("runs/*/train.json"):
        ends = [(one["first_step"], one["last_step"]) for one in json.loads(path.read_text())["segments"]]
        found[f"steps of {path.parent.name}"] = [step for a, b in ends for step in range(a, b + 1)]
    if list(outputs.glob("sweeps/*/study.db")):
        trials = [trial for trial in study_of(outputs).trials if trial.state.name != "FAIL"]
        found["trials"] = sorted((trial.state.name, trial.params["seed"], trial.values) for trial in trials)
    return found
