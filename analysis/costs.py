"""Training cost of each run, from its ledger, or from its training record where there is no ledger."""

from dataclasses import dataclass

from openrs.analysis.run_records import RunRecords
from openrs.records import ledger
from openrs.records.files import read_record


@dataclass(frozen=True)
class Cost:
    """A run's training cost."""

    device_hours: float
    dollars: float | None
    """None where no price is known."""
    source: str
    """The record that states the figure."""


def training(run: RunRecords) -> Cost | None:
    """The training cost of a run, or None where nothing states it (a base model, an imported result).

    The ledger counts the time the devices were held; `train.json`, which older runs have alone, counts
    training steps and is priced by the run's own config.
    """
    if spent := ledger.spent(run.folder, "train"):
        return Cost(spent.device_hours, spent.dollars, "ledger: devices held, start-up included")
    record = read_record(run.folder / "train.json")
    if record is None:
        return None
    price = run.config.get("hardware", {}).get("price_per_device_hour")
    hours = float(record["device_hours"])
    return Cost(hours, None if price is None else hours * price, "train.json: training steps alone")
