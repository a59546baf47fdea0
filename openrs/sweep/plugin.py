"""`hydra/sweeper=openrs`: the sweeper as Hydra sees it. Optuna is imported when a sweep starts.

The options are those of hydra-optuna-sweeper, with the same names, and what a persistent study needs
beyond them. Its samplers are chosen in the same way: hydra/sweeper/sampler=tpe.
"""

import sys
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra_plugins.hydra_optuna_sweeper.config import OptunaSweeperConf
from omegaconf import MISSING, DictConfig

from openrs.errors import Mistake


@dataclass
class PrunerConf:
    """A pruner of Optuna, by its class."""

    _target_: str = MISSING


@dataclass
class MedianConf(PrunerConf):
    """Stops a run whose curve is below the median of the finished ones at the same step."""

    _target_: str = "optuna.pruners.MedianPruner"
    n_startup_trials: int = 4
    n_warmup_steps: int = 0
    interval_steps: int = 1
    n_min_trials: int = 1


@dataclass
class HalvingConf(PrunerConf):
    """Asynchronous successive halving: the best 1/reduction_factor goes on at each rung."""

    _target_: str = "optuna.pruners.SuccessiveHalvingPruner"
    min_resource: int = 10
    reduction_factor: int = 3
    min_early_stopping_rate: int = 0
    bootstrap_count: int = 0


@dataclass
class HyperbandConf(PrunerConf):
    """Several successive halvings, each with another first rung."""

    _target_: str = "optuna.pruners.HyperbandPruner"
    min_resource: int = 10
    max_resource: int = 100
    reduction_factor: int = 3
    bootstrap_count: int = 0


@dataclass
class WilcoxonConf(PrunerConf):
    """Paired test of per-problem outcomes against the best run: signal=outcomes:BENCHMARK@STEP."""

    _target_: str = "optuna.pruners.WilcoxonPruner"
    p_threshold: float = 0.1
    n_startup_steps: int = 2


@dataclass
class ThresholdConf(PrunerConf):
    """Stops a run whose signal leaves an interval."""

    _target_: str = "optuna.pruners.ThresholdPruner"
    lower: float | None = None
    upper: float | None = None
    n_warmup_steps: int = 0
    interval_steps: int = 1


@dataclass
class PatientConf(PrunerConf):
    """Stops a run that has not improved for `patience` steps."""

    _target_: str = "optuna.pruners.PatientPruner"
    wrapped_pruner: Any = None
    patience: int = 20
    min_delta: float = 0.0


PRUNERS = {
    "median": MedianConf,
    "halving": HalvingConf,
    "hyperband": HyperbandConf,
    "wilcoxon": WilcoxonConf,
    "threshold": ThresholdConf,
    "patient": PatientConf,
}


@dataclass
class SweeperConf(OptunaSweeperConf):
    """Options of the sweeper; what is not listed here is hydra-optuna-sweeper's."""

    _target_: str = "openrs.sweep.plugin.StudySweeper"
    defaults: list[Any] = field(default_factory=lambda: ["_self_", {"sampler": None}, {"pruner": None}])
    sampler: Any = None
    """Null: a grid where every dimension is a list of values, else TPE."""
    direction: Any = None
    """Null: as the objectives say."""
    n_trials: Any = None
    """The total of the study, re-runs included. Null: the whole grid, or 20 samples."""
    n_jobs: int = 1
    """Workers: processes that share the devices of this machine, or, with a launcher that runs jobs
    elsewhere (hydra/launcher=ray or submitit_slurm), jobs at once."""
    max_failure_rate: float = 1.0
    """The sweep ends when more than this share of its trials was left FAILED."""
    fail_fast: bool = False
    """End the sweep at the first failure."""
    retries: int = 2
    """How often a failed trial is tried again."""
    deaths: int = 20
    """How often a trial is taken up again after its process died."""
    heartbeat: int = 15
    """Seconds between signs of life in the storage; four missed ones make a trial stale."""
    wait: bool = True
    """Wait for the trials of other workers at the end, to take over those whose worker dies."""
    report: bool = True
    """Print and write the result at the end; workers leave it to the command that started them."""
    joined: Any = None
    """What had failed when the command joined, which tells it to the workers that it starts; else null."""
    pruner: Any = None
    signal: Any = "reward"
    """What pruners see: `reward`, another figure of metrics.jsonl (`rewards.accuracy`, `-kl`), a combination
    (`{rewards.accuracy: 1, kl: -0.05}`), a score at each saved checkpoint (`score:BENCHMARK`), or each
    problem's outcome (`outcomes:BENCHMARK@STEP`)."""


class StudySweeper(Sweeper):
    """Hydra's handle on a study."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keeps what the sweep needs; nothing is opened yet."""
        self.context, self.task, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        """Runs the study's missing trials. A user's mistake is one line and exit status 1."""
        from openrs.sweep.sweeper import Sweep

        assert self.config is not None
        try:
            complete = Sweep(self.context, self.task, self.config, self.options).run(list(arguments))
        except Mistake as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            sys.exit(1)
        if not complete:
            sys.exit(1)


def register() -> None:
    """Makes `hydra/sweeper=openrs` and the pruners known to Hydra."""
    store = ConfigStore.instance()
    store.store(group="hydra/sweeper", name="openrs", node=SweeperConf, provider="openrs", replace=True)
    for name, node in PRUNERS.items():
        store.store(group="hydra/sweeper/pruner", name=name, node=node, provider="openrs", replace=True)
    Plugins.instance().register(StudySweeper)
