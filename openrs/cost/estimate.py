"""What work would take: hours, money and disk. Plans and sweeps count the work; the rates are `rates`'."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from openrs.config.schema import Config
from openrs.cost.rates import Rate, Rates
from openrs.cost.sizes import disk
from openrs.records.ledger import device_hours, devices_held
from openrs.terminal import duration


@dataclass(frozen=True)
class Work:
    """What one run still needs, with the rates that the run has."""

    run: str
    """The run's id."""
    steps: int
    """Training steps."""
    problems: int
    """Problems to answer, over checkpoints, benchmarks and sampling seeds."""
    step_rate: Rate | None
    problem_rate: Rate | None
    disk: int | None
    """Bytes of the run's checkpoints; None: unknown."""
    devices: int
    """Devices that the run holds."""
    price: float | None
    """Dollars for a device-hour; None: unknown."""

    @classmethod
    def of(cls, config: Config, run: str, steps: int, problems: int, rates: Rates) -> "Work":
        """The work of a run on the hardware of its config."""
        hardware, size = config.hardware, disk(config)
        return cls(
            run,
            steps,
            problems,
            rates.step(config) if steps else None,
            rates.problem(config),
            0 if not steps else None if size is None else size.total,
            devices_held(hardware.devices, hardware.nodes),
            hardware.price_per_device_hour,
        )

    @property
    def parts(self) -> list[tuple[int, str, Rate | None]]:
        """Amount, unit and rate of each kind of work that is left."""
        parts = [(self.steps, "steps", self.step_rate), (self.problems, "problems", self.problem_rate)]
        return [part for part in parts if part[0]]

    def seconds(self, end: int = 0) -> float:
        """Wall time of the parts that have a rate.

        Args:
            end: 0 for the middle of inferred rates, -1 for their lower ends, 1 for their upper ends.
        """
        timed = [(amount, rate) for amount, _, rate in self.parts if rate is not None]
        return sum(amount * rate.seconds * rate.spread**end for amount, rate in timed)

    def device_hours(self, end: int = 0) -> float:
        """Device-hours of the parts that have a rate."""
        return device_hours(self.seconds(end), self.devices)


@dataclass(frozen=True)
class Estimate:
    """The sum over the runs of a plan or a sweep."""

    works: tuple[Work, ...]
    """One entry a run that was resolved."""
    share: float = 1.0
    """Runs for each one that was resolved."""
    once: tuple[Work, ...] = ()
    """Work that is done once, however many runs the resolved ones stand for: the base models'."""

    @property
    def inferred(self) -> bool:
        """Whether a rate is between two figures, so that the sums are too."""
        return any(
            rate is not None and rate.spread > 1
            for work in (*self.works, *self.once)
            for _, _, rate in work.parts
        )

    def _sum(self, amount: Callable[[Work], float]) -> float:
        return self.share * sum(map(amount, self.works)) + sum(map(amount, self.once))

    @property
    def runs(self) -> int:
        """Runs that have something to do."""
        return round(self.share * sum(bool(work.parts) for work in self.works))

    @property
    def steps(self) -> int:
        """Training steps to do."""
        return round(self._sum(lambda work: work.steps))

    @property
    def problems(self) -> int:
        """Problems to answer."""
        return round(self._sum(lambda work: work.problems))

    def hours(self, end: int = 0) -> float:
        """Wall time of the work that has a rate, one run after another.

        Args:
            end: 0 for the middle of inferred rates, -1 for their lower ends, 1 for their upper ends.
        """
        return self._sum(lambda work: work.seconds(end) / 3600)

    def device_hours(self, end: int = 0) -> float:
        """Device-hours of the work that has a rate; `unknown` names the rest."""
        return self._sum(lambda work: work.device_hours(end))

    def money(self, end: int = 0) -> float | None:
        """Dollars for the device-hours; None: some hardware has no price."""
        if any(work.price is None for work in (*self.works, *self.once)):
            return None
        return self._sum(lambda work: work.device_hours(end) * (work.price or 0.0))

    def span(self, amount: Callable[[int], float | None], form: str) -> str:
        """A sum for a person: one figure, or two where rates are inferred.

        Args:
            amount: `device_hours` or `money` of this estimate; its sum must be known.
            form: of a figure, as .3g.
        """
        return " to ".join(format(amount(end) or 0.0, form) for end in self._ends)

    @property
    def time(self) -> str:
        """Wall time of the work that has a rate, for a person."""
        return duration(*(3600 * self.hours(end) for end in self._ends))

    @property
    def device_time(self) -> str:
        """Device-hours of the work that has a rate, for a person."""
        return duration(*(3600 * self.device_hours(end) for end in self._ends), of_devices=True)

    @property
    def _ends(self) -> tuple[int, ...]:
        """The ends of its sums: the middle, or both ends where rates are inferred."""
        return (-1, 1) if self.inferred else (0,)

    @property
    def untimed(self) -> bool:
        """Whether there is work and none of it has a rate, so that its sums say nothing."""
        return bool(self.unknown) and self.hours(1) == 0

    @property
    def disk(self) -> float | None:
        """Bytes of checkpoints; None: some are unknown."""
        if any(work.disk is None for work in self.works):
            return None
        return self._sum(lambda work: work.disk or 0)

    @property
    def unknown(self) -> str:
        """The work of unknown time, in words; empty where every part has a rate."""
        every = (*self.works, *self.once)
        units = dict.fromkeys(unit for work in every for _, unit, rate in work.parts if rate is None)
        return " and ".join(f"{round(self._sum(partial(_untimed, unit=unit)))} {unit}" for unit in units)

    @property
    def sources(self) -> str:
        """Where the rates are from."""
        every = (*self.works, *self.once)
        sources = dict.fromkeys(rate.source for work in every for _, _, rate in work.parts if rate)
        return "; ".join(sources) or "none: no run like these was measured here or published"


def _untimed(work: Work, unit: str) -> int:
    """How much work of a unit has no rate."""
    return sum(amount for amount, name, rate in work.parts if name == unit and rate is None)


def merged(works: Iterable[Work]) -> list[Work]:
    """One entry a run: trials that extend one run share its steps, and each has problems of its own."""
    runs: dict[str, Work] = {}
    for work in works:
        other = runs.get(work.run)
        if other is not None:
            farthest = max(other, work, key=lambda one: one.steps)
            work = replace(farthest, problems=other.problems + work.problems)
        runs[work.run] = work
    return list(runs.values())
