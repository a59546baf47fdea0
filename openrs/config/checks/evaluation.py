"""Checks of what is measured: checkpoints, benchmarks, and an evaluation in looks."""

from dataclasses import fields

from openrs.config.schema import Config
from openrs.errors import refuse


def check(config: Config) -> None:
    """Checks checkpoints and benchmarks against the run and the catalog.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    _checkpoints(config)
    _benchmarks(config)
    _looks(config)


def _checkpoints(config: Config) -> None:
    stated, every = config.evaluation.checkpoints, config.steps.save_every
    if config.evaluates and not stated:
        refuse(
            "evaluation.checkpoints",
            "[]",
            "names no step",
            "Give for example evaluation.checkpoints=[last], or stages=[train] to evaluate none",
        )
    for step in stated:
        if step not in ("reported", "last") and not step.isdecimal():
            refuse(
                "evaluation.checkpoints",
                step,
                "is neither a step nor `reported` nor `last`",
                "Give for example evaluation.checkpoints=[0,reported,last]",
            )
    for number in config.checkpoints:
        if number > config.stop_at or (number % every and number != config.stop_at):
            refuse(
                "evaluation.checkpoints" if str(number) in stated else "report_step",
                number,
                f"no checkpoint is saved at step {number} (but every steps.save_every={every} steps, "
                f"and at the last step, {config.stop_at})",
                f"Give a multiple of {every}, or change steps.save_every or steps.stop_at",
            )


def _benchmarks(config: Config) -> None:
    catalog, names = config.catalog, config.evaluation.benchmarks
    for name, benchmark in catalog.benchmarks.items():
        if (benchmark.gold_kind == "letter") != bool(benchmark.wrong) or len(benchmark.wrong) > 25:
            refuse(
                f"catalog.benchmarks.{name}.wrong",
                benchmark.wrong,
                f"gold_kind={benchmark.gold_kind}, but 1 to 25 columns of wrong choices belong to "
                "gold_kind=letter, and to no other",
                "Name the columns, or give gold_kind=latex or expr",
            )
    if len(set(names)) < len(names) or (config.evaluates and not names):
        refuse(
            "evaluation.benchmarks",
            names,
            "names a benchmark twice" if names else "names none",
            "Name each once, as evaluation.benchmarks=[aime24,amc23], or give stages=[train] to train alone",
        )
    for name in names:
        if name not in catalog.benchmarks:
            refuse(
                "evaluation.benchmarks",
                name,
                f"is no benchmark of catalog={catalog.kind}",
                f"Known: {', '.join(catalog.benchmarks)}",
            )
        if config.evaluation.num_seeds.get(name, 0) < 1:
            refuse(
                f"evaluation.num_seeds.{name}",
                config.evaluation.num_seeds.get(name),
                "a benchmark needs at least one sampling seed",
                f"Give evaluation.num_seeds.{name}=1 or more",
            )


def _looks(config: Config) -> None:
    """Checks what belongs to an evaluation that looks several times, and to no other."""
    evaluation = config.evaluation
    if evaluation.looks is None:
        for field in fields(evaluation):
            value = getattr(evaluation, field.name)
            if field.name in ("reference", "tested", "alpha", "futility") and value != field.default:
                refuse(
                    f"evaluation.{field.name}",
                    value,
                    "belongs to an evaluation in looks, and this one measures all at once",
                    "Give evaluation=sequential, or leave it out",
                )
        return
    if evaluation.reference is None:
        refuse(
            "evaluation.reference",
            "null",
            f"evaluation.looks={evaluation.looks} compares each checkpoint with one",
            "Give evaluation.reference=base, or RUN@STEP of a run in outputs",
        )
    if evaluation.tested not in ("average", *evaluation.benchmarks):
        refuse(
            "evaluation.tested",
            evaluation.tested,
            "is neither `average` nor one of evaluation.benchmarks",
            f"Give one of: average, {', '.join(evaluation.benchmarks)}",
        )
