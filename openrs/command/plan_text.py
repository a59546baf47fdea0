"""A plan in words: what a command would do, and what that costs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrs import needs
from openrs.config.catalog import BenchmarkData
from openrs.config.checks.algorithm import on_policy
from openrs.config.schema import Config
from openrs.config.training import Adapter
from openrs.cost.estimate import Estimate
from openrs.cost.rates import Rate, Rates
from openrs.cost.sizes import disk
from openrs.data import golds
from openrs.data.mix import Mix, answer
from openrs.data.rows import Rows
from openrs.machine.facts import Machine
from openrs.models.adapters import trainable
from openrs.models.files import parameters
from openrs.plan import Plan, work
from openrs.records import ledger, reward_sources
from openrs.records.checkpoints import WITH_STATE
from openrs.records.run import has_results
from openrs.terminal import duration
from openrs.verify.boxes import last_box

if TYPE_CHECKING:
    from openrs.sequential.design import Design

NAMED = 3
"""Problems with several gold answers that a plan names."""
SHEET = ("device_tflops", "device_bandwidth")
"""What a card's data sheet says, from which times are inferred."""


def describe(plan: Plan) -> Iterator[str]:
    """The plan in lines for a person."""
    config, run = plan.config, plan.run
    algorithm, steps = config.algorithm, config.steps
    if plan.unread:
        yield f"{config.name}: its run is not known here, as it follows from the data"
        yield f"  data      not known here: {plan.unread}"
    else:
        recorded = (run.folder / "run.json").exists()
        lost = not recorded and has_results(run.folder)
        state = "exists" if recorded else "exists; its run.json was deleted" if lost else "new"
        yield f"{config.name}: {run.folder} ({state})"
        yield f"  recipe    {run.id}"
    yield f"  scale     {config.scale.name}: {config.scale.reason}"
    commit = f" at {config.model.commit}" if config.model.commit else ""
    yield f"  model     {config.model.title}{commit} on {config.hardware.name}"
    if config.model.template_arguments:
        yield f"            its chat template gets {_stated(config.model.template_arguments)}"
    if plan.mix is not None:
        draws = {name: draw.count or "not known here" for name, draw in config.data.draws.items()}
        drawn: dict[str, Any] = draws if plan.unread else plan.mix.drawn
        yield f"  rows      {', '.join(f'{name} {count}' for name, count in drawn.items())}"
        if config.data.pass_rate:
            rated = sum("rate" in row for row in plan.mix.rows)
            yield (
                f"            from easy to hard by the rates of {config.data.pass_rate}, which {rated} of "
                f"{len(plan.mix.rows)} have"
            )
        for name, counts in plan.mix.dropped.items():
            if counts:
                yield f"            left out of {name}: {_counted(counts)}"
        yield from _conflicts(plan.mix)
        yield from _golds(plan.mix, Path(config.outputs))
        resumed = plan.resumed
        for step, reason in resumed.passed_over.items():
            yield f"            cannot go on from step {step}: {reason}"
        yield (
            f"  train     to step {config.stop_at} of {steps.total}, {resumed.step} done; "
            f"{algorithm.prompts_per_step} prompts x {algorithm.group_size} completions a step, "
            f"{_caps(config)} tokens at most; checkpoints every {steps.save_every}"
        )
        if plain := on_policy(algorithm):
            yield (
                "  loss      each completion is used once, so every ratio is 1 and the gradient is that of "
                f"algorithm.loss={plain}; algorithm.num_iterations=2 tells them apart"
            )
        if algorithm.importance_sampling_correction and config.hardware.generation == "transformers":
            yield (
                f"            {algorithm.name} without its importance-sampling correction: with "
                "hardware.generation=transformers the trained weights themselves generate"
            )
        if config.adapter:
            yield f"  adapter   {_adapter(config, config.adapter)}"
        if algorithm.trl:
            yield f"            TRL gets {_stated(algorithm.trl)}"
        terms = [
            f"{name} {term.weight:g}" + (f" ({term.function})" if name in config.reward.custom else "")
            for name, term in config.reward.terms.items()
        ]
        yield f"  reward    {', '.join(terms)}"
        yield from (f"            {note}" for note in reward_sources.notes(config, run))
    for owner, step in plan.measured:
        cells, missing = plan.cells(step, owner), plan.missing(step, owner)
        of = f" of {owner.folder.name}" if plan.reference and owner not in (plan.run, plan.base) else ""
        yield f"  evaluate  step {step}{of}: {len(cells) - len(missing)} of {len(cells)} cells done"
    if plan.in_looks:
        yield from _looks(plan)
    yield f"            engine {config.engine.kind}, {config.evaluation_dtype}"
    titles = {name: config.catalog.benchmarks[name].title for name in plan.problems}
    problems = ", ".join(
        f"{titles[name]} {len(rows) or 'unknown'} x {config.evaluation.num_seeds[name]}"
        for name, rows in plan.problems.items()
    )
    yield f"            problems x sampling seeds: {problems}"
    for name, rows in plan.problems.items() if not plan.unread else ():
        yield from _benchmark_golds(config.catalog.benchmarks[name], rows)
    cap, context = config.evaluation.max_new_tokens, config.model.context
    end = f", and {context} with its prompt" if cap > context // 2 else ""
    yield f"            at most {cap} new tokens a problem{end}"
    yield f"  stages    {', '.join(config.stages)}"


