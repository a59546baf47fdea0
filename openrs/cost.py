"""What a plan would take in hours, dollars and disk."""

from collections.abc import Iterator

from openrs import models
from openrs.config.schema import Config
from openrs.plan import Plan
from openrs.rates import Rate, Rates
from openrs.records.ledger import devices_held, spent


def describe(plan: Plan) -> Iterator[str]:
    """What is left to do, in hours, money and disk, for a person."""
    config = plan.config
    if (past := spent(plan.run.folder)) is not None:
        yield f"  spent     {past}"
    hours, rates = 0.0, Rates()
    known = True
    if plan.must_train:
        done = 0 if "train" in config.force else plan.trained_to
        steps, rate = config.stop_at - done, rates.step(config)
        known = rate is not None
        hours += steps * rate.seconds / 3600 if rate else 0.0
        yield "  train     " + _estimate(steps, "steps", rate)
    missing = sum(
        len(plan.problems[cell.benchmark]) for step in config.checkpoints for cell in plan.missing(step)
    )
    if missing:
        rate = rates.problem(config)
        known = known and rate is not None
        hours += missing * rate.seconds / 3600 if rate else 0.0
        yield "  evaluate  " + _estimate(missing, "problems", rate)
    if known and hours:
        hardware = config.hardware
        held = hours * devices_held(hardware.devices, hardware.nodes)
        price = hardware.price_per_device_hour
        money = "hardware.price_per_device_hour is unknown" if price is None else f"${held * price:.2f}"
        yield f"  estimate  {hours:.3g} h, {held:.3g} device-hours, {money}"
    if plan.mix is not None:
        yield f"  disk      {_disk(plan)}"


def _estimate(number: int, unit: str, rate: Rate | None) -> str:
    if rate is None:
        return f"{number} {unit} to go, of unknown time (none like them was measured or published)"
    hours = number * rate.seconds / 3600
    return f"{number} {unit} to go, {hours:.3g} h at {rate.seconds:.3g} s each ({rate.source})"


def disk(config: Config, number: int) -> tuple[int, int, int]:
    """Checkpoints to be saved, bytes of each one's weights, bytes of the newest one's optimizer state.

    DeepSpeed in bf16 saves bf16 weights and keeps float32 masters with its two moments, ZeRO-2 the weights
    once more beside them (mp_rank_00_model_states.pt); the others save float32 weights and two moments, FSDP
    a second copy of the weights.

    Args:
        number: parameters of the model.
    """
    steps = config.steps
    saved = len({*range(steps.save_every, config.stop_at + 1, steps.save_every), config.stop_at} - {0})
    deepspeed = config.hardware.sharding in ("zero2", "zero3")
    weights = 2 if deepspeed and config.model.compute_dtype == "bfloat16" else 4
    state = {"ddp": 8, "zero2": 12 + weights}.get(config.hardware.sharding, 12)
    return saved, weights * number, state * number


def _disk(plan: Plan) -> str:
    number = models.parameters(plan.config.model)
    if number is None:
        return "unknown: model.parameters is not stated"
    saved, weights, state = disk(plan.config, number)
    return (
        f"{_size(saved * weights + state)}: {saved} checkpoints x {_size(weights)} of weights, "
        f"{_size(state)} of optimizer state for the newest (twice that while one is written)"
    )


def _size(number: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number / 1000:.3g} kB"
