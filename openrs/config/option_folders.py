"""The folders in which options are looked for: conf/ of openrs, the folder of --config-dir, and conf/ and
sweeps/ in the working directory.

An option of openrs goes before one of the same name elsewhere, so that the words of a command mean one recipe
wherever it runs.
"""

from collections.abc import Iterator
from pathlib import Path

from openrs.paths import CONF

SWEEPS = "sweeps"
"""The group that may lie beside a conf/ instead of in it."""

MADE = ("schema", "scale/auto", "hardware/auto")
"""Configs of openrs that no file holds."""


def own() -> Path | None:
    """The working directory's conf/, where it, or a sweeps/ beside it, is a user's own."""
    here = Path.cwd() / "conf"
    there = here.is_dir() or here.with_name(SWEEPS).is_dir()
    return here if there and here.resolve() != CONF else None


def searched(config_dir: str | None = None) -> tuple[Path, ...]:
    """Every folder of options, in the order of their weight.

    Args:
        config_dir: what --config-dir names.
    """
    named = [Path(config_dir).absolute()] if config_dir else []
    here = own()
    return (CONF, *named, *([here] if here and here not in named else []))


def place(root: Path, name: str) -> Path:
    """Where a group or an option of a folder lies: sweeps/ in it, or beside it."""
    group, _, rest = name.partition("/")
    if group == SWEEPS and not (root / SWEEPS).is_dir():
        root = root.parent
    return root / group / rest


def is_ours(name: str) -> bool:
    """Whether openrs has an option, as experiment/exp3."""
    return name in MADE or (CONF / f"{name}.yaml").is_file()


def groups(roots: tuple[Path, ...]) -> list[str]:
    """The groups of options, without Hydra's own. In a conf/ of the working directory, which may belong to
    another program, only groups of openrs count."""
    counted = [root for root in roots if root.is_dir() and root != own()]
    subfolders = {path.name for root in counted for path in root.iterdir() if path.is_dir()}
    return sorted(name for name in subfolders - {"hydra", "__pycache__"} if options(name, roots))


def options(group: str, roots: tuple[Path, ...]) -> list[str]:
    """The options of a group."""
    files = {path.stem for root in roots for path in place(root, group).glob("*.yaml")}
    return sorted(files | ({"auto"} if group == "scale" else set()))


def unread(root: Path) -> Iterator[Path]:
    """The files of another folder that hold an option which openrs has with another content."""
    for group in sorted(path.relative_to(CONF) for path in CONF.rglob("*") if path.is_dir()):
        for path in sorted(place(root, str(group)).glob("*.yaml")):
            ours = CONF / group / path.name
            if is_ours(f"{group}/{path.stem}") and not (ours.exists() and _same(path, ours)):
                yield path


def _same(path: Path, other: Path) -> bool:
    try:
        return path.read_bytes() == other.read_bytes()
    except OSError:
        return False
