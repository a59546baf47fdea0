"""The search space: Hydra's overrides as hydra-optuna-sweeper reads them, and the grid in order."""

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, Sweep
from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl, create_params_from_overrides
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    distribution_to_json,
    json_to_distribution,
)

from openrs.config.names import open_dictionary
from openrs.config.overrides import prepared
from openrs.errors import Mistake

QUIET = (
    "hardware",
    "tracker",
    "outputs",
    "dry_run",
    "force",
    "budget",
    "fail_fast",
    "detect",
    "spread",
    "replicates",
    "curation",
    "hydra",
)
"""Overrides that change no result, so that workers which differ in them share a study."""

DECADES = 100
"""High over low from which an interval that is drawn from evenly gets a hint."""


@dataclass(frozen=True)
class Space:
    """What is swept, and what every trial has in common."""

    distributions: dict[str, BaseDistribution]
    """Override key -> its distribution, in the order of the command line."""
    fixed: dict[str, str]
    deletions: tuple[str, ...]

    def overrides(self, params: dict[str, Any]) -> tuple[str, ...]:
        """One job's overrides in Hydra's spelling. A swept entry of an open dictionary may be a new one, or a
        part of one that all jobs have."""
        swept = [f"{key}={spelled(value)}" for key, value in params.items() if not open_dictionary(key)]
        common = [f"{key}={value}" for key, value in self.fixed.items() if key not in params]
        entries = [f"++{key}={spelled(value)}" for key, value in params.items() if open_dictionary(key)]
        return (*swept, *common, *entries, *self.deletions)

    @property
    def finite(self) -> bool:
        """Whether every dimension is a list of values."""
        return all(choices(distribution) for distribution in self.distributions.values())

    def size(self) -> int:
        """Number of grid points."""
        return math.prod(len(self._choices(key)) for key in self.distributions)

    def points(self) -> list[dict[str, Any]]:
        """Every grid point once: the first dimension is the slowest, values in the given order.

        Raises:
            Mistake: a dimension is an interval.
        """
        listed = [self._choices(key) for key in self.distributions]
        return [dict(zip(self.distributions, values, strict=True)) for values in itertools.product(*listed)]

    def _choices(self, key: str) -> list[Any]:
        values = choices(self.distributions[key])
        if values is None:
            raise Mistake(
                f"{key}: an interval has no grid points. Give a list of values, as {key}=1,2,3, or a "
                "sampler, as hydra/sweeper/sampler=tpe."
            )
        return values

    def described(self) -> Iterator[str]:
        """Each dimension in words."""
        for key, distribution in self.distributions.items():
            values = choices(distribution)
            if values is not None:
                yield f"{key}: one of {', '.join(map(spelled, values))}"
                continue
            low, high, log = (vars(distribution)[name] for name in ("low", "high", "log"))
            line = f"{key}: from {low:g} to {high:g}, {'evenly on a log scale' if log else 'evenly'}"
            if not log and low > 0 and high / low >= DECADES:
                line += (
                    f"; nine draws in ten are above {low + (high - low) / 10:g}. To draw every power of ten "
                    f"as often, give {key}=tag(log, interval({low:g}, {high:g}))"
                )
            yield line

    def stored(self) -> dict[str, Any]:
        """As JSON, to be kept with the study."""
        return {
            "space": {key: distribution_to_json(d) for key, d in self.distributions.items()},
            "fixed": {k: v for k, v in self.fixed.items() if k.split(".")[0].lstrip("+") not in QUIET},
            "deletions": list(self.deletions),
        }

    def with_stored(self, kept: dict[str, Any]) -> "Space":
        """This space with the study's own distributions, as a shuffled list has another order."""
        return Space(
            {key: json_to_distribution(text) for key, text in kept["space"].items()},
            self.fixed,
            self.deletions,
        )


