"""What a command would do: the run's address, what exists already, what is missing and what that costs."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from openrs import models, needs
from openrs.config.catalog import BenchmarkData
from openrs.config.schema import Config
from openrs.cost.estimate import Estimate, Work
from openrs.cost.rates import Rate, Rates
from openrs.cost.sizes import disk
from openrs.data import catalog, golds
from openrs.data.mix import Mix, answer, enough, load_mix
from openrs.data.rows import Rows
from openrs.errors import Unfetched
from openrs.evaluate import prompt_lengths, task_rows
from openrs.machine import Machine
from openrs.records import ledger, paper, recipe, reward_sources
from openrs.records.checkpoints import WITH_STATE
from openrs.records.resumption import Resumption, resumption
from openrs.records.run import Run, find
from openrs.records.scores import ScoreAddress, measured
from openrs.terminal import say
from openrs.train import collapse
from openrs.verify.boxes import last_box

NAMED = 3
"""Problems with several gold answers that a plan names."""


@dataclass(frozen=True)
class Plan:
    """One run, resolved against what outputs/ holds."""

    config: Config
    base: Run
    """The untrained model: step 0 of every run is its score, measured once."""
    run: Run
    mix: Mix | None
    """The training rows; None for the base model."""
    problems: dict[str, Rows]
    """Benchmark name -> rows with id, problem and gold."""
    ids: dict[str, tuple[str, str]]
    """Benchmark name -> ids of the evaluation settings and of the scoring."""
    data: dict[str, Any] = field(default_factory=dict)
    """What was read, for the records: sources, benchmarks, and what the mix left out."""
    unread: str = ""
    """Why the data cannot be read here: rows and run are not known, numbers of problems are the paper's."""

    @property
    def trained_to(self) -> int:
        """The step that training has reached."""
        record = self.run.train_record
        return record.last_step if record else 0

    @property
    def stopped(self) -> dict[str, Any] | None:
        """Why training ended before today's step: step, kind and reason."""
        record = self.run.train_record
        return record.stopped if record and record.last_step < self.config.stop_at else None

    @property
    def must_train(self) -> bool:
        """Whether training has steps to go; a collapsed run has none while the rules are on."""
        if self.mix is None:
            return False
        collapsed = self.stopped and self.stopped["kind"] == "collapse" and collapse.on(self.config)
        to_go = self.trained_to < self.config.stop_at and not collapsed
        return to_go or "train" in self.config.force

    @property
    def resumed(self) -> Resumption:
        """Where training goes on; the step that it has reached where it has none to go."""
        if not self.must_train:
            return Resumption(self.trained_to, {})
        if "train" in self.config.force:
            return Resumption(0, {})
        return resumption(self.run.folder / "train", self.config.stop_at)

    def owner(self, step: int) -> Run:
        """The run whose folder holds the scores of a step."""
        return self.run if step else self.base

    def cells(self, step: int) -> list[ScoreAddress]:
        """Every cell of a checkpoint under the current settings."""
        evaluation = self.config.evaluation
        return [
            ScoreAddress(step, name, *self.ids[name], evaluation.first_seed + offset)
            for name in evaluation.benchmarks
            for offset in range(evaluation.num_seeds[name])
        ]

    def missing(self, step: int) -> list[ScoreAddress]:
        """The cells of a checkpoint that have no score yet, or one of other weights than it holds now."""
        folder = self.owner(step).folder
        forced = "evaluate" in self.config.force
        return [c for c in self.cells(step) if forced or not measured(folder, c)]


