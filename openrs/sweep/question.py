"""What a sweep asks, read from its file and the command line: space, objectives, pruner, name and folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from openrs import terminal
from openrs.config.compose import to_config
from openrs.errors import Mistake
from openrs.paths import CONF
from openrs.records.recipe import digest
from openrs.studies.storage import address
from openrs.sweep import objective, sampler, seed_axis, signal, signal_checks, space
from openrs.sweep.points import Points

SAMPLES = 20
"""Trials of a sampler where n_trials is not given, as in hydra-optuna-sweeper."""


@dataclass(frozen=True)
class Question:
    """What a sweep asks, and where its study is kept."""

    name: str
    """The study's."""
    folder: Path
    storage: str
    """The URL of the study's storage."""
    points: Points
    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    typed: bool
    """Whether the jobs are openrs' runs; False: another Hydra application, whose job returns numbers."""
    stored: dict[str, Any]
    """The form that is kept with the study, and compared when the study is joined."""
    extend: Callable[..., None] | None
    """Suggests further parameters of a trial, where the sweep's file names a function that does."""

    def say(self, text: str) -> None:
        """Tells the user what happens."""
        terminal.say(f"{self.name}: {text}")


def read_question(
    arguments: list[str], config: DictConfig, options: DictConfig, loader: ConfigLoader
) -> Question:
    """The question of a command line.

    Args:
        arguments: the task's overrides.
        config: the whole config.
        options: the sweeper's, checked.
        loader: composes the jobs' configs.

    Raises:
        Mistake: the options, the space, the objectives or the signal are wrong.
    """
    _check_numbers(options)
    typed = "objective" in config
    folders = _folders(config) if typed else None
    swept = space.parse(arguments, options.params, loader, folders)
    runs = seed_axis.stated(swept, config) if typed else 1
    swept = seed_axis.axis(swept, config, runs) if runs > 1 else swept
    objectives, directions = _objectives(config, options, typed)
    extend = _extension(options.custom_search_space)
    if not swept.distributions and extend is None:
        raise Mistake(
            "sweep: nothing is swept. Give at least one list or interval, as seed=0,1,2, or choose a "
            "file, as sweeps=table1."
        )
    is_grid = extend is None and sampler.is_grid(options.sampler, swept)
    grid = swept.points() if is_grid else None
    if grid is None:
        sampler.rehearse(options.sampler, swept, directions)
    searched = grid is None and typed
    replicates = seed_axis.of_search(swept, extend is not None) if searched else ()
    total = _total(options.n_trials, grid, runs, len(replicates))
    points = Points(loader, config, swept, grid, total, folders, replicates)
    pruner = sampler.make_pruner(options.pruner)
    if pruner is not None and typed:
        rewards = signal_checks.rewarding(points)
        signal_checks.check(signal.parse(options.signal), config, rewards, type(pruner).__name__)
    stored = swept.stored() | {"grid": is_grid, "objectives": list(objectives)}
    if replicates:
        stored["replicates"] = list(replicates)
    name, folder = _address(config, options, stored)
    if typed:
        stored |= {"made_of": _made_of(config) | _custom_rewards(points)}
    storage = address(options.storage, folder)
    return Question(name, folder, storage, points, objectives, directions, typed, stored, extend)


def _folders(config: DictConfig) -> tuple[Path, ...]:
    """The user's folders of options."""
    sources = [Path(item.path) for item in config.hydra.runtime.config_sources if item.schema == "file"]
    return tuple(folder for folder in sources if folder != CONF)


def _check_numbers(options: DictConfig) -> None:
    """Refuses options that no sweep could have."""
    least = {"n_jobs": 1, "retries": 0, "deaths": 0, "heartbeat": 1, "max_failure_rate": 0}
    for name, lowest in least.items():
        if not options[name] >= lowest:
            raise Mistake(f"hydra.sweeper.{name}={options[name]}: must be {lowest} or more.")


