"""Checks of a step's batch: prompts, groups, micro-batches and processes that fit together."""

from openrs.config.checks.algorithm import takes_groups_apart
from openrs.config.schema import Config
from openrs.errors import refuse


def check(config: Config) -> None:
    """Checks that a step's completions divide evenly into micro-batches, processes and groups.

    Raises:
        Mistake: they do not.
    """
    algorithm, processes = config.algorithm, config.hardware.training_processes
    if (
        algorithm.whole_groups
        and algorithm.micro_batch % algorithm.group_size
        and not takes_groups_apart(algorithm)
    ):
        refuse(
            "algorithm.micro_batch",
            algorithm.micro_batch,
            f"must hold whole groups of algorithm.group_size={algorithm.group_size} completions",
            f"Give a multiple, as algorithm.micro_batch={algorithm.group_size}, "
            "or algorithm.whole_groups=false; an even share of a group takes another algorithm.loss, as "
            "grpo, and algorithm.entropy_bonus=0",
        )
    completions = algorithm.prompts_per_step * algorithm.group_size
    if completions % (algorithm.micro_batch * processes):
        refuse(
            "algorithm.prompts_per_step",
            algorithm.prompts_per_step,
            f"{algorithm.prompts_per_step} prompts x {algorithm.group_size} completions = {completions} "
            f"do not divide into micro-batches of {algorithm.micro_batch} on "
            f"{processes} processes (hardware={config.hardware.name})",
            f"Give hardware.training_processes={_even_processes(completions, algorithm.micro_batch)}, "
            "or change algorithm.micro_batch or algorithm.prompts_per_step (which is another recipe)",
        )


def _even_processes(completions: int, micro_batch: int) -> str:
    """The numbers of processes that share a batch evenly."""
    if completions % micro_batch:
        return "... (none: the micro-batch does not divide the batch)"
    micro_batches = completions // micro_batch
    counts = [str(n) for n in range(1, micro_batches + 1) if micro_batches % n == 0]
    return " or ".join(filter(None, (", ".join(counts[:-1]), counts[-1])))