def _adapter(config: Config, adapter: Adapter) -> str:
    """What an adapter is, and how many of the weights it trains."""
    number, every = trainable(config), parameters(config.model)
    share = f", {number / every:.2g} of their number" if number and every else ""
    return (
        f"{adapter.name} of rank {adapter.rank}, alpha {adapter.alpha:g}, beside "
        f"{', '.join(adapter.modules)}: trains "
        f"{number or 'an unknown number of'} weights{share}; learning rate {config.learning_rate:g}, "
        f"{adapter.learning_rate_factor:g} times that of all weights"
    )


def _looks(plan: Plan) -> Iterator[str]:
    """The looks, what ends a comparison, and what it takes."""
    assert plan.reference is not None
    evaluation, design, (run, at) = plan.config.evaluation, plan.design, plan.reference
    shares = ", ".join(f"{100 * share:.0f}" for share in design.information)
    bounds = ", ".join(f"{bound:.2f}" for bound in design.boundaries)
    subject = "the average" if evaluation.tested == "average" else evaluation.tested
    yield f"            in looks at {shares} % of the information, against {run.folder.name} step {at}"
    yield (
        f"            decided where the standard score of {subject} is beyond {bounds} "
        f"(level {design.alpha:g})"
    )
    yield f"            {_takes(design)}; at most all, as counted below"
    if design.futility is not None:
        open_ended = replace(design, futility=None)
        lost = 100 * (open_ended.outcome(design.drift)[0] - design.outcome(design.drift)[0])
        yield (
            f"            futility {design.futility:g} costs {lost:.1f} points of power there; without it "
            f"{_takes(open_ended)}"
        )


def _takes(design: "Design") -> str:
    """The share of the answers that a comparison is expected to take."""
    null, planned = (100 * design.outcome(drift)[1] for drift in (0.0, design.drift))
    return (
        f"expected answers: {null:.0f} % if nothing differs, {planned:.0f} % at the difference that all of "
        "them show with power 0.8"
    )


def _stated(values: dict[str, Any]) -> str:
    """Entries of an open dictionary, as a command line would give them."""
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _conflicts(mix: Mix) -> Iterator[str]:
    """The problems that come with several gold answers, a few of them by their words."""
    for name, rows in mix.conflicts.items():
        for row in rows[:NAMED]:
            problem = " ".join(row["problem"].split())
            short = problem if len(problem) <= 60 else f"{problem[:57]}..."
            yield f"              {short!r}: {row['kept']} is kept, {row['other']} is left out"
        if len(rows) > NAMED:
            yield f"              and {len(rows) - NAMED} more of {name}, which train/data.json will name"


def _golds(mix: Mix, outputs: Path) -> Iterator[str]:
    """How math-verify will take the gold answers of each draw."""
    label = "golds"
    for name in mix.drawn:
        answers = [answer(row) for row in mix.rows if row["draw"] == name and "answer_kind" not in row]
        for kind in dict.fromkeys(row.get("answer_kind") for row in mix.rows if row["draw"] == name):
            if kind is not None:
                yield f"  {label:9} {name}: answer.kind={kind}"
                label = ""
        if not answers and mix.drawn[name]:
            continue
        of_draw = golds.unparsed(answers, outputs)
        line = f"math-verify cannot parse {of_draw.unparsed} of {of_draw.golds}"
        if of_draw.untried:
            line += f" ({of_draw.untried} not tried yet: the next plan goes on)"
        if kinds := golds.known_to_err(answers):
            line += f"; it is known to err on {_counted(kinds)}"
        yield f"  {label:9} {name}: {line}"
        label = ""


