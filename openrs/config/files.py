"""The files of options as Hydra reads them: what is wrong in one is said with its line and the remedy.

Beside Hydra's own reading, a file may begin with a byte-order mark, an experiment without a name has that of
its file, and a folder other than openrs's own gives what openrs does not have.
"""

import builtins
import copy
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import yaml
from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from openrs.config import names, option_folders, values
from openrs.errors import Mistake
from openrs.paths import CONF

Lines = dict[str, tuple[int, str]]
"""Dotted name of a value in a file -> its line, and its text as it is written there."""


class FileConfigSource(file_config_source.FileConfigSource):
    """A folder of option files.

    It bears the name of Hydra's own reader, as Hydra's registry keeps the first of two readers of one name: a
    job that a launcher sends to another process keeps this one.
    """

    def is_group(self, config_path: str) -> bool:
        """Whether a group lies here; a group in the working directory is one of openrs."""
        if self.provider == OwnFolder.__name__ and not (CONF / config_path).is_dir():
            return False
        return self._place(config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        """Whether this folder gives an option; where openrs has it, no other folder does."""
        name = self._normalize_file_name(config_path)
        if self.provider != "main" and option_folders.is_ours(name.removesuffix(".yaml")):
            return False
        return self._place(name).is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> builtins.list[str]:
        """What lies in a group."""
        files: builtins.list[str] = []
        for path in self._place(config_path).iterdir():
            self._list_add_result(files, f"{config_path}/{path.name}".lstrip("/"), path.name, results_filter)
        return sorted(set(files))

    def _place(self, name: str) -> Path:
        return option_folders.place(Path(self.path), name)

    def load_config(self, config_path: str) -> ConfigResult:
        """Reads one file.

        Raises:
            Mistake: it is no YAML, or holds a name or a value that the schema does not have.
        """
        name = self._normalize_file_name(config_path)
        path = self._place(name)
        if not path.exists():
            raise ConfigLoadError(f"Config not found : {path}")
        text = _text(path)
        group = Path(name).parent.as_posix().strip(".")
        header = self._header(path, text)
        if group.split("/")[0] in names.WHOLE and header["package"] is None:
            raise Mistake(
                f"{path}: an option of {group} is a part of the whole config. "
                "Let its first line be `# @package _global_`."
            )
        package = header["package"] or group.replace("/", ".")
        package = {"_global_": "", "_group_": group.replace("/", ".")}.get(package, package)
        config = copy.deepcopy(_checked(path, text, package, group.split("/")[0] == "experiment"))
        return ConfigResult(
            config=config, path=f"{self.scheme()}://{self.path}", provider=self.provider, header=header
        )

    def _header(self, path: Path, text: str) -> dict[str, str | None]:
        try:
            return self._get_header_dict(text)
        except ValueError as error:
            raise Mistake(f"{path}: {error}. Say `# @package _global_`, or leave the line out.") from None


class OwnFolder(SearchPathPlugin):
    """Lets Hydra look for options in the working directory."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Adds the working directory's folder behind openrs's own."""
        if here := option_folders.own():
            search_path.append(OwnFolder.__name__, f"file://{here}")


def register() -> None:
    """Lets Hydra read files through this module."""
    Plugins.instance().register(OwnFolder)  # Hydra's own reader is registered before it
    SourcesRegistry.instance().types[FileConfigSource.scheme()] = FileConfigSource


def _text(path: Path) -> str:
    """The text of a file without its byte-order mark."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Mistake(f"{path}: byte {error.start} is no UTF-8. Save the file as UTF-8.") from None
    except OSError as error:
        raise Mistake(f"{path}: cannot be read ({error.strerror}). Give a file that can be.") from None


@cache  # a sweep reads the same files for every point
def _checked(path: Path, text: str, package: str, experiment: bool) -> DictConfig:
    """The values of a file that stands at a package of the config."""
    config = _content(path, text)
    if experiment and not package and "name" not in config:
        config.name = path.stem
    _check(path, text, config, package)
    return config


def _content(path: Path, text: str) -> DictConfig:
    """The values of a file."""
    try:
        content = OmegaConf.load(io.StringIO(text))
    except yaml.YAMLError as error:
        _malformed(path, text, error)
    except (OmegaConfBaseException, OSError) as error:
        raise Mistake(f"{path}: {str(error).splitlines()[0]}. Write it as lines `name: value`.") from None
    except RecursionError:
        raise Mistake(f"{path}: nests too deep. Write it as lines `name: value`.") from None
    except (ValueError, AttributeError) as error:  # a number of thousands of digits, a date that is none
        raise Mistake(f"{path}: holds no value ({str(error).split(';')[0]}). Mend or quote it.") from None
    if not isinstance(content, DictConfig):
        raise Mistake(f"{path}: is a list, and options are lines `name: value`. Write it as such lines.")
    return content


def _malformed(path: Path, text: str, error: yaml.YAMLError) -> NoReturn:
    """Raises the mistake of a file that is no YAML."""
    mark = getattr(error, "problem_mark", None)
    line = "" if mark is None else f", line {mark.line + 1}"
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    remedy = "Mend the line"
    if mark is not None and "\t" in "".join(text.splitlines()[mark.line : mark.line + 1]):
        remedy = "Indent with spaces"
    elif "duplicate key" in problem:
        remedy = "Keep one of the two lines"
    raise Mistake(f"{path}{line}: is no YAML ({problem}). {remedy}.")


def _check(path: Path, text: str, config: DictConfig, package: str) -> None:
    """Checks the names and values of a file that stands at a package of the config."""
    if package.split(".")[0] == "hydra" or (package and names.place(package) is None):
        return
    content = OmegaConf.to_container(config, resolve=False)
    assert isinstance(content, dict)
    lines: Lines = {}
    _collect(yaml.compose(text, Loader=yaml.CSafeLoader), package, lines)
    texts = {name: written for name, (_, written) in lines.items() if written}
    for key, value in content.items():
        name = f"{package}.{key!s}".lstrip(".")
        if key == "defaults" or name == "hydra":
            continue
        try:
            values.require(name, value, texts)
            _spelled(name, value, texts)
        except Mistake as error:
            named = [at for at in lines if str(error).startswith((f"{at}=", f"{at}:"))]
            line = lines.get(max(named, key=len, default=name), (1, ""))[0]
            raise Mistake(f"{path}, line {line}: {error}") from None


def _collect(node: Any, name: str, lines: Lines) -> None:
    """Notes where the values of a YAML node stand."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{name}.{key.value}".lstrip(".")
            plain = isinstance(value, yaml.ScalarNode) and not value.style
            lines[inner] = (key.start_mark.line + 1, value.value if plain else "")
            _collect(value, inner, lines)


def _spelled(name: str, value: Any, texts: Mapping[str, str]) -> None:
    """Refuses a number where a text is wanted, if the text would be spelled otherwise than in the file."""
    if isinstance(value, dict):
        for key, item in value.items():
            _spelled(f"{name}.{key}", item, texts)
        return
    stands = names.place(name)
    if stands is None or isinstance(value, bool) or not isinstance(value, int | float):
        return
    if str in names.alternatives(stands.annotation) and texts.get(name, str(value)) != str(value):
        values.refuse_value(name, stands, value, texts[name])