def resolve(config: Config) -> Plan:
    """Reads the data, names the recipe and finds its run.

    Raises:
        ValueError: data or weights are missing, or too few; a prompt alone fills the model's context.
    """
    outputs = Path(config.outputs)
    config = replace(config, model=models.at_commit(config.model, outputs / "runs"))
    weights = models.fingerprint(config.model, outputs / "models")
    base = find(outputs, "base", recipe.untrained(config, weights=weights))
    run, mix = base, None
    if not config.untrained:
        mix = load_mix(config.data, config.catalog)
        enough(len(mix.rows), config.algorithm.prompts_per_step)
        identity = recipe.trained(config, weights=weights, rows=mix.fingerprint)
        run = find(outputs, config.name, identity)
    whole = task_rows.benchmarks(config)
    problems = {name: rows.first(config.evaluation.max_problems) for name, rows in whole.items()}
    if "evaluate" in config.stages:
        prompt_lengths.leave_room(config, problems)
    ids = {
        name: (
            recipe.evaluation_id(config, name, rows, rows.settings),
            recipe.scoring_id(config, name, rows, rows.scoring),
        )
        for name, rows in problems.items()
    }
    bindings = config.catalog
    data: dict[str, Any] = {
        "benchmarks": {
            name: catalog.origin(bindings, bindings.benchmarks[name], rows) for name, rows in whole.items()
        }
    }
    if mix is not None:
        data |= {"sources": mix.origins, "drawn": mix.drawn, "dropped": mix.dropped}
        if mix.not_held_out:
            data["not_held_out"] = mix.not_held_out
            _say_not_held_out(tuple(mix.not_held_out.items()))
    return Plan(config, base, run, mix, problems, ids, data)


@cache  # once a command, not once a trial
def _say_not_held_out(absent: tuple[tuple[str, str], ...]) -> None:
    """Says which benchmarks the rows were not compared with."""
    names = ", ".join(name for name, _ in absent)
    say(f"problems of {names} may be among the training rows, which were not compared: {absent[0][1]}")


def preview(config: Config) -> Plan:
    """The plan of a dry run, which goes on without data that cannot be fetched here.

    Raises:
        ValueError: as `resolve`, but for data of the Hub.
    """
    try:
        return resolve(config)
    except Unfetched as error:
        outputs, names = Path(config.outputs), config.evaluation.benchmarks
        weights = models.fingerprint(config.model, outputs / "models")
        base = find(outputs, "base", recipe.untrained(config, weights=weights))
        sizes = dict(zip(paper.BENCHMARKS, paper.PROBLEMS.values(), strict=True))
        most = config.evaluation.max_problems
        problems = {name: Rows([{}] * sizes.get(name, 0)).first(most) for name in names}
        run, mix = base, None
        if not config.untrained:
            mix = Mix((), {}, {})
            run = find(outputs, config.name, recipe.trained(config, weights=weights, rows=""))
        return Plan(config, base, run, mix, problems, dict.fromkeys(names, ("", "")), {}, str(error))


def way_on(plan: Plan) -> str:
    """What the same command does after an interruption, in words."""
    name, resumed = plan.run.folder.name, plan.resumed
    if "train" not in plan.config.stages or not plan.must_train:
        return f"{name}: the same command measures what is missing"
    if "train" in plan.config.force:
        step = resumption(plan.run.folder / "train", plan.config.stop_at).step
        again = f"goes on from step {step}" if step else "starts training again"
        return f"{name}: the same command without force=[train] {again}"
    if not resumed.step:
        return f"{name}: no checkpoint was saved yet, so the same command starts training again"
    return f"{name}: the same command goes on from step {resumed.step}"


