"""What a command would do: the run's address, what exists already, what is missing and what that costs."""

from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openrs.config.schema import Config
from openrs.cost.estimate import Work
from openrs.cost.rates import Rates
from openrs.data import catalog
from openrs.data.mix import Mix, enough, load_mix
from openrs.data.rows import Rows
from openrs.errors import Unfetched, refuse
from openrs.evaluate import prompt_lengths, task_rows
from openrs.models import adapters, chat
from openrs.models import files as model_files
from openrs.records import paper, recipe
from openrs.records.resumption import Resumption, resumption
from openrs.records.run import Run, find
from openrs.records.scores import ScoreAddress, measured
from openrs.sequential.looks import MOST, information
from openrs.sequential.looks import parts as parts_of
from openrs.sequential.reference import find as find_reference
from openrs.terminal import say
from openrs.train import collapse

if TYPE_CHECKING:  # numpy, which an evaluation in looks alone needs
    from openrs.sequential.design import Design
    from openrs.sequential.progress import LooksTaken


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
    reference: tuple[Run, int] | None = None
    """The run and the step that checkpoints are compared with, where the evaluation is in looks."""
    look: int = 0
    """Above 0 in the plan of one look, which has that part of the problems."""
    job: tuple[str, ...] = ()
    """The words of a command that makes this run alone, where the command at hand makes several."""

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

    @property
    def in_looks(self) -> bool:
        """Whether checkpoints are measured part by part, each against the reference."""
        return self.reference is not None and not self.look

    @cached_property
    def looks(self) -> tuple["Plan", ...]:
        """The plan of each look, with its part of the problems."""
        number = self.config.evaluation.looks or 1
        parts = {name: parts_of([row["id"] for row in rows], number) for name, rows in self.problems.items()}
        plans = []
        for look in range(number):
            problems = {
                name: rows.part(parts[name][look], look + 1, number) for name, rows in self.problems.items()
            }
            plans.append(replace(self, problems=problems, ids=_ids(self.config, problems), look=look + 1))
        return tuple(plans)

    @cached_property
    def design(self) -> "Design":
        """The looks' boundaries, from the sizes of the benchmarks alone."""
        from openrs.sequential.design import Design

        evaluation = self.config.evaluation
        sizes = [len(self.problems[name]) for name in self.tested]
        return Design(information(sizes, evaluation.looks or 1), evaluation.alpha, evaluation.futility)

    @property
    def tested(self) -> list[str]:
        """The benchmarks whose average is compared with the reference's."""
        evaluation = self.config.evaluation
        return evaluation.benchmarks if evaluation.tested == "average" else [evaluation.tested]

    def is_reference(self, step: int, run: Run) -> bool:
        """Whether a checkpoint is what others are compared with."""
        return self.reference is not None and (run.id, step) == (self.reference[0].id, self.reference[1])

    @property
    def candidates(self) -> list[int]:
        """The checkpoints that are compared with the reference, which may be one of the run's own."""
        return [step for step in self.config.checkpoints if not self.is_reference(step, self.owner(step))]

    @property
    def measured(self) -> list[tuple[Run, int]]:
        """Run and step of all that is measured: the checkpoints, and a reference that is none of them."""
        own = [(self.owner(step), step) for step in self.config.checkpoints]
        aside = self.reference is not None and len(self.candidates) == len(own)
        return [self.reference, *own] if aside and self.reference else own

    def progress(self, step: int, looks: int = MOST) -> "LooksTaken":
        """How far the comparison of a checkpoint with the reference has come.

        Args:
            looks: those that count, from the first.
        """
        from openrs.sequential.progress import progress

        assert self.reference is not None
        (run, at), own = self.reference, self.owner(step)
        parts = self.looks[:looks]
        pairs = (((run.folder, part.cells(at)), (own.folder, part.cells(step))) for part in parts)
        return progress(pairs, self.design, self.tested)

    def ended(self, step: int) -> int:
        """The look that ended the comparison of a checkpoint; 0 where another one is needed."""
        comparison = self.progress(step).comparison
        return comparison.look if comparison and comparison.verdict else 0

    def size(self, cell: ScoreAddress) -> int:
        """Problems of a cell."""
        parts, ids = self.looks if self.in_looks else (self,), (cell.settings_id, cell.scoring_id)
        return next(len(p.problems[cell.benchmark]) for p in parts if p.ids[cell.benchmark] == ids)

    def owner(self, step: int) -> Run:
        """The run whose folder holds the scores of a step."""
        return self.run if step else self.base

    def cells(self, step: int, run: Run | None = None) -> list[ScoreAddress]:
        """Every cell of a checkpoint under the current settings; of a comparison in looks that has ended,
        those of the looks that were taken.

        Args:
            run: the checkpoint's; None is the owner of the step.
        """
        evaluation = self.config.evaluation
        if self.in_looks:
            last = 0 if self.is_reference(step, run or self.owner(step)) else self.ended(step)
            return [cell for part in self.looks[: last or MOST] for cell in part.cells(step)]
        return [
            ScoreAddress(step, name, *self.ids[name], evaluation.first_seed + offset)
            for name in evaluation.benchmarks
            for offset in range(evaluation.num_seeds[name])
        ]

    def missing(self, step: int, run: Run | None = None) -> list[ScoreAddress]:
        """The cells of a checkpoint that have no score yet, or one of other weights than it holds now; in
        looks those that may be needed at most.

        Args:
            run: the checkpoint's; None is the owner of the step.
        """
        owner, forced = run or self.owner(step), "evaluate" in self.config.force
        stands = self.in_looks and not forced and self.is_reference(step, owner) and self.candidates
        if stands and all(map(self.ended, self.candidates)):
            return []  # it stands beside candidates that need no further look
        return [c for c in self.cells(step, owner) if forced or not measured(owner.folder, c)]


