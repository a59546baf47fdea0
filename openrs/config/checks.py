"""Checks of a config: each number within its limits, and lengths, steps and names that fit together.

Batches, devices, evaluation, rewards and the parts of the loss have files of their own beside this one.
"""

import math
import re
from dataclasses import fields, is_dataclass
from typing import Any

from openrs.config import (
    algorithm_checks,
    batch_checks,
    curation,
    device_checks,
    evaluation_checks,
    names,
    path_checks,
    reward_checks,
    trl_fields,
)
from openrs.config.catalog import Columns
from openrs.config.fields import LARGEST, Limits
from openrs.config.own_data import OWN
from openrs.config.schema import Config
from openrs.errors import refuse


def check(config: Config) -> None:
    """Checks what the types of the fields do not.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    _fields(config, "")
    for part in (
        batch_checks.check,
        _lengths,
        reward_checks.check,
        algorithm_checks.check,
        _data,
        _steps,
        evaluation_checks.check,
        _rest,
    ):
        part(config)
    device_checks.check(config)
    path_checks.check(config)
    if config.curation is not None:
        curation.check(config.curation)


def _fields(node: Any, path: str) -> None:
    """Checks that a group has no field beside the schema's, and that every number is within its limits."""
    limits = {field.name: field.metadata.get("limits") for field in fields(node)}
    for name, value in vars(node).items():
        if name not in limits:
            names.unknown(path + name, value)
        _numbers(value, path + name, limits[name])


def _numbers(value: Any, path: str, limits: Limits | None) -> None:
    if is_dataclass(value):
        _fields(value, f"{path}.")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if len(str(key)) > LONGEST:
                refuse(path, _short(str(key)), f"is a name of more than {LONGEST} characters", "Shorten it")
            _numbers(inner, f"{path}.{key}", limits)
    elif isinstance(value, list):
        for inner in value:
            _numbers(inner, path, limits)
    elif isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            refuse(path, value, "is no finite number", "Give one that is")
        if limits is not None and not limits.hold(value):
            refuse(path, _short(value), f"must be {limits}", f"Give for example {path}={limits.example}")
        if not EVERY.hold(value):
            refuse(path, _short(value), f"must be {EVERY}", "Give a smaller number")


EVERY = Limits({"at_least": -LARGEST, "at_most": LARGEST}, "no quantity here is larger")


def _short(value: Any) -> str:
    """A value as an error shows it; of a long one its beginning."""
    try:
        text = repr(value) if isinstance(value, str) else str(value)
    except ValueError:  # more digits than Python spells
        return "a number of more digits than can be read"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


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
    growing = config.length.growing
    if growing and growing.start >= config.length.completion:
        refuse(
            "length.growing.start",
            growing.start,
            f"leaves nothing to grow to, as the last cap is length.completion={config.length.completion}",
            "Give a smaller one, or length.growing=null",
        )
    if growing and caps:
        refuse(
            "length.growing",
            f"{{start: {growing.start}}}",
            "decides the cap of every step, and so does length.stages",
            "Give one of them",
        )
    needed, context = config.length.prompt + config.length.completion, config.model.context
    left = context - config.length.prompt
    room = f"Give length.completion={left} or less, or " if left > 0 else "Give a smaller length.prompt, or "
    if not config.untrained and needed > context:
        refuse(
            "length.completion",
            config.length.completion,
            f"a sequence of {needed} tokens (with length.prompt={config.length.prompt}) is longer than the "
            f"context of {config.model.title}, model.context={context}",
            f"{room}a model with more context",
        )
    if config.evaluation.max_new_tokens >= context:
        refuse(
            "evaluation.max_new_tokens",
            config.evaluation.max_new_tokens,
            f"leaves no room for a prompt in the context of {config.model.title}, model.context={context}",
            f"Give evaluation.max_new_tokens={context // 2} or another number below model.context",
        )


def _steps(config: Config) -> None:
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


def _data(config: Config) -> None:
    sources = config.catalog.sources
    for name, draw in config.data.draws.items():
        if draw.source == OWN and OWN not in sources:
            refuse("data", OWN, "names no rows", "Name them, as data=problems.jsonl")
        for source in (draw.source, *draw.exclude):
            if source not in sources:
                refuse(
                    f"data.draws.{name}.source",
                    source,
                    f"is no source of catalog={config.catalog.kind}",
                    f"Known: {', '.join(sources)}. Bind another one under catalog.sources",
                )
        least, most = draw.difficulty_min, draw.difficulty_max
        if least is not None and most is not None and least > most:
            refuse(
                f"data.draws.{name}.difficulty_min",
                least,
                f"is above difficulty_max={most}, so no row is left",
                "Give a smaller difficulty_min",
            )
    _own_data(config)
    if not config.untrained and not config.data.draws:
        refuse("data.draws", "{}", "a mix needs at least one draw", "Choose a mix, as data=mixed")
    ordered = [name for names in config.data.curriculum for name in names]
    if ordered and sorted(ordered) != sorted(config.data.draws):
        refuse(
            "data.curriculum",
            config.data.curriculum,
            f"must name every draw once, and data.draws has {', '.join(config.data.draws)}",
            "Give for example data.curriculum=[[easy],[open_s1,open_deepscaler]], or [] to shuffle all",
        )
    if ordered and config.data.pass_rate is not None:
        refuse(
            "data.pass_rate",
            config.data.pass_rate,
            "orders the problems of each epoch, and so does data.curriculum",
            "Give data.curriculum=[], or data.pass_rate=null",
        )