def _benchmark_golds(data: BenchmarkData, rows: Rows) -> Iterator[str]:
    if own := rows.settings:
        ends = f", stops at {own['stop']}" if own["stop"] else ""
        yield (
            f"            {data.title}: lighteval's prompt, at most {own['max_new_tokens']} tokens{ends}; "
            f"its score is {rows.scoring['metric']}"
        )
    if rows.left_out:
        yield f"            missing in {data.title}: {_counted(rows.left_out)}"
    judged = data.gold_kind in ("expr", "latex") and not rows.scoring
    answers = [] if not judged else [row["gold"] for row in rows]
    if kinds := golds.known_to_err(last_box(gold) or gold.strip(" $") for gold in answers):
        yield f"            golds of {data.title} on which math-verify is known to err: {_counted(kinds)}"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{what} {number}" for what, number in counts.items())


def _caps(config: Config) -> str:
    """The cap on completions, with what leads to it."""
    if growing := config.length.growing:
        return (
            f"{growing.start}, times {growing.factor:g} if over {growing.truncated_above:.0%} were cut "
            f"over {growing.window} generations, up to {config.length.completion}"
        )
    stages = [f"{stage.completion} (to step {stage.until})" for stage in config.length.stages]
    return " then ".join([*stages, str(config.length.completion)])


def describe_cost(plan: Plan) -> Iterator[str]:
    """What the rest of the run takes, in hours, money and disk, and what this machine lacks for it."""
    if (past := ledger.spent(plan.run.folder)) is not None:
        yield f"  spent     {duration(3600 * past.device_hours, of_devices=True)}, {past.money}"
    left = work(plan, Rates())
    for amount, unit, rate in left.parts:
        label = "train" if unit == "steps" else "evaluate"
        time = (
            f"of unknown time (no run like this was measured here or published{_remedies(plan.config, unit)})"
            if rate is None
            else f"{_time(amount, rate)} at {rate} ({rate.source})"
        )
        yield f"  {label:9} {amount} {unit} to go, {time}"
    estimate = Estimate((left,))
    if left.parts and not estimate.unknown:
        unpriced = estimate.money() is None
        money = (
            "hardware.price_per_device_hour is unknown (state it, in dollars)"
            if unpriced
            else f"${estimate.span(estimate.money, '.2f')}"
        )
        yield f"  estimate  {estimate.time}, {estimate.device_time}, {money}"
    if plan.mix is not None:
        yield f"  disk      {_disk(plan.config)}"
    machine = Machine(plan.config.outputs)
    if plan.must_train:
        yield from needs.devices.memory_lines(plan.config, machine)
    for need in needs.unmet_at_start(plan.config, machine):
        yield f"  lacks     {need.what}"


def _remedies(config: Config, unit: str) -> str:
    """What would tell an unknown time."""
    measure = "; steps.stop_at=2 measures it" if unit == "steps" else ""
    hardware = config.hardware
    if hardware.device == "cpu" or (unit != "steps" and config.engine.kind != "vllm"):
        return measure
    unknown = [f"hardware.{name}" for name in SHEET if getattr(hardware, name) is None]
    unknown += [] if parameters(config.model) else ["model.parameters"]
    give = "gives" if len(unknown) == 1 else "give"
    return f"{measure}; {', '.join(unknown)}, once stated, {give} a range" if unknown else measure


def _time(amount: int, rate: Rate) -> str:
    ends = (-1, 1) if rate.spread > 1 else (0,)
    return duration(*(amount * rate.seconds * rate.spread**end for end in ends))


def _disk(config: Config) -> str:
    size = disk(config)
    if size is None and config.adapter:
        return "unknown: the shapes of the weights that the adapter stands beside are not on this machine"
    if size is None:
        return "unknown: model.parameters is not stated"
    merged = f"; {_bytes(size.merged)} more while a checkpoint is merged and measured" if size.merged else ""
    return (
        f"{_bytes(size.total)}: {size.checkpoints} checkpoints x {_bytes(size.weights)} of weights, "
        f"{_bytes(size.optimizer_state)} of optimizer state for each of the {WITH_STATE} newest (one "
        f"more while it is written; an interruption leaves a checkpoint more){merged}"
    )


def _bytes(number: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number / 1000:.3g} kB"