def resolve(config: Config) -> Plan:
    """Reads the data, names the recipe and finds its run.

    Raises:
        ValueError: data or weights are missing, or too few; a prompt alone fills the model's context; the
            model has not the layers of its adapter.
    """
    outputs = Path(config.outputs)
    config = replace(config, model=model_files.at_commit(config.model, outputs / "runs"))
    if config.trains or (config.evaluates and config.engine.kind != "server"):
        model_files.check_folder(config.model)
    weights = model_files.fingerprint(config.model, outputs / "models")
    notes = _notes(config)
    base = find(outputs, "base", recipe.untrained(config, weights=weights))
    reference = None
    if (named := config.evaluation.reference) is not None and config.evaluates:
        reference = find_reference(outputs / "runs", named, base)
    run, mix = base, None
    if not config.untrained:
        adapters.check(config)
        mix = load_mix(config.data, config.catalog)
        enough(len(mix.rows), config.algorithm.prompts_per_step)
        identity = recipe.trained(config, weights=weights, rows=mix.fingerprint)
        run = find(outputs, config.name, identity)
    whole = task_rows.benchmarks(config)
    problems = {name: rows.first(config.evaluation.max_problems) for name, rows in whole.items()}
    if "evaluate" in config.stages:
        prompt_lengths.leave_room(config, problems)
    _refuse_few_problems(config, problems)
    bindings = config.catalog
    data: dict[str, Any] = {
        "benchmarks": {
            name: catalog.origin(bindings, bindings.benchmarks[name], rows) for name, rows in whole.items()
        }
    }
    if notes:
        data["chat"] = notes
    if mix is not None:
        data |= {"sources": mix.origins, "drawn": mix.drawn, "dropped": mix.dropped}
        if mix.not_held_out:
            data["not_held_out"] = mix.not_held_out
            _say_not_held_out(tuple(mix.not_held_out.items()))
    return Plan(config, base, run, mix, problems, _ids(config, problems), data, reference=reference)


def _ids(config: Config, problems: dict[str, Rows]) -> dict[str, tuple[str, str]]:
    """Benchmark -> ids of the evaluation settings and of the scoring."""
    return {
        name: (
            recipe.evaluation_id(config, name, rows, rows.settings | rows.look),
            recipe.scoring_id(config, name, rows, rows.scoring),
        )
        for name, rows in problems.items()
    }


def _refuse_few_problems(config: Config, problems: dict[str, Rows]) -> None:
    """Checks that every look has a problem of every benchmark."""
    looks = config.evaluation.looks or 0
    for name, rows in problems.items():
        if len(rows) < looks:
            refuse(
                "evaluation.looks",
                looks,
                f"{name} has {len(rows)} problems, and a look needs one of each benchmark",
                f"Give evaluation.looks={max(1, len(rows))} or fewer",
            )


def _notes(config: Config) -> dict[str, str]:
    """What is not as the chat template alone would have it, which is said and recorded.

    Raises:
        Mistake: as `chat.chat`.
    """
    template = chat.chat_of(config.model)
    system = config.prompt.system if config.trains else None
    notes = template.notes(config.model, system) if template else {}
    for note in notes.values():
        chat.say_once(note)
    return notes


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
        weights = model_files.fingerprint(config.model, outputs / "models")
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
    for run, step in plan.measured if config.evaluates else []:
        own = step and run == plan.run
        for cell in plan.cells(step, run) if afresh and own else plan.missing(step, run):
            path = str(cell.path(run.folder))
            if path not in counted:
                counted.add(path)
                problems += plan.size(cell)
    return Work.of(config, plan.run.id, steps, problems, rates)
