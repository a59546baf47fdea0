"""What no single field of the config shows: batches, lengths, steps and names that fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openrs.mistake import Mistake

if TYPE_CHECKING:
    from openrs.config import Config

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2}
BESIDE = 1.15
"""Memory of an evaluation over that of its weights, at least: the cache of one long answer, activations."""


def _refuse(field_name: str, value: object, rule: str, remedy: str) -> None:
    raise Mistake(f"{field_name}={value}: {rule}. {remedy}.")


def _positive(config: Config) -> None:
    algorithm, evaluation = config.algorithm, config.evaluation
    whole = {
        "length.prompt": config.length.prompt,
        "length.completion": config.length.completion,
        "steps.total": config.steps.total,
        "steps.save_every": config.steps.save_every,
        "algorithm.prompts_per_step": algorithm.prompts_per_step,
        "algorithm.micro_batch": algorithm.micro_batch,
        "algorithm.num_iterations": algorithm.num_iterations,
        "algorithm.learning_rate": algorithm.learning_rate,
        "algorithm.temperature": algorithm.temperature,
        "evaluation.max_new_tokens": evaluation.max_new_tokens,
        "evaluation.top_p": evaluation.top_p,
        "hardware.training_processes": config.hardware.training_processes,
        "hardware.nodes": config.hardware.nodes,
        "hardware.evaluation_batch": config.hardware.evaluation_batch,
    }
    for name, value in whole.items():
        if value <= 0:
            _refuse(name, value, "must be greater than 0", f"Give a positive number, as {name}=1")
    for name, value in {
        "algorithm.beta": algorithm.beta,
        "evaluation.temperature": evaluation.temperature,
        "report_step": config.report_step,
    }.items():
        if value < 0:
            _refuse(name, value, "must not be negative", f"Give 0 or more, as {name}=0")
    for name, value in {
        "algorithm.warmup": algorithm.warmup,
        "evaluation.top_p": evaluation.top_p,
    }.items():
        if not 0 <= value <= 1 or (name == "algorithm.warmup" and value == 1):
            _refuse(name, value, "is a share", "Give a number from 0 to 1 (a warm-up below 1)")
    if evaluation.max_problems is not None and evaluation.max_problems < 1:
        _refuse(
            "evaluation.max_problems",
            evaluation.max_problems,
            "must be greater than 0",
            "Give a number of problems, or null for all",
        )


def _batches(config: Config) -> None:
    algorithm, processes = config.algorithm, config.hardware.training_processes
    if algorithm.group_size < 2:
        _refuse(
            "algorithm.group_size",
            algorithm.group_size,
            "an advantage needs at least 2 completions of a prompt to compare",
            "Give 2 or more (paper: 6)",
        )
    if algorithm.whole_groups and algorithm.micro_batch % algorithm.group_size:
        _refuse(
            "algorithm.micro_batch",
            algorithm.micro_batch,
            f"must hold whole groups of algorithm.group_size={algorithm.group_size}",
            f"Give a multiple, as algorithm.micro_batch={algorithm.group_size}, "
            "or algorithm.whole_groups=false",
        )
    completions = algorithm.prompts_per_step * algorithm.group_size
    if completions % (algorithm.micro_batch * processes):
        _refuse(
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
            _refuse(
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


def _hardware(config: Config) -> None:
    hardware = config.hardware
    name = f"hardware={hardware.name}"
    if hardware.device == "cpu":
        if hardware.sharding != "ddp" or hardware.generation != "transformers":
            field_name = "sharding" if hardware.sharding != "ddp" else "generation"
            _refuse(
                f"hardware.{field_name}",
                getattr(hardware, field_name),
                "needs CUDA devices, and hardware.device=cpu",
                "Give hardware.sharding=ddp hardware.generation=transformers, or a GPU option, as "
                "hardware=a40x4",
            )
    elif hardware.devices * hardware.nodes != hardware.training_processes + hardware.server_devices:
        _refuse(
            "hardware.devices",
            hardware.devices,
            f"times hardware.nodes={hardware.nodes} is not hardware.training_processes="
            f"{hardware.training_processes} + hardware.server_devices={hardware.server_devices} ({name})",
            "Each process has a device of its own: make them agree",
        )
    if (hardware.generation == "vllm_server") != (hardware.server_devices > 0):
        _refuse(
            "hardware.server_devices",
            hardware.server_devices,
            f"with hardware.generation={hardware.generation}",
            "A vLLM server needs at least 1 device of its own, every other generation 0",
        )
    if hardware.training_processes % hardware.nodes:
        _refuse(
            "hardware.training_processes",
            hardware.training_processes,
            f"does not divide over hardware.nodes={hardware.nodes}",
            "Each node must start as many",
        )
    if hardware.nodes > 1 and hardware.generation == "vllm_server":
        _refuse(
            "hardware.generation",
            hardware.generation,
            f"leaves one of hardware.nodes={hardware.nodes} fewer devices to train on than the others",
            "Give hardware.generation=vllm_colocate hardware.server_devices=0",
        )
    if not 0 < hardware.vllm_memory <= 1:
        _refuse("hardware.vllm_memory", hardware.vllm_memory, "is a share", "Give 0.7, say")


def _lengths(config: Config) -> None:
    caps = [(stage.until, stage.completion) for stage in config.length.stages]
    after = [*caps[1:], (config.steps.total, config.length.completion)]
    if any(not 0 < a < c or not 0 < b <= d for (a, b), (c, d) in zip(caps, after, strict=False)):
        _refuse(
            "length.stages",
            caps,
            "steps and caps must grow from stage to stage, up to steps.total="
            f"{config.steps.total} and length.completion={config.length.completion}",
            "Give for example length.stages=[{until:100,completion:1024},{until:200,completion:2048}]",
        )
    needed, context = config.length.prompt + config.length.completion, config.model.context
    if not config.untrained and needed > context:
        _refuse(
            "length.completion",
            config.length.completion,
            f"with length.prompt={config.length.prompt} a sequence has {needed} tokens, over the "
            f"context of {config.model.title}, model.context={context}",
            f"Give length.completion={context - config.length.prompt} or less, or a model with more",
        )
    if config.evaluation.max_new_tokens >= context:
        _refuse(
            "evaluation.max_new_tokens",
            config.evaluation.max_new_tokens,
            f"leaves no room for a prompt in the context of {config.model.title}, model.context={context}",
            f"Give evaluation.max_new_tokens={context // 2} or another number below it",
        )


def _curriculum(config: Config) -> None:
    named = [name for group in config.data.curriculum for name in group]
    if named and sorted(named) != sorted(config.data.draws):
        _refuse(
            "data.curriculum",
            config.data.curriculum,
            f"must name every draw once, and data.draws has {', '.join(config.data.draws)}",
            "Give for example data.curriculum=[[easy],[open_s1,open_deepscaler]], or [] to shuffle all",
        )


def _steps(config: Config) -> None:
    steps = config.steps
    for asked in config.evaluation.checkpoints:
        if asked not in ("reported", "last") and not asked.isdigit():
            _refuse(
                "evaluation.checkpoints",
                asked,
                "is neither a step nor `reported` nor `last`",
                "Give for example evaluation.checkpoints=[0,reported,last]",
            )
    if config.untrained:
        return
    if steps.stop_at is not None and not 0 <= steps.stop_at <= steps.total:
        _refuse(
            "steps.stop_at",
            steps.stop_at,
            f"lies outside the schedule of steps.total={steps.total}",
            f"Give a step from 0 to {steps.total}, or a longer schedule (which is another recipe)",
        )
    iterations = config.algorithm.num_iterations
    if steps.save_every % iterations or config.stop_at % iterations:
        _refuse(
            "algorithm.num_iterations",
            iterations,
            f"completions are used {iterations} times, so checkpoints (steps.save_every="
            f"{steps.save_every}, last step {config.stop_at}) must fall between two generations",
            f"Make steps.save_every and steps.stop_at multiples of {iterations}",
        )
    for step in config.checkpoints:
        saved = step % steps.save_every == 0 or step == config.stop_at
        if not saved or step > config.stop_at:
            _refuse(
                "evaluation.checkpoints",
                step,
                f"no checkpoint is saved at step {step} (every steps.save_every={steps.save_every} "
                f"steps up to {config.stop_at}, and the last)",
                "Evaluate a multiple of it, or change steps.save_every or steps.stop_at",
            )


def _names(config: Config) -> None:
    catalog = config.catalog
    for name, draw in config.data.draws.items():
        for source in (draw.source, *draw.exclude):
            if source not in catalog.sources:
                _refuse(
                    f"data.draws.{name}.source",
                    source,
                    f"is no source of the catalog (kind {catalog.kind})",
                    f"Known: {', '.join(catalog.sources)}; bind another under catalog.sources",
                )
        if draw.count is not None and draw.count <= 0:
            _refuse(
                f"data.draws.{name}.count",
                draw.count,
                "must be greater than 0",
                f"Give a number of rows, or leave the draw out with '~data.draws.{name}'",
            )
    if not config.untrained and not config.data.draws:
        _refuse("data.draws", "{}", "a mix needs at least one draw", "Choose one, as data=mixed")
    for name, benchmark in catalog.benchmarks.items():
        if (benchmark.gold_kind == "letter") != bool(benchmark.wrong) or len(benchmark.wrong) > 25:
            _refuse(
                f"catalog.benchmarks.{name}.wrong",
                benchmark.wrong,
                f"a set with gold_kind=letter, and no other, has columns of wrong choices (1 to 25), and "
                f"this one has gold_kind={benchmark.gold_kind}",
                "Name the columns, or give gold_kind=latex or expr",
            )
    ngram = config.data.decontaminate_ngram
    if ngram is not None and ngram < 8:
        _refuse(
            "data.decontaminate_ngram",
            ngram,
            "fewer than 8 words in a row are everyday phrases (even 8 are shared by every sixth row of "
            "MATH's training set)",
            "Give 8 to 20, as data.decontaminate_ngram=13, or null to leave out equal problems alone",
        )
    for name in config.evaluation.benchmarks:
        if name not in catalog.benchmarks:
            _refuse(
                "evaluation.benchmarks",
                name,
                f"is no benchmark of the catalog (kind {catalog.kind})",
                f"Known: {', '.join(catalog.benchmarks)}",
            )
        if config.evaluation.num_seeds.get(name, 0) < 1:
            _refuse(
                f"evaluation.num_seeds.{name}",
                config.evaluation.num_seeds.get(name),
                "a benchmark needs at least one sampling seed",
                f"Give evaluation.num_seeds.{name}=1 or more",
            )


def _engine(config: Config) -> None:
    engine, hardware = config.engine, config.hardware
    least = {"data_parallel": 1, "tensor_parallel": 1, "concurrency": 1, "retries": 0}
    for name, lowest in least.items():
        number = getattr(engine, name)
        if number is not None and number < lowest:
            _refuse(f"engine.{name}", number, f"must be {lowest} or more", f"Give engine.{name}={lowest}")
    if engine.timeout <= 0:
        _refuse("engine.timeout", engine.timeout, "must be greater than 0", "Give seconds, as 3600")
    if not 0 < engine.memory <= 1:
        _refuse("engine.memory", engine.memory, "is a share", "Give a number above 0 and up to 1")
    if engine.kind == "vllm" and hardware.device == "cuda" and engine.tensor_parallel > hardware.devices:
        _refuse(
            "engine.tensor_parallel",
            engine.tensor_parallel,
            f"needs as many devices, and hardware={hardware.name} has {hardware.devices}",
            f"Give engine.tensor_parallel={hardware.devices} or less",
        )
    copies = config.evaluation_copies * engine.tensor_parallel
    if engine.kind == "vllm" and hardware.device == "cuda" and copies > hardware.devices:
        _refuse(
            "engine.data_parallel",
            config.evaluation_copies,
            f"times engine.tensor_parallel={engine.tensor_parallel} needs {copies} devices, and "
            f"hardware={hardware.name} has {hardware.devices}",
            f"Give engine.data_parallel={max(1, hardware.devices // engine.tensor_parallel)} or less",
        )
    served = engine.model
    if engine.kind == "server" and served and "{step}" not in served and len(config.checkpoints) > 1:
        _refuse(
            "engine.model",
            served,
            f"one served name would stand for the checkpoints {config.checkpoints}",
            "Give evaluation.checkpoints=[STEP], put {step} into the name, or leave engine.model=null "
            "and serve each checkpoint under its own path",
        )


def _rest(config: Config) -> None:
    if not config.untrained and not any(vars(config.reward).values()):
        _refuse(
            "reward",
            "{}",
            "every term is off, so nothing can be learned",
            "Turn one on, as reward=accuracy or 'reward.accuracy={}'",
        )
    for name, term in vars(config.reward).items():
        if isinstance(term, dict):  # what `+` added to the schema
            known = ", ".join(
                name for name, term in vars(config.reward).items() if not isinstance(term, dict)
            )
            _refuse(f"reward.{name}", term, "is no reward term", f"Known: {known}")
    if config.catalog.kind == "mirror" and not config.catalog.root:
        _refuse(
            "catalog.root",
            config.catalog.root,
            "catalog=mirror reads <root>/<org>/<name>/<split>.jsonl or .parquet",
            "Give the folder, as catalog.root=/data/hub",
        )
    if config.algorithm.schedule == "cosine_with_min_lr" and config.algorithm.min_lr_rate is None:
        _refuse(
            "algorithm.min_lr_rate",
            None,
            "cosine_with_min_lr needs its floor",
            "Give algorithm.min_lr_rate=0.1",
        )


def _weights(config: Config) -> None:
    """Whether the devices hold the weights that are measured, by arithmetic."""
    model, engine, hardware = config.model, config.engine, config.hardware
    measured = "evaluate" in config.stages and engine.kind != "server" and hardware.device == "cuda"
    if not measured or model.parameters is None:
        return
    vllm = engine.kind == "vllm"
    each = hardware.device_memory_gib * (engine.memory if vllm else 1.0)
    gib = model.parameters * BYTES[config.evaluation_dtype] / 2**30
    spread = engine.tensor_parallel if vllm else 1
    if gib * BESIDE <= each * spread:
        return
    # vLLM spreads attention heads, whose number is a multiple of a power of two
    enough = [n for n in (1, 2, 4, 8, 16) if n <= hardware.devices and gib * BESIDE <= each * n]
    chosen = "" if vllm else "engine=vllm "
    _refuse(
        "engine.tensor_parallel",
        spread,
        f"the weights of {model.title} take {gib:.0f} GiB in {config.evaluation_dtype}, and each device of "
        f"hardware={hardware.name} gives {each:.0f} GiB, for a cache and activations besides",
        f"Give {chosen}engine.tensor_parallel={enough[0]}"
        if enough
        else "Choose hardware with more, or engine=server",
    )


def _patience(config: Config) -> None:
    """The seconds that hardware is waited for."""
    for name in ("server_timeout", "stall_timeout"):
        seconds = getattr(config.hardware, name)
        if seconds is not None and seconds <= 0:
            off = " or null for no limit" if name == "stall_timeout" else ""
            _refuse(f"hardware.{name}", seconds, "must be greater than 0", f"Give seconds, as 3600{off}")


def check(config: Config) -> None:
    """Checks what no single field shows.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    for part in (_positive, _batches, _hardware, _lengths, _curriculum, _steps, _names, _engine, _rest):
        part(config)
    for part in (_patience, _weights):
        part(config)
