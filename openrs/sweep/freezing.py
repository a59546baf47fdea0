"""Freezing and thawing: which training seeds of a point may be trained, given how those before them ended.

With a pruner the seeds of a point go one after another, and the first seeds of all points go before any
second. A stop of one freezes those behind it: their trials are answered without training once nothing else is
left to do, and thaw where a promotion takes the stopped run to its end after all.
"""

from collections.abc import Iterator, Sequence

from optuna.trial import TrialState

from openrs.studies.trials import FROZEN, RECORD, Slot

Points = Sequence[Sequence[int]]
"""The slots of each point, in the order of its seeds."""


def ready(points: Points, taken: dict[int, Slot]) -> list[int]:
    """The slots that may start, the first seeds of all points before the second ones.

    Args:
        points: of the sweep.
        taken: the slots that have a trial; of those that failed none is to be tried again.
    """
    turns = []
    for members in points:
        place = next((at for at, slot in enumerate(members) if _untrained(taken.get(slot))), len(members))
        if place < len(members) and all(_ended(taken[slot]) for slot in members[:place]):
            turns.append((place, members[place]))
    return [slot for _, slot in sorted(turns)]


def frozen(points: Points, taken: dict[int, Slot]) -> Iterator[tuple[int, str]]:
    """The slots behind a stopped one that have no answer yet, each with its answer."""
    for members in points:
        stopped = next((slot for slot in members if slot in taken and _stopped(taken[slot])), None)
        for slot in members:
            if stopped is not None and slot not in taken:
                yield slot, f"not started, as trial {stopped}, an earlier seed of its point, was stopped"


def runs_before(slot: int, points: Points, taken: dict[int, Slot]) -> list[str]:
    """The runs of the seeds before a slot's, as far as they came to their ends."""
    members = next(list(point) for point in points if slot in point)
    before = [taken[number].last for number in members[: members.index(slot)] if number in taken]
    return [trial.user_attrs[RECORD]["run"] for trial in before if trial.state == TrialState.COMPLETE]


def has_winner(points: Points, taken: dict[int, Slot]) -> bool:
    """Whether a point came to its end with all of its seeds, of which some may have failed but not all."""
    for members in points:
        last = [taken[slot] for slot in members if slot in taken]
        complete = any(slot.last.state == TrialState.COMPLETE for slot in last)
        if complete and len(last) == len(members) and all(map(_ended, last)):
            return True
    return False


def _ended(slot: Slot) -> bool:
    return slot.last.state in (TrialState.COMPLETE, TrialState.FAIL)


def _untrained(slot: Slot | None) -> bool:
    return slot is None or (slot.last.state == TrialState.PRUNED and FROZEN in slot.last.user_attrs)


def _stopped(slot: Slot) -> bool:
    return slot.last.state == TrialState.PRUNED and FROZEN not in slot.last.user_attrs
