"""What no single field of the config shows: batches, lengths, steps and names that fit together.

Single numbers are `ranges`, devices `device_checks`.
"""

import re

from openrs.config import device_checks, ranges
from openrs.config.schema import Config
from openrs.errors import refuse


def _batches(config: Config) -> None:
    algorithm, processes = config.algorithm, config.hardware.training_processes
    if algorithm.group_size < 2:
        refuse(
            "algorithm.group_size",
            algorithm.group_size,
            "an advantage needs at least 2 completions of a prompt to compare",
            "Give 2 or more (paper: 6)",
        )
    if algorithm.whole_groups and algorithm.micro_batch % algorithm.group_size:
        refuse(
            "algorithm.micro_batch",
            algorithm.micro_batch,
            f"must hold whole groups of algorithm.group_size={algorithm.group_size}",
            f"Give a multiple, as algorithm.micro_batch={algorithm.group_size}, "
            "or algorithm.whole_groups=false",
        )
    completions = algorithm.prompts_per_step * algorithm.group_size
    if completions % (algorithm.micro_batch * processes):
        refuse(
            "algorithm.prompts_per_step",
            algorithm.prompts_per_step,
            f"{algorithm.prompts_per_step} prompts x {algorithm.group_size} completions = {completions} "
            f"do not divide into micro-batches of {algorithm.micro_batch} on "
            f"{processes} processes (hardware={config.hardware.name})",
            f"Give hardware.training_processes={_dividing(completions, algorithm.micro_batch)}, or change "
            "algorithm.micro_batch or algorithm.prompts_per_step (which is another recipe)",
        )
    length = config.reward.length
    if length is not None:
        compared = algorithm.group_size if length.list_size is None else length.list_size
        if compared < 1 or (completions // processes) % compared:
            refuse(
                "reward.length.list_size",
                length.list_size,
                f"the length reward compares {compared} completions with each other, but each of "
                f"{processes} processes (hardware={config.hardware.name}) gets {completions // processes}",
                "Change hardware, algorithm.prompts_per_step or the list's size so that they divide",
            )


def _dividing(completions: int, micro_batch: int) -> str:
    """The numbers of processes that share the batch evenly."""
    if completions % micro_batch:
        return "... (none: the micro-batch does not divide the batch)"
    micro_batches = completions // micro_batch
    counts = [str(n) for n in range(1, micro_batches + 1) if micro_batches % n == 0]
    return " or ".join(filter(None, (", ".join(counts[:-1]), counts[-1])))


def _lengths(config: Config) -> None:
    caps = [(stage.until, stage.completion) for stage in config.length.stages]
    after = [*caps[1:], (config.steps.total, config.length.completion)]
    if any(not 0 < a < c or not 0 < b <= d for (a, b), (c, d) in zip(caps, after, strict=False)):
        refuse(
            "length.stages",
            caps,
            "steps and caps must grow from stage to stage, up to steps.total="
            f"{config.steps.total} and length.completion={config.length.completion}",
            "Give for example length.stages=[{until:100,completion:1024},{until:200,completion:2048}]",
        )
    needed, context = config.length.prompt + config.length.completion, config.model.context
    if not config.untrained and needed > context:
        refuse(
            "length.completion",
            config.length.completion,
            f"with length.prompt={config.length.prompt} a sequence has {needed} tokens, over the "
            f"context of {config.model.title}, model.context={context}",
            f"Give length.completion={context - config.length.prompt} or less, or a model with more",
        )
    if config.evaluation.max_new_tokens >= context:
        refuse(
            "evaluation.max_new_tokens",
            config.evaluation.max_new_tokens,
            f"leaves no room for a prompt in the context of {config.model.title}, model.context={context}",
            f"Give evaluation.max_new_tokens={context // 2} or another number below it",
        )


def _curriculum(config: Config) -> None:
    named = [name for group in config.data.curriculum for name in group]
    if named and sorted(named) != sorted(config.data.draws):
        refuse(
            "data.curriculum",
            config.data.curriculum,
            f"must name every draw once, and data.draws has {', '.join(config.data.draws)}",
            "Give for example data.curriculum=[[easy],[open_s1,open_deepscaler]], or [] to shuffle all",
        )


def _steps(config: Config) -> None:
    steps = config.steps
    if "evaluate" in config.stages and not config.evaluation.checkpoints:
        refuse(
            "evaluation.checkpoints",
            "[]",
            "names no step",
            "Give for example evaluation.checkpoints=[last], or stages=[train] to evaluate none",
        )
    for asked in config.evaluation.checkpoints:
        if asked not in ("reported", "last") and not asked.isdecimal():
            refuse(
                "evaluation.checkpoints",
                asked,
                "is neither a step nor `reported` nor `last`",
                "Give for example evaluation.checkpoints=[0,reported,last]",
            )
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
            f"completions are used {iterations} times, so checkpoints (steps.save_every="
            f"{steps.save_every}, last step {config.stop_at}) must fall between two generations",
            f"Make steps.save_every and steps.stop_at multiples of {iterations}",
        )
    for step in config.checkpoints:
        saved = step % steps.save_every == 0 or step == config.stop_at
        if not saved or step > config.stop_at:
            refuse(
                "evaluation.checkpoints",
                step,
                f"no checkpoint is saved at step {step} (every steps.save_every={steps.save_every} "
                f"steps up to {config.stop_at}, and the last)",
                "Evaluate a multiple of it, or change steps.save_every or steps.stop_at",
            )


