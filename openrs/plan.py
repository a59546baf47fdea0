"""What a command would do: the run's address, what exists already, what is missing and what that costs."""

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from openrs import models
from openrs.config.schema import Config
from openrs.cost.estimate import Work
from openrs.cost.rates import Rates
from openrs.data import catalog
from openrs.data.mix import Mix, enough, load_mix
from openrs.data.rows import Rows
from openrs.errors import Unfetched
from openrs.evaluate import prompt_lengths, task_rows
from openrs.records import paper, recipe
from openrs.records.resumption import Resumption, resumption
from openrs.records.run import Run, find
from openrs.records.scores import ScoreAddress, measured
from openrs.terminal import say
from openrs.train import collapse


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
