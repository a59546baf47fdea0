"""Checks of steps: where training stops and saves."""

from openrs.config.schema import Config
from openrs.errors import refuse


def check(config: Config) -> None:
    """Checks that a training ends within its schedule, and saves between two generations.

    Raises:
        Mistake: it does not.
    """
    steps = config.steps
    if config.untrained:
        return
    if steps.stop_at is not None and not 0 <= steps.stop_at <= steps.total:
        refuse(
            "steps.stop_at",
            steps.stop_at,
            f"lies outside the schedule of steps.total={steps.total}",
            f"Give a step from 0 to {steps.total}, or a longer schedule (which is another recipe)",
        )
    iterations = config.algorithm.num_iterations
    if steps.save_every % iterations or config.stop_at % iterations:
        refuse(
            "algorithm.num_iterations",
            iterations,
            f"every completion is used {iterations} times, so checkpoints (steps.save_every="
            f"{steps.save_every}, last step {config.stop_at}) must fall between two generations",
            f"Make steps.save_every and steps.stop_at multiples of {iterations}",
        )