def _draws(config: Config) -> None:
    sources = config.catalog.sources
    for name, draw in config.data.draws.items():
        for source in (draw.source, *draw.exclude):
            if source not in sources:
                refuse(
                    f"data.draws.{name}.source",
                    source,
                    f"is no source of the catalog (kind {config.catalog.kind})",
                    f"Known: {', '.join(sources)}; bind another under catalog.sources",
                )
        if draw.count is not None and draw.count <= 0:
            refuse(
                f"data.draws.{name}.count",
                draw.count,
                "must be greater than 0",
                f"Give a number of rows, or leave the draw out with '~data.draws.{name}'",
            )
        least, most = draw.difficulty_min, draw.difficulty_max
        if least is not None and most is not None and least > most:
            refuse(
                f"data.draws.{name}.difficulty_min",
                least,
                f"is above difficulty_max={most}, so no row is left",
                "Give a smaller difficulty_min",
            )
    if not config.untrained and not config.data.draws:
        refuse("data.draws", "{}", "a mix needs at least one draw", "Choose one, as data=mixed")
    ngram = config.data.decontaminate_ngram
    if ngram is not None and ngram < 8:
        refuse(
            "data.decontaminate_ngram",
            ngram,
            "fewer than 8 words in a row are everyday phrases (even 8 are shared by every sixth row of "
            "MATH's training set)",
            "Give 8 to 20, as data.decontaminate_ngram=13, or null to leave out equal problems alone",
        )


def _benchmarks(config: Config) -> None:
    catalog, asked = config.catalog, config.evaluation.benchmarks
    for name, benchmark in catalog.benchmarks.items():
        if (benchmark.gold_kind == "letter") != bool(benchmark.wrong) or len(benchmark.wrong) > 25:
            refuse(
                f"catalog.benchmarks.{name}.wrong",
                benchmark.wrong,
                f"a set with gold_kind=letter, and no other, has columns of wrong choices (1 to 25), and "
                f"this one has gold_kind={benchmark.gold_kind}",
                "Name the columns, or give gold_kind=latex or expr",
            )
    if len(set(asked)) < len(asked) or ("evaluate" in config.stages and not asked):
        refuse(
            "evaluation.benchmarks",
            asked,
            "names a benchmark twice" if asked else "names none",
            "Name each once, as evaluation.benchmarks=[aime24,amc23], or give stages=[train] to train alone",
        )
    for name in asked:
        if name not in catalog.benchmarks:
            refuse(
                "evaluation.benchmarks",
                name,
                f"is no benchmark of the catalog (kind {catalog.kind})",
                f"Known: {', '.join(catalog.benchmarks)}",
            )
        if config.evaluation.num_seeds.get(name, 0) < 1:
            refuse(
                f"evaluation.num_seeds.{name}",
                config.evaluation.num_seeds.get(name),
                "a benchmark needs at least one sampling seed",
                f"Give evaluation.num_seeds.{name}=1 or more",
            )


def _reward(config: Config) -> None:
    terms = vars(config.reward)
    for name, term in terms.items():
        if isinstance(term, dict):  # what `+` added to the schema
            known = ", ".join(name for name, term in terms.items() if not isinstance(term, dict))
            refuse(f"reward.{name}", term, "is no reward term", f"Known: {known}")
    if not config.untrained and not any(term and term.weight for term in terms.values()):
        refuse(
            "reward",
            "{}",
            "every term is off or has no weight, so nothing can be learned",
            "Turn one on, as reward=accuracy or 'reward.accuracy={}'",
        )


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""Names of runs are names of folders beside each other."""


def _rest(config: Config) -> None:
    if not NAME.fullmatch(config.name):
        refuse(
            "name",
            repr(config.name),
            "names a folder, and may hold letters, digits, `_`, `.` and `-`",
            "Give for example name=my_run",
        )
    if not config.outputs:
        refuse("outputs", "''", "names no folder", "Give one, as outputs=outputs")
    if not config.stages:
        refuse("stages", "[]", "leaves nothing to do", "Give for example stages=[train], or dry_run=true")
    for stage in config.force:
        if stage not in config.stages:
            refuse(
                "force", f"[{stage}]", f"redoes a stage that is not in stages={config.stages}", "Add it there"
            )
    if config.catalog.kind == "mirror" and not config.catalog.root:
        refuse(
            "catalog.root",
            config.catalog.root,
            "catalog=mirror reads <root>/<org>/<name>/<split>.jsonl or .parquet",
            "Give the folder, as catalog.root=/data/hub",
        )
    if config.algorithm.schedule == "cosine_with_min_lr" and config.algorithm.min_lr_rate is None:
        refuse(
            "algorithm.min_lr_rate",
            None,
            "cosine_with_min_lr needs its floor",
            "Give algorithm.min_lr_rate=0.1",
        )


def check(config: Config) -> None:
    """Checks what no single field shows.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    ranges.check(config)
    device_checks.check(config)
    for part in (_batches, _lengths, _curriculum, _steps, _draws, _benchmarks, _reward, _rest):
        part(config)