def spelled(value: Any) -> str:
    """A value as an override spells it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def choices(distribution: BaseDistribution) -> list[Any] | None:
    """The values of a dimension; None for an interval."""
    try:
        return list(OptunaSweeperImpl._to_grid_sampler_choices(distribution))
    except ValueError:
        return None


def parse(
    arguments: list[str],
    params: dict[str, Any] | None,
    loader: Any,
    folders: Sequence[Path] | None = None,
) -> Space:
    """Reads the sweep file's params and the command line, in this order.

    Args:
        folders: of options beside conf/; None where the jobs are those of another Hydra application.

    Raises:
        Mistake: the space is wrong or empty.
    """
    listed = [f"{key}={spelled(value)}" for key, value in (params or {}).items()]
    if folders is not None:
        listed = _of_file(listed, arguments, folders)
    lines = _without_globs([*listed, *arguments], loader)
    if folders is not None:  # entries that file and command line write into one dictionary are one override
        lines = prepared(lines, folders, multirun=True)
    for line in lines:
        _distribution(line)
    space, fixed, deletions = create_params_from_overrides(lines)
    for key in fixed:
        space.pop(key, None)  # the command line pins what the file sweeps
    for key, distribution in space.items():
        if isinstance(distribution, CategoricalDistribution):
            space[key] = CategoricalDistribution(tuple(dict.fromkeys(distribution.choices)))
    return Space(space, fixed, tuple(deletions))


def _of_file(lines: list[str], arguments: list[str], folders: Sequence[Path]) -> list[str]:
    """The lines of a sweep file as those of a command line, without what the command line pins by an entry.

    Raises:
        Mistake: a line would be refused on the command line.
    """
    try:
        lines = prepared(lines, folders, multirun=True)
    except Mistake as error:
        raise Mistake(f"hydra.sweeper.params: {error}") from error
    stated = [one for one in OverridesParser.create().parse_overrides(arguments) if one.is_add()]
    return [line for line in lines if not any(_states(entry, line.partition("=")[0]) for entry in stated)]


def _states(entry: Override, name: str) -> bool:
    """Whether an entry of a dictionary holds the field of this name."""
    above, value = entry.key_or_group, entry.value()
    if not name.startswith(f"{above}."):
        return False
    for key in name.removeprefix(f"{above}.").split("."):
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def _distribution(line: str) -> None:
    """Refuses what cannot be swept.

    Raises:
        Mistake: it is neither a list nor an interval.
    """
    (override,) = OverridesParser.create().parse_overrides([line])
    key, remedy = override.key_or_group, "Give a list, as 1,2 or range(1,4), or an interval, as interval(0,1)"
    value = override.value()
    if isinstance(value, ChoiceSweep) and any(isinstance(item, Sweep) for item in value.list):
        raise Mistake(f"{line}: a dimension is a list or an interval, not both. {remedy}.")
    try:
        create_params_from_overrides([line])
    # hydra-optuna-sweeper's parser raises these three for what it cannot sweep
    except (ValueError, NotImplementedError, AssertionError) as error:
        problem = str(error).splitlines()[0].rstrip(".")
        raise Mistake(f"{line}: {key} cannot be swept so ({problem}). {remedy}.") from None


def _without_globs(lines: list[str], loader: Any) -> list[str]:
    """Replaces glob(...) of config groups by the options it matches."""
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(lines)
    return [
        f"{override.get_key_element()}={','.join(override.sweep_string_iterator())}"
        if override.is_sweep_override() and "glob(" in line
        else line
        for override, line in zip(parsed, lines, strict=True)
    ]


def compare(stored: dict[str, Any], question: dict[str, Any], name: str) -> None:
    """Refuses to go on with a study of another question.

    Raises:
        Mistake: naming what differs.
    """
    for part, what in (("space", "sweeps"), ("fixed", "fixes"), ("deletions", "leaves out")):
        if unordered(stored[part]) != unordered(question[part]):
            raise Mistake(
                f"hydra.sweeper.study_name={name}: the stored study {what} {_brief(stored[part])}, this "
                f"command {_brief(question[part])}. Give another study_name, or leave it out: then every "
                "question has a study of its own, and what was run is not run again."
            )


def unordered(part: Any) -> Any:
    """A part of a stored space without the order of its choices, which a shuffled list changes."""
    if isinstance(part, dict):
        return {key: _values(value) for key, value in part.items()}
    return sorted(part)


def _brief(part: Any) -> str:
    items = [f"{k}={_values(str(v))}" for k, v in part.items()] if isinstance(part, dict) else list(part)
    return ", ".join(items) or "nothing"


@functools.cache
def _values(text: str) -> str:
    """A stored distribution for a person; a fixed value as it is."""
    if not text.startswith('{"name"'):
        return text
    distribution = json_to_distribution(text)
    values = choices(distribution)
    if values is None:
        attributes = vars(distribution)
        scale = "log " if attributes["log"] else ""
        return f"{scale}interval({attributes['low']}, {attributes['high']})"
    return "|".join(sorted(map(str, values)))