def describe(plan: Plan) -> Iterator[str]:
    """The plan in lines for a person."""
    config, run = plan.config, plan.run
    algorithm, steps = config.algorithm, config.steps
    if plan.unread:
        yield f"{config.name}: its run is not known here, as it follows from the data"
        yield f"  data      not known here: {plan.unread}"
    else:
        state = "exists" if (run.folder / "run.json").exists() else "new"
        yield f"{config.name}: {run.folder} ({state})"
        yield f"  recipe    {run.id}"
    yield f"  scale     {config.scale.name}: {config.scale.reason}"
    commit = f" at {config.model.commit}" if config.model.commit else ""
    yield f"  model     {config.model.title}{commit} on {config.hardware.name}"
    if plan.mix is not None:
        draws = {name: draw.count or "not known here" for name, draw in config.data.draws.items()}
        drawn: dict[str, Any] = draws if plan.unread else plan.mix.drawn
        yield f"  rows      {', '.join(f'{name} {count}' for name, count in drawn.items())}"
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
        yield from (f"  reward    {note}" for note in reward_sources.notes(config, run))
    for step in config.checkpoints:
        cells, missing = plan.cells(step), plan.missing(step)
        yield f"  evaluate  step {step}: {len(cells) - len(missing)} of {len(cells)} cells done"
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
    """The cap on completions, with the stages that lead to it."""
    stages = [f"{stage.completion} (to step {stage.until})" for stage in config.length.stages]
    return " then ".join([*stages, str(config.length.completion)])


def work(plan: Plan, rates: Rates, counted: set[str] | None = None, afresh: bool = False) -> Work:
    """What a plan still needs.

    Args:
        counted: paths of the scores that another plan has counted, as the base model's; added to.
        afresh: count as though the run had nothing yet; the base model keeps its scores.
    """
    config, counted = plan.config, set() if counted is None else counted
    must_train = plan.mix is not None if afresh else plan.must_train
    steps = 0
    if must_train and config.trains:
        steps = config.stop_at - (0 if afresh else min(plan.resumed.step, config.stop_at))
    problems = 0
    for step in config.checkpoints if config.evaluates else []:
        for cell in plan.cells(step) if afresh and step else plan.missing(step):
            path = str(cell.path(plan.owner(step).folder))
            if path not in counted:
                counted.add(path)
                problems += len(plan.problems[cell.benchmark])
    return Work.of(config, plan.run.id, steps, problems, rates)


def describe_cost(plan: Plan) -> Iterator[str]:
    """What the rest of the run takes, in hours, money and disk, and what this machine lacks for it."""
    if (past := ledger.spent(plan.run.folder)) is not None:
        yield f"  spent     {past}"
    left = work(plan, Rates())
    for amount, unit, rate in left.parts:
        label = "train" if unit == "steps" else "evaluate"
        time = (
            "of unknown time (no run like this was measured here or published)"
            if rate is None
            else f"{_hours(amount, rate)} h at {rate} ({rate.source})"
        )
        yield f"  {label:9} {amount} {unit} to go, {time}"
    estimate = Estimate((left,))
    if left.parts and not estimate.unknown:
        unpriced = estimate.money() is None
        money = (
            "hardware.price_per_device_hour is unknown"
            if unpriced
            else f"${estimate.span(estimate.money, '.2f')}"
        )
        hours = f"{estimate.span(estimate.hours, '.3g')} h"
        yield f"  estimate  {hours}, {estimate.span(estimate.device_hours, '.3g')} device-hours, {money}"
    if plan.mix is not None:
        yield f"  disk      {_disk(plan.config)}"
    for need in needs.unmet_at_start(plan.config, Machine(plan.config.outputs)):
        yield f"  lacks     {need.what}"


def _hours(amount: int, rate: Rate) -> str:
    ends = (-1, 1) if rate.spread > 1 else (0,)
    return " to ".join(f"{amount * rate.seconds * rate.spread**end / 3600:.3g}" for end in ends)


def _disk(config: Config) -> str:
    size = disk(config)
    if size is None:
        return "unknown: model.parameters is not stated"
    return (
        f"{_bytes(size.total)}: {size.checkpoints} checkpoints x {_bytes(size.weights)} of weights, "
        f"{_bytes(size.optimizer_state)} of optimizer state for each of the {WITH_STATE} newest (one "
        "more while it is written; an interruption leaves a checkpoint more)"
    )


def _bytes(number: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number / 1000:.3g} kB"