def _own_data(config: Config) -> None:
    """Checks that columns belong to data of one's own, and that something judges the answers."""
    data, sources = config.data, config.catalog.sources
    for field in fields(Columns):
        if data.id is None and (value := getattr(data, field.name)) != field.default:
            refuse(
                f"data.{field.name}",
                value,
                "belongs to rows of one's own, and this mix has none",
                f"Name them, as data=problems.jsonl, or give catalog.sources.NAME.{field.name}={value}",
            )
    judged = [sources[draw.source].answer_kind != "none" for draw in data.draws.values()]
    terms = {name: term for name, term in vars(config.reward).items() if term is not None}
    asking = [name for name, term in terms.items() if hasattr(term, "gold_first")]
    if not config.untrained and judged and not any(judged) and asking:
        off = " ".join(f"reward.{name}=null" for name in asking)
        refuse(
            "data.answer_kind",
            "none",
            f"no row has an answer for {', '.join(f'reward.{name}' for name in asking)} to judge",
            f"Switch them off ({off}) and judge by a reward of your own, or give answer.kind=exact",
        )


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""The name of a run is the name of its folder."""
LONGEST = 100
"""Characters of a name at most: with what is put around it, it names files and a repository on the Hub."""
SHOWN = 60
"""Characters of a value that an error shows."""


def _rest(config: Config) -> None:
    if len(config.name) > LONGEST:
        refuse("name", _short(config.name), f"is longer than {LONGEST} characters", "Give a shorter name")
    if not NAME.fullmatch(config.name):
        refuse(
            "name",
            _short(config.name),
            "is the name of a folder, which holds letters, digits, `_`, `.` and `-` alone",
            "Give for example name=my_run",
        )
    if not config.stages:
        refuse("stages", "[]", "leaves nothing to do", "Give for example stages=[train], or dry_run=true")
    for field in ("detect", "spread"):
        if (points := getattr(config, field)) is not None and not config.dry_run:
            refuse(
                field, points, "is read by the dry run of a sweep alone", "Give dry_run=true, or leave it out"
            )
    if config.replicates > 1:
        refuse(
            "replicates",
            config.replicates,
            "is a setting of a sweep, and this is one run",
            "Give -m as well, or leave it out",
        )
    for stage in config.force:
        if stage not in config.stages:
            refuse(
                "force",
                f"[{stage}]",
                f"redoes a stage that is not in stages={config.stages}",
                f"Add {stage} to stages",
            )
    if config.algorithm.schedule == "cosine_with_min_lr" and config.algorithm.min_lr_rate is None:
        refuse(
            "algorithm.min_lr_rate",
            None,
            "cosine_with_min_lr needs its floor",
            "Give algorithm.min_lr_rate=0.1",
        )
    if config.adapter and not config.adapter.modules:
        refuse("adapter.modules", "[]", "leaves nothing to train", "Give for example [q_proj,v_proj]")
    trl_fields.check(config.algorithm.trl)
    algorithm = config.algorithm
    divided = algorithm.logits_over_temperature or algorithm.temperature == 1
    if algorithm.importance_sampling_correction and not divided:
        refuse(
            "algorithm.importance_sampling_correction",
            "true",
            f"compares vLLM's probabilities at temperature {algorithm.temperature} with the trainer's at 1, "
            "as algorithm.logits_over_temperature=false leaves the temperature out",
            "Give algorithm.logits_over_temperature=true, or algorithm.importance_sampling_correction=false",
        )
    for name, default in {"mode": "sequence_mask", "cap": 3.0}.items():
        value = getattr(algorithm, f"importance_sampling_{name}")
        if value != default and not algorithm.importance_sampling_correction:
            refuse(
                f"algorithm.importance_sampling_{name}",
                value,
                "is part of a correction that algorithm.importance_sampling_correction=false leaves out",
                "Leave it out, or give algorithm=grpo, dr_grpo or dapo, which have the correction",
            )
