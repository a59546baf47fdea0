"""Freezing and thawing: which training seeds of a point may be trained, given how those before them ended.

With a pruner the seeds of a point go one after another, and the first seeds of all points go before any
second; then the best point goes first. Two things freeze the seeds that a point has left: a stop of one of
its seeds, and a point with all of its seeds that is as good on those that both have. Their trials are
answered without training once nothing else is left to do, and thaw where a promotion takes the stopped run to
its end after all.
"""

from collections.abc import Iterator, Sequence
from statistics import mean

from optuna.study import StudyDirection
from optuna.trial import TrialState

from openrs.studies.trials import FROZEN, RECORD, Slot

Points = Sequence[Sequence[int]]
"""The slots of each point, in the order of its seeds."""


def ready(
    points: Points, taken: dict[int, Slot], direction: StudyDirection = StudyDirection.MAXIMIZE
) -> list[int]:
    """The slots that may start: the first seeds of all points, then those of the best point.

    Args:
        points: of the sweep.
        taken: the slots that have a trial; of those that failed none is to be tried again.
        direction: of the study's values; NOT_SET: there are several, and no point is better than another.
    """
    turns = []
    best = _best_whole(points, taken, direction)
    for members in points:
        place = next((at for at, slot in enumerate(members) if _untrained(taken.get(slot))), len(members))
        if place < len(members) and all(_ended(taken[slot]) for slot in members[:place]):
            values = _values(members, taken, direction)
            if not _beaten(values, best):
                worth = mean(values.values()) if values else 0.0
                turns.append((place > 0, -worth if place else 0.0, place, members[place]))
    return [turn[-1] for turn in sorted(turns)]


def frozen(
    points: Points, taken: dict[int, Slot], direction: StudyDirection = StudyDirection.MAXIMIZE
) -> Iterator[tuple[int, str]]:
    """The slots of frozen points that have no answer yet, each with its answer."""
    best = _best_whole(points, taken, direction)
    for members in points:
        stopped = next((slot for slot in members if slot in taken and _stopped(taken[slot])), None)
        why = f"not started, as trial {stopped}, an earlier seed of its point, was stopped"
        if stopped is None and not _beaten(_values(members, taken, direction), best):
            continue
        if stopped is None:
            why = "not started, as a point with all of its seeds is as good on those that both have"
        for slot in members:
            if slot not in taken:
                yield slot, why


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


def _values(members: Sequence[int], taken: dict[int, Slot], direction: StudyDirection) -> dict[int, float]:
    """Place of a seed -> value of its run, larger is better, of the seeds that came to their ends."""
    if direction == StudyDirection.NOT_SET:
        return {}
    sign = -1 if direction == StudyDirection.MINIMIZE else 1
    last = {place: taken[slot].last for place, slot in enumerate(members) if slot in taken}
    return {
        place: sign * trial.values[0] for place, trial in last.items() if trial.state == TrialState.COMPLETE
    }


def _best_whole(points: Points, taken: dict[int, Slot], direction: StudyDirection) -> dict[int, float]:
    """The values of the best of the points with all of their seeds; empty where there is none."""
    whole = [
        values
        for members in points
        if all(slot in taken and _ended(taken[slot]) for slot in members)
        and (values := _values(members, taken, direction))
    ]
    return max(whole, key=lambda values: mean(values.values()), default={})


def _beaten(values: dict[int, float], best: dict[int, float]) -> bool:
    """Whether the best whole point is as good as another on the seeds that both have."""
    common = values.keys() & best.keys()
    return bool(common) and mean(best[at] for at in common) >= mean(values[at] for at in common)


def _ended(slot: Slot) -> bool:
    return slot.last.state in (TrialState.COMPLETE, TrialState.FAIL)


def _untrained(slot: Slot | None) -> bool:
    return slot is None or (slot.last.state == TrialState.PRUNED and FROZEN in slot.last.user_attrs)


def _stopped(slot: Slot) -> bool:
    return slot.last.state == TrialState.PRUNED and FROZEN not in slot.last.user_attrs
