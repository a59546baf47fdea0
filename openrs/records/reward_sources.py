"""The sources of a run's custom rewards: a copy of each beside the run, and what changed since."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

from openrs.config.schema import Config
from openrs.records import training
from openrs.records.files import read_record, write_file
from openrs.records.run import Run
from openrs.rewards.imports import imports
from openrs.rewards.user_code import Source


def keep(config: Config, run: Run) -> None:
    """Copies the sources that the run's id holds into its folder."""
    for name, term in config.reward.custom.items():
        for place, source in enumerate(term.code(name).sources):
            write_file(_copy(run.folder, name, place, source), source.text)


def _copy(folder: Path, name: str, place: int, source: Source) -> Path:
    """The place of a copy; the defining file may be called as the named one is."""
    return folder / "rewards" / name / (f"{place}-{source.path.name}" if place else source.path.name)


def imported(config: Config) -> dict[str, dict[str, Any]]:
    """Custom reward -> what it imports, which the run's id does not hold: files and packages."""
    return {name: asdict(imports(term.code(name).sources)) for name, term in config.reward.custom.items()}


def notes(config: Config, run: Run) -> Iterator[str]:
    """What a user should hear before training: of a new run, what its id does not hold, and the run that it
    would be if no source had changed; of a run that goes on, which imports changed."""
    if not config.reward.custom:
        return
    if (run.folder / "run.json").exists():
        yield from _changed_imports(config, run)
        return
    for name, contents in imported(config).items():
        packages = [f"{package} {version}".strip() for package, version in contents["packages"].items()]
        if others := [*(Path(path).name for path in contents["files"]), *packages]:
            named = ", ".join(source.path.name for source in config.reward.custom[name].code(name).sources)
            yield (
                f"reward.custom.{name}: the run's id holds the text of {named}, and not what that imports: "
                f"{', '.join(others)}"
            )
    yield from _changed_sources(config, run)


def _changed_imports(config: Config, run: Run) -> Iterator[str]:
    begun = training.segments(run.folder / "train")
    before = begun[-1].get("rewards", {}) if begun else {}
    for name, now in imported(config).items():
        changed = [
            str(item)
            for kind in ("files", "packages")
            for item, state in now[kind].items()
            if name in before and before[name][kind].get(item) != state
        ]
        if changed:
            yield (
                f"{run.folder.name}: {', '.join(changed)}, which reward.custom.{name} imports, changed since "
                "the run was last trained; its id does not hold that, and it goes on with the new one"
            )


def _changed_sources(config: Config, run: Run) -> Iterator[str]:
    """The newest run that differs from this one in nothing but the text of its custom rewards."""
    ours = _without_sources(run.recipe)
    records = run.folder.parent.glob("*/run.json")
    for path in sorted(records, key=lambda path: path.stat().st_mtime, reverse=True):
        if _without_sources((read_record(path) or {}).get("recipe", {})) != ours:
            continue
        for name, term in config.reward.custom.items():
            for place, source in enumerate(term.code(name).sources):
                copy = _copy(path.parent, name, place, source)
                if copy.exists() and copy.read_bytes() != source.text:
                    change = _change(copy.read_bytes(), source.text)
                    yield f"another run than {path.parent.name}, as {source.path} changed since: {change}"
        return


def _without_sources(recipe: dict[str, Any]) -> dict[str, Any]:
    bare = deepcopy(recipe)
    for term in bare.get("reward", {}).get("custom", {}).values():
        term.pop("source", None)
    return bare


def _change(before: bytes, after: bytes) -> str:
    """The first line that differs."""
    texts = [text.decode(errors="replace").splitlines() for text in (before, after)]
    for number, (old, new) in enumerate(zip_longest(*texts, fillvalue=""), 1):
        if old != new:
            return f"line {number} was `{old.strip()}`, is `{new.strip()}`"
    return "the ends of its lines"