def _objectives(
    config: DictConfig, options: DictConfig, typed: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and directions; refuses what the runs will not measure."""
    stated = options.direction
    stated = list(stated) if OmegaConf.is_list(stated) else [] if stated is None else [stated]
    directions = tuple(str(getattr(item, "name", item)) for item in stated)
    for item in directions:
        if item not in ("minimize", "maximize"):
            raise Mistake(f"hydra.sweeper.direction={item}: must be minimize or maximize.")
    if not typed:
        directions = directions or ("minimize",)
        return tuple(f"value {number}" for number in range(len(directions))), directions
    objectives = objective.names(config.objective)
    objective.check(objectives, config)
    directions = directions or tuple(objective.directions(objectives))
    if len(directions) != len(objectives):
        raise Mistake(
            f"hydra.sweeper.direction={list(directions)}: {len(objectives)} objectives need as many "
            "directions. Leave it out: every objective has a direction of its own."
        )
    return objectives, directions


def _extension(path: str | None) -> Callable[..., None] | None:
    if not path:
        return None
    extend: Callable[..., None] = instantiate(
        {"_target_": path, "_partial_": True}, _execution_whitelist_=path
    )
    return extend


def _total(number: Any, grid: Sequence[dict[str, Any]] | None, runs: int, replicates: int) -> int:
    """Slots of the study.

    Args:
        number: `n_trials`, if it was given.
        grid: the points; None where a sampler proposes them.
        runs: of each of so many trials, as `replicates` states.
        replicates: seeds with which each proposal of a sampler is run.
    """
    if number is not None and (not isinstance(number, int) or number < 1):
        raise Mistake(f"hydra.sweeper.n_trials={number}: must be a number of trials, 1 or more.")
    number = None if number is None else number * runs
    if number is not None and replicates and number % replicates:
        raise Mistake(
            f"hydra.sweeper.n_trials={number}: is no multiple of the {replicates} seeds with which each "
            f"proposal is run. Give {number + replicates - number % replicates}."
        )
    if grid is None:
        return SAMPLES * max(1, replicates) if number is None else int(number)
    return len(grid) if number is None else min(int(number), len(grid))


def _address(config: DictConfig, options: DictConfig, stored: dict[str, Any]) -> tuple[str, Path]:
    """Name of the study and folder of the sweep: by the sweep file, or by a hash of the question; a folder
    that the command line gives is taken as it is."""
    file = config.hydra.runtime.choices.get("sweeps", "")
    kind = file or ("sweep" if file == "" else "grid" if stored["grid"] else "search")
    unique = f"{kind}-{digest(identity(config, stored))[:8]}"
    folder = Path(config.hydra.sweep.dir)
    stated = any(item.split("=")[0] == "hydra.sweep.dir" for item in config.hydra.overrides.hydra)
    if file is None and not stated:
        folder = folder.with_name(unique)
    return options.study_name or unique, folder.absolute()


def identity(config: DictConfig, stored: dict[str, Any]) -> dict[str, Any]:
    """All that the answer depends on: the space, the objectives, and every other option."""
    rest = OmegaConf.to_container(config, resolve=False)
    assert isinstance(rest, dict)
    for key in (*space.QUIET, "sweeps"):
        rest.pop(key, None)
    if isinstance(rest.get("scale"), dict):
        rest["scale"].pop("reason", None)  # it names this machine's devices
    if isinstance(rest.get("model"), dict):
        rest["model"].pop("commit", None)  # it follows from id and revision, which stay
    ordered = stored | {"space": space.unordered(stored["space"])}
    return {"question": ordered, "config": str(rest)}


def _made_of(config: DictConfig) -> dict[str, str]:
    """Group -> the option that every trial has, of the groups that a result depends on, and the scale that
    scale=auto was."""
    quiet = (*space.QUIET, "sweeps")
    choices = OmegaConf.to_container(config.hydra.runtime.choices)
    assert isinstance(choices, dict)
    options = {str(k): str(v) for k, v in choices.items() if str(k).split("/")[0].split("@")[0] not in quiet}
    return options | {"scale": str(config.scale.name)}


def _custom_rewards(points: Points) -> dict[str, str]:
    """Custom reward -> the source that all trials have: another text of it makes another question."""
    if not points.config.reward.custom:
        return {}
    config = to_config(points.compose(points.params(0)))
    custom = config.reward.custom
    return {f"reward.custom.{name}": f"source {term.code(name).digest[:8]}" for name, term in custom.items()}
