"""What in a folder of outputs was written by which version of openrs, of the recipe's layout, of packages."""

import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from openrs.errors import Mistake
from openrs.machine.facts import Packages
from openrs.records import faults
from openrs.records.left_out import checked_record
from openrs.records.recipe import SCHEMA

NOT_RECORDED = "a version that was not recorded"


@dataclass(frozen=True)
class RunVersions:
    """What wrote one run, by its newest command."""

    run: str
    """Its folder under the outputs."""
    openrs: str = NOT_RECORDED
    """Version of openrs, and the commit where a checkout wrote it."""
    time: str = ""
    layout: int | None = None
    """Version of the recipe's layout; None for results of other programs."""
    packages: dict[str, str] = field(default_factory=dict)
    scores: int = 0
    deviceless: int = 0
    """Scores that are older than the record of their device."""
    problem: str = ""
    """Why it cannot be read as it is."""


@dataclass(frozen=True)
class StudyVersions:
    """What wrote the file of a sweep's study."""

    study: str
    optuna: str = ""
    problem: str = ""


def run(outputs: Path, as_json: bool) -> int:
    """Prints the versions in a folder; status 1 where something cannot be read as it is.

    Raises:
        Mistake: the folder holds nothing of openrs.
    """
    runs = [_run(outputs, path) for path in sorted(outputs.glob("*/*/run.json"))]
    studies = [_study(outputs, path) for path in sorted(outputs.glob("sweeps/*/study.db"))]
    if not runs and not studies:
        raise Mistake(
            f"{outputs}: holds no runs and no sweeps (no runs/*/run.json). "
            "Give the outputs folder of `openrs`."
        )
    if as_json:
        print(json.dumps({"runs": [*map(asdict, runs)], "studies": [*map(asdict, studies)]}, indent=1))
    else:
        print("\n".join(_lines(outputs, runs, studies)))
    return 1 if _problems(runs, studies) else 0


def _run(outputs: Path, path: Path) -> RunVersions:
    name = str(path.parent.relative_to(outputs))
    try:
        record = checked_record(path, faults.of_run)
    except Mistake as error:
        return RunVersions(name, problem=str(error))
    assert record is not None
    *_, newest = record.get("invocations") or [{}]
    layout = record["recipe"].get("schema")
    scores = [item for item in path.parent.glob("eval/step-*/*/seed-*.json") if ".text" not in item.name]
    later = isinstance(layout, int) and layout > SCHEMA
    return RunVersions(
        name,
        openrs=_writer(newest),
        time=str(newest.get("time", "")),
        layout=layout if isinstance(layout, int) else None,
        packages=newest.get("versions") or {},
        scores=len(scores),
        deviceless=sum('"device"' not in item.read_text("utf-8", "replace") for item in scores),
        problem=f"{path}: has layout {layout}, and this openrs reads {SCHEMA}. Upgrade openrs." * later,
    )


def _writer(invocation: dict[str, Any]) -> str:
    version, commit = invocation.get("openrs"), invocation.get("commit")
    state = f"commit {commit[:7]}{' with changes' * bool(invocation.get('dirty'))}" if commit else ""
    return f"{version} ({state})" if version and state else version or state or NOT_RECORDED


def _study(outputs: Path, path: Path) -> StudyVersions:
    name = str(path.relative_to(outputs))
    try:
        with closing(sqlite3.connect(f"file:{path.resolve()}?mode=ro", uri=True)) as database:
            ((version,),) = database.execute("select library_version from version_info").fetchall()
    except (sqlite3.Error, ValueError) as error:
        return StudyVersions(name, problem=f"{path}: cannot be read ({error}). Put it back from a copy.")
    return StudyVersions(name, optuna=str(version))


def _lines(outputs: Path, runs: list[RunVersions], studies: list[StudyVersions]) -> list[str]:
    """The versions for a person: what wrote which runs, and where they differ from what is installed."""
    here = Packages()
    lines = [f"{outputs}: {len(runs)} runs, {len(studies)} sweeps; openrs {here.get('openrs')} reads them"]
    sound = [item for item in runs if not item.problem]
    for title, groups in (
        ("written by openrs", _grouped(sound, lambda item: [item.openrs])),
        ("layout of the recipe", _grouped(sound, lambda item: [item.layout] if item.layout else [])),
        ("results of other programs", _grouped(sound, lambda item: [] if item.layout else ["imported"])),
        ("without a score", _grouped(sound, lambda item: [] if item.scores else ["not evaluated"])),
        ("packages that are others here", _grouped(sound, lambda item: _others(item, here))),
        (
            "scores without a device, which follows from run.json",
            _grouped(sound, lambda item: [f"{item.deviceless} of {item.scores}"] if item.deviceless else []),
        ),
    ):
        lines += [title] * bool(groups)
        lines += [f"  {value}: {_named(names)}" for value, names in groups.items()]
    if studies:
        versions = defaultdict(list)
        for study in studies:
            versions[study.optuna or "unknown"].append(study.study)
        lines += [f"studies by Optuna (here {here.get('optuna')})"]
        lines += [f"  {version}: {_named(names)}" for version, names in versions.items()]
    problems = _problems(runs, studies)
    return [*lines, *(["cannot be read as they are"] * bool(problems)), *(f"  {text}" for text in problems)]


def _problems(runs: list[RunVersions], studies: list[StudyVersions]) -> list[str]:
    """Why runs and studies cannot be read as they are."""
    return [text for text in (*(run.problem for run in runs), *(study.problem for study in studies)) if text]


def _grouped(runs: list[RunVersions], values: Any) -> dict[Any, list[str]]:
    """Each value -> the runs that have it."""
    groups = defaultdict(list)
    for item in runs:
        for value in values(item):
            groups[value].append(item.run)
    return groups


def _others(item: RunVersions, here: Packages) -> list[str]:
    """The packages of a run that are installed here in another version."""
    return [
        f"{name} {version} (here {here[name]})"
        for name, version in item.packages.items()
        if name in here and here[name] != version
    ]


def _named(names: list[str]) -> str:
    """Up to four names, and the number of the others."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
