"""Which trial comes next: what is still owed of a study's slots. All of this runs under the study's lock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from openrs.studies.liveness import lost
from openrs.studies.trials import (
    AFTER,
    ERROR,
    FINAL,
    FROZEN,
    PROMOTES,
    RECORD,
    SLOT,
    Slot,
    died,
    put_back,
    slots,
)
from openrs.sweep import freezing
from openrs.sweep.freezing import Points


@dataclass(frozen=True)
class Patience:
    """How often a slot is tried."""

    retries: int
    deaths: int
    forgiven: frozenset[int] = frozenset()
    """Numbers of trials that get one more try: those that were left FAILED when this command joined the
    study, as whoever starts a command again has mended something, and those whose run is gone."""
    failed: int = 0
    """Attempts that had failed of themselves by then."""

    @property
    def joined(self) -> str:
        """What had failed, as an override that a command gives the workers that it starts."""
        return f"{{forgiven:{sorted(self.forgiven)},failed:{self.failed}}}"


def patience(options: DictConfig, study: optuna.Study | None, outputs: Path) -> Patience:
    """The patience of a command that joins a study, or of a worker that another command started.

    Args:
        outputs: the folder of the runs.
    """
    first = Patience(options.retries, options.deaths)
    if options.joined is not None:
        return replace(first, forgiven=frozenset(options.joined.forgiven), failed=options.joined.failed)
    if study is None:
        return first
    gone = frozenset(trial.number for trial in without_run(study, outputs))
    return replace(first, forgiven=left_failed(study, first) | gone, failed=failures(study))


def owed(slot: Slot, patience: Patience) -> bool:
    """Whether a slot's last trial failed in a way that is to be tried again."""
    if slot.last.number in patience.forgiven:
        return True
    if slot.last.state != TrialState.FAIL:
        return False
    if put_back(slot.last):
        return True
    if slot.last.user_attrs.get(FINAL):
        return False
    failed = [t for t in slot.trials if t.state == TrialState.FAIL and not put_back(t)]
    deaths = sum(map(died, failed))
    return deaths <= patience.deaths and len(failed) - deaths <= patience.retries


def owed_slots(trials: Sequence[FrozenTrial], total: int, patience: Patience) -> list[int]:
    """The slots of a study that still need something; all of them where there is no trial yet."""
    ended = {
        number
        for number, slot in slots(trials).items()
        if slot.last.state.is_finished() and not owed(slot, patience)
    }
    return [number for number in range(total) if number not in ended]


def failures(study: optuna.Study) -> int:
    """Attempts that failed of themselves: no process died, and no worker gave its trial back."""
    ended = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    return sum(ERROR in trial.user_attrs for trial in ended)


def left_failed(study: optuna.Study, patience: Patience) -> frozenset[int]:
    """Numbers of the last trials of the slots that failed and are not tried again."""
    taken = slots(study.get_trials(deepcopy=False)).values()
    last = [slot.last for slot in taken if not owed(slot, patience)]
    return frozenset(trial.number for trial in last if trial.state == TrialState.FAIL)


def without_run(study: optuna.Study, outputs: Path) -> list[FrozenTrial]:
    """The complete trials whose run has no record any more, as somebody removed its folder.

    Args:
        outputs: the folder of the runs now; a trial remembers an earlier one.
    """
    last = [slot.last for slot in slots(study.get_trials(deepcopy=False)).values()]
    complete = [trial for trial in last if trial.state == TrialState.COMPLETE]
    folders = {trial.number: trial.user_attrs.get(RECORD, {}).get("folder") for trial in complete}
    return [
        trial for trial in complete if (run := folders[trial.number]) and not _is_there(Path(run), outputs)
    ]


def _is_there(run: Path, outputs: Path) -> bool:
    return any((folder / "run.json").exists() for folder in (run, outputs / "runs" / run.name))


def reclaim(study: optuna.Study, mine: set[int], heartbeat: int) -> None:
    """Fails the running trials whose process is dead, so that they are taken up again.

    Args:
        study: the study.
        mine: numbers of the trials that this process has in flight.
        heartbeat: seconds between a worker's signs of life.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.number not in mine and lost(trial, heartbeat):
            study.tell(trial.number, state=TrialState.FAIL)


def enqueue_next(
    study: optuna.Study,
    *,
    points: Points,
    params: Callable[[int], dict[str, Any]],
    patience: Patience,
    promotions: Callable[[dict[int, Slot], bool], FrozenTrial | None],
    replicates: int = 1,
) -> bool:
    """Puts the next trial into the queue, if one is owed: a retry, a promotion, a new slot, or the
    answer of a frozen one.

    Args:
        study: the study; trials that wait already are next.
        points: the slots, as far as those of a point go one after another.
        params: a new slot's number -> its params; the sampler proposes the others.
        patience: how often a slot is tried.
        promotions: chooses a pruned trial whose run goes on; with True it lets the best one go on.
        replicates: slots in a row that have one proposal, the first one's.

    Returns:
        Whether a trial is waiting now.
    """
    trials = study.get_trials(deepcopy=False)
    if any(trial.state == TrialState.WAITING for trial in trials):
        return True
    taken = slots(trials)
    of_points = {number for members in points for number in members}
    for slot in taken.values():
        if slot.number in of_points and owed(slot, patience):
            _again(study, slot.last, {})
            return True

    def promote(best: bool) -> bool:
        paused = promotions(taken, best)
        if paused is not None:
            _again(study, paused, {PROMOTES: paused.number})
        return paused is not None

    def start(fresh: int, attributes: dict[str, Any]) -> bool:
        first = taken.get(fresh - fresh % replicates)
        proposed = (_proposed(first.last) if first else {}) | params(fresh)
        study.enqueue_trial(proposed, user_attrs={SLOT: fresh} | attributes)
        return True

    if promote(False):
        return True
    direction = study.directions[0] if len(study.directions) == 1 else StudyDirection.NOT_SET
    if turns := freezing.ready(points, taken, direction):
        runs = freezing.runs_before(turns[0], points, taken)
        return start(turns[0], {AFTER: runs} if runs else {})
    if any(trial.state == TrialState.RUNNING for trial in trials):
        return False  # its result decides which run is promoted
    if not freezing.has_winner(points, taken) and promote(True):
        return True
    answer = next(freezing.frozen(points, taken, direction), None)
    return answer is not None and start(answer[0], {FROZEN: answer[1]})


def _proposed(trial: FrozenTrial) -> dict[str, Any]:
    """The params of a trial; of one that died at once what was enqueued for it."""
    return dict(trial.system_attrs.get("fixed_params", {})) | trial.params


def _again(study: optuna.Study, trial: FrozenTrial, more: dict[str, Any]) -> None:
    """Enqueues another trial of the same slot; earlier marks go along."""
    kept = {key: trial.user_attrs[key] for key in (SLOT, PROMOTES, AFTER, FROZEN) if key in trial.user_attrs}
    study.add_trial(
        create_trial(
            state=TrialState.WAITING,
            system_attrs={"fixed_params": _proposed(trial)},
            user_attrs=kept | more,
        )
    )
