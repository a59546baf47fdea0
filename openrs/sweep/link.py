"""What a process that trains knows of the sweep's study: plain data, as a stage's file holds it.

The process may be another than the one in which the sweep runs, on another machine. It reaches its trial
through the study's name and the trial's number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrs.sweep.signal import Signal

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage


@dataclass(frozen=True)
class StudyLink:
    """A trial of a study, and what may stop its run."""

    storage: str
    """The URL of the study's storage."""
    study: str
    """The study's name."""
    number: int
    """The trial's number."""
    pruner: dict[str, Any] | None
    """The pruner's class (`_target_`) and settings; None where the sweep does not prune."""
    signal: Signal
    promotes: int | None = None
    """The number of the pruned trial whose run this one takes on, if it does."""
    after: Sequence[str] = ()
    """The runs of its point's earlier training seeds: the run is judged by the mean with them."""

    def open(self) -> "optuna.Study":
        """The study."""
        import optuna

        return optuna.load_study(study_name=self.study, storage=opened(self.storage))

    def trial(self) -> "optuna.Trial":
        """The trial, to be written."""
        from openrs.studies.storage import trial_of

        return trial_of(self.open(), opened(self.storage), self.number)

    def note(self, **more: Any) -> None:
        """Adds to the record of the trial."""
        from openrs.studies.trials import RECORD

        trial = self.trial()
        trial.set_user_attr(RECORD, trial.user_attrs.get(RECORD, {}) | more)

    def signed(self, record: dict[str, Any]) -> "StudyLink":
        """Writes where the trial's run is into the study as the trial starts, so that what the run costs
        counts from then on, whether it ends well, badly or not at all.

        Args:
            record: the address of the run.

        Returns:
            The link with what the study says of the trial: which one it promotes, and the runs of
            its point's earlier seeds.
        """
        path = self.storage.removeprefix("sqlite:///")
        if path != self.storage and not Path(path).exists():
            return self  # a launcher's job on another machine; SQLite would make an empty file here
        from openrs.studies.trials import AFTER, PROMOTES

        self.note(**record)
        attributes = self.trial().user_attrs
        return replace(self, promotes=attributes.get(PROMOTES), after=attributes.get(AFTER, ()))


@cache  # opening a database takes some 30 ms, and a job needs its storage several times
def opened(url: str) -> "BaseStorage":
    """The storage at a URL, opened once in a process."""
    from openrs.studies.storage import open_storage

    return open_storage(url, Path())
