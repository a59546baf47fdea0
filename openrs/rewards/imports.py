"""What the source of a user's function imports: its identity does not hold it, so its records do."""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from openrs.rewards.user_code import Source


@dataclass
class Imports:
    """Files of the user's, and packages."""

    files: dict[str, str] = field(default_factory=dict)
    """Path -> SHA-256 of its text."""
    packages: dict[str, str] = field(default_factory=dict)
    """Name -> version; empty where it states none."""


def imports(sources: tuple[Source, ...]) -> Imports:
    """What these files import, and what the user's own files among that import in their turn; Python's own
    library is left out."""
    all_imports = Imports()
    left = [(source, None if source.package else source.path.parent) for source in sources]
    paths = {str(source.path) for source in sources}
    while left:
        source, folder = left.pop()
        for name in _names(source):
            top = name.partition(".")[0]
            path = None if top in sys.stdlib_module_names else _file(name, folder)
            if path is None or str(path) in paths:
                continue
            if top == "openrs" or {"site-packages", "dist-packages"}.intersection(path.parts):
                all_imports.packages[top] = _version(top)
                continue
            paths.add(str(path))
            text = path.read_bytes()
            all_imports.files[str(path)] = hashlib.sha256(text).hexdigest()
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            left.append((Source(path, text, package), folder))
    return Imports(dict(sorted(all_imports.files.items())), dict(sorted(all_imports.packages.items())))


def _names(source: Source) -> Iterator[str]:
    """The modules that a file may import, with the packages around them."""
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = source.package.split(".")[: len(source.package.split(".")) - max(0, node.level - 1)]
            module = ".".join([*(above if node.level else []), *([node.module] if node.module else [])])
            modules = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for module in modules:
            parts = module.split(".")
            yield from (".".join(parts[: end + 1]) for end in range(len(parts)))


def _file(name: str, folder: Path | None) -> Path | None:
    """The file of a module, which is not imported for it.

    Args:
        folder: of the user's file, where its imports are looked for first.
    """
    for end in (".py", "/__init__.py") if folder else ():
        if (beside := Path(f"{folder}/{name.replace('.', '/')}{end}")).is_file():
            return beside.resolve()
    module, above = sys.modules.get(name), name.rpartition(".")[0]
    if module is not None:
        file = getattr(module, "__file__", None)
    elif above and above not in sys.modules:  # to find it would import the package around it
        return None
    else:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None
        file = spec.origin if spec and spec.has_location else None
    return Path(file).resolve() if file and file.endswith(".py") else None


def _version(package: str) -> str:
    """The version of an installed package, by the name under which it is imported."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        pass
    names = metadata.packages_distributions().get(package)
    return metadata.version(names[0]) if names else ""
