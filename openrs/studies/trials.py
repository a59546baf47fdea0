"""What openrs writes into the trials of a study, and what the attributes say of a trial.

A study has `n_trials` slots. A slot is one proposal; its first trial and the retries that follow share it, so
totals are exact however often workers die.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, Trial, TrialState

SLOT = "slot"
"""The number of the trial's slot."""

RECORD = "record"
"""The address of the trial's run, what the trial cost, and its score files."""

REPEATED = "repeated"
"""True where the trial was answered from the records of an earlier run of the same recipe."""

PROMOTES = "promotes"
"""The number of the pruned trial whose run this one takes on."""

AFTER = "after"
"""The runs of its point's earlier training seeds, with which the pruner judges the trial's run together."""

FROZEN = "frozen"
"""Why the trial is answered without training: an earlier training seed of its point was stopped."""

REASON = "reason"
"""Why the trial was pruned, stopped, or failed."""

ERROR = "error"
"""The error of a trial that failed of itself; a trial whose process died has none."""

FINAL = "final"
"""True where trying again cannot help, as after a mistake in the config."""

PUT_BACK = "put back"
"""True where the trial is to go on later: the budget was reached, the machine could not run it, or its
command was interrupted."""


@dataclass(frozen=True)
class Slot:
    """One proposal and its trials, in order."""

    number: int
    trials: tuple[FrozenTrial, ...]

    @property
    def last(self) -> FrozenTrial:
        """The trial that says how the slot stands."""
        return self.trials[-1]


def slots(trials: Sequence[FrozenTrial]) -> dict[int, Slot]:
    """Number -> slot, of the slots that have a trial."""
    grouped: dict[int, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        if SLOT in trial.user_attrs:
            grouped[trial.user_attrs[SLOT]].append(trial)
    return {
        number: Slot(number, tuple(sorted(members, key=lambda trial: trial.number)))
        for number, members in sorted(grouped.items())
    }


def newest(trials: Sequence[FrozenTrial], total: int) -> list[FrozenTrial]:
    """The last trial of each of a study's slots."""
    return [slot.last for slot in slots(trials).values() if slot.number < total]


def died(trial: FrozenTrial) -> bool:
    """Whether a FAILED trial ended with its process, so that nobody wrote an error."""
    return ERROR not in trial.user_attrs and not put_back(trial)


def put_back(trial: FrozenTrial) -> bool:
    """Whether a FAILED trial is to go on later."""
    return bool(trial.user_attrs.get(PUT_BACK))


def why(trial: FrozenTrial) -> str:
    """Why a FAILED trial ended, in a line: its error, the reason of its stop, or a death."""
    reason = trial.user_attrs.get(ERROR) or trial.user_attrs.get(REASON) or "its process died"
    return str(reason).splitlines()[0]


def title(trial: FrozenTrial | Trial) -> str:
    """A trial by its slot, as the plan has it: Optuna's number is another one each time that it is tried."""
    return f"trial {trial.user_attrs.get(SLOT, trial.number)}"


def described(trial: FrozenTrial) -> str:
    """The parameters of a trial, for a person."""
    return ", ".join(f"{key}={value}" for key, value in trial.params.items())


def counts(trials: Sequence[FrozenTrial], total: int) -> str:
    """How many slots of a study are in which state.

    Args:
        trials: the newest of each slot.
        total: slots of the study.
    """
    stopped = [trial for trial in trials if trial.state == TrialState.FAIL and put_back(trial)]
    states = [trial.state for trial in trials if trial not in stopped]
    repeated = sum(bool(trial.user_attrs.get(REPEATED)) for trial in trials)
    parts = [
        f"{states.count(state)} {word}"
        for state, word in (
            (TrialState.COMPLETE, "complete"),
            (TrialState.PRUNED, "pruned"),
            (TrialState.FAIL, "failed"),
            (TrialState.RUNNING, "running"),
        )
        if states.count(state) or state == TrialState.COMPLETE
    ]
    if stopped:
        parts.append(f"{len(stopped)} stopped")
    missing = total - len(trials)
    to_go = f", {missing} to go" if missing else ""
    answered = f" ({repeated} answered from records)" if repeated else ""
    return f"{total} trials: {', '.join(parts)}{to_go}{answered}"
