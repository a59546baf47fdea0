"""What openrs hands to TRL, lighteval and vLLM, read from its own source.

Every call of something imported from those packages, with its argument names: the source is the list,
so it cannot fall behind the code.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openrs.config.schema import Config
from openrs.paths import ROOT
from openrs.processes import vllm_server

PACKAGES = ("trl", "lighteval", "vllm")


@dataclass(frozen=True)
class Use:
    """One place where openrs calls or names something of another package."""

    target: str
    """Dotted name, as trl.GRPOConfig."""
    where: str
    """File and line."""
    called: bool
    """False: only named, as a type, a constant or a patched attribute."""
    positional: int = 0
    keywords: tuple[str, ...] = ()
    unpacked: bool = False
    """The call has *arguments or **arguments, whose names the source does not show."""


def uses(folder: Path = ROOT / "openrs") -> list[Use]:
    """Every use in the modules of a folder; making the nano model is no part of a recipe."""
    paths = (path for path in sorted(folder.rglob("*.py")) if path.parent.name != "nano")
    return [use for path in paths for use in read(path)]


def of_server(config: Config) -> list[Use]:
    """What the vLLM server of training is started with: TRL reads its own flags and hands vLLM the rest."""
    flags = vllm_server.arguments(config, config.model.id, vllm_server.Server(), reached=0)[::2]
    names = {flag.removeprefix("--") for flag in flags}
    where = str(Path(vllm_server.__file__).relative_to(ROOT))
    return [
        Use("trl.scripts.vllm_serve.ScriptArguments", where, True, keywords=tuple(sorted(names - {"seed"}))),
        Use("vllm.AsyncEngineArgs", where, True, keywords=("seed",)),
    ]


def read(path: Path) -> list[Use]:
    """The uses in one module, those inside functions and classes among them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = _imported(tree)
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (target := _target(node.func, known)):
            found.append(
                Use(
                    target,
                    f"{name}:{node.lineno}",
                    called=True,
                    positional=sum(not isinstance(item, ast.Starred) for item in node.args),
                    keywords=tuple(item.arg for item in node.keywords if item.arg),
                    unpacked=any(isinstance(item, ast.Starred) for item in node.args)
                    or any(item.arg is None for item in node.keywords),
                )
            )
        elif isinstance(node, ast.Name | ast.Attribute) and id(node) not in called | inner:
            if target := _target(node, known):
                found.append(Use(target, f"{name}:{node.lineno}", called=False))
        elif isinstance(node, ast.ClassDef):
            found += [Use(target, f"{name}:{line}", called=False) for target, line in _inherited(node, known)]
    return found


def _imported(tree: ast.Module) -> dict[str, str]:
    """Local name -> dotted name of what comes from the packages."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            known |= {item.asname or item.name: f"{node.module}.{item.name}" for item in node.names}
        elif isinstance(node, ast.Import):
            for item in node.names:
                if item.name.split(".")[0] in PACKAGES:
                    local = item.asname or item.name.split(".")[0]
                    known[local] = item.name if item.asname else local
    for node in ast.walk(tree):  # a subclass without its own __init__, and a choice between classes
        if isinstance(node, ast.ClassDef) and not any(
            isinstance(item, ast.FunctionDef) and item.name == "__init__" for item in node.body
        ):
            bases = [target for base in node.bases if (target := _target(base, known))]
            known |= {node.name: bases[0]} if len(bases) == 1 else {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp):
            target = _target(node.value.body, known) or _target(node.value.orelse, known)
            if target and isinstance(node.targets[0], ast.Name):
                known[node.targets[0].id] = target
    return known


def _target(node: ast.expr, known: dict[str, str]) -> str | None:
    """The dotted name of `a.b.c` where `a` was imported, or None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in known:
        return ".".join((known[node.id], *reversed(parts)))
    return None


def _inherited(node: ast.ClassDef, known: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Methods that a subclass takes from its foreign base: super().f(...), and self.f(...) not its own."""
    bases = [target for base in node.bases if (target := _target(base, known))]
    if len(bases) != 1:
        return
    own = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
    own |= {
        item.attr
        for item in ast.walk(node)
        if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store)
    }
    for item in ast.walk(node):
        if not (isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)):
            continue
        owner, name = item.func.value, item.func.attr
        parent = isinstance(owner, ast.Call) and getattr(owner.func, "id", "") == "super"
        itself = getattr(owner, "id", "") == "self" and name not in own
        if parent or itself:
            yield f"{bases[0]}.{name}", item.lineno
