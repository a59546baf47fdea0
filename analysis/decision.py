"""`decide A B`: is B better than A? Where that is undecided: what would decide it?"""

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from openrs.analysis import mixing, more_seeds
from openrs.analysis.cells import AVERAGE, Cell, measure_all
from openrs.analysis.factors import replicates
from openrs.analysis.run_records import Evaluation, RunRecords
from openrs.analysis.statistics import decisions, recipes
from openrs.analysis.statistics.decisions import Decision, Noise
from openrs.analysis.statistics.recipes import Spread
from openrs.analysis.tables import compare
from openrs.analysis.tables.table import benchmark_order, p_text
from openrs.errors import Mistake
from openrs.records import ledger

STATUS = {"better": 0, "worse": 10, "equal": 11, "undecided": 12}
"""Verdict -> exit status."""
STATED = 10**6
"""Degrees of freedom of a spread that was stated: it counts as known."""
ABOUT = ("recipes", "checkpoints")


@dataclass(frozen=True)
class Side:
    """One of the two: the checkpoints of all runs of a recipe."""

    label: str
    evaluations: tuple[Evaluation, ...]
    cells: tuple[dict[str, Cell], ...]
    """Of each run, by benchmark."""
    words: str
    """What names it in a shell."""
    recipe: str
    """What names its recipe there, where it is of some of its runs alone; else ""."""

    @property
    def trained(self) -> bool:
        """False for a base model."""
        return self.evaluations[0].trained

    def vectors(self, titles: Sequence[str]) -> dict[str, list[decisions.Array]]:
        """Benchmark -> the shares of each run, problems in the same order."""
        return {
            title: [cell.shares for run in self.cells if (cell := run[title]).shares is not None]
            for title in titles
        }


@dataclass(frozen=True)
class Answer:
    """The verdicts on B minus A, on recipes and on the checkpoints at hand."""

    first: Side
    second: Side
    titles: tuple[str, ...]
    checkpoints: Decision
    recipes: Decision | None
    """None where nothing tells the spread between training runs."""
    spread: str
    """What tells it, or why nothing does."""
    noise: Noise | None
    alpha: float
    margin: float | None

    @property
    def target(self) -> float:
        """The difference that more work should show: the margin, else the one seen."""
        return self.margin or abs(self.checkpoints.effect)

    @property
    def nothing_right(self) -> bool:
        """Whether both have no right answer at all, so that these problems tell nothing apart."""
        sides = (self.first.vectors(self.titles), self.second.vectors(self.titles))
        return not any(run.any() for side in sides for runs in side.values() for run in runs)

    @property
    def single_runs(self) -> str:
        """What names recipes where single runs of them were named; "" where none was."""
        single = [side for side in (self.first, self.second) if side.recipe]
        if not single:
            return ""
        labels = " and ".join(side.label.partition(" (step ")[0] for side in single)
        if self.first.recipe == self.second.recipe:
            return f"{labels} are runs of one recipe, {self.first.recipe}"
        what = "name single runs" if len(single) > 1 else "names a single run"
        both = " ".join(side.recipe or side.words for side in (self.first, self.second))
        return f"{labels} {what} of what has more; these words name the recipes: openrs decide {both}"

    def status(self, about: str) -> int:
        """The exit status by the verdict on recipes or on checkpoints."""
        decision = self.recipes if about == "recipes" else self.checkpoints
        return STATUS["undecided" if decision is None else decision.verdict]


def side(runs: Sequence[RunRecords], text: str) -> Side:
    """The runs of "exp3", "exp3@50", an id or a folder.

    Raises:
        Mistake: no run fits, or those that do are of several recipes.
    """
    items = compare.find(runs, text)
    first, step = items[0], text.partition("@")[2]
    of = replicates(runs)
    several = sum(of[run.id] == of[first.run.id] and bool(run.scores) for run in runs) > len(items)
    recipe = compare.words(runs, first.run) + (f"@{step}" if step else "") if several else ""
    at = f"step {'/'.join(map(str, sorted({item.step for item in items})))}"
    count = f", {len(items)} run{'s' * (len(items) > 1)}" if first.trained else ""
    cells = tuple(measure_all(item.scores, AVERAGE, item.run.folder) for item in items)
    return Side(f"{text.partition('@')[0]} ({at}{count})", tuple(items), cells, shlex.quote(text), recipe)


def decide(
    first: Side,
    second: Side,
    margin: float | None = None,
    alpha: float = 0.05,
    stated: float | None = None,
    mixed: Sequence[str] = (),
) -> Answer:
    """The verdicts.

    Args:
        margin: the largest difference that does not matter, as a share of 1.
        alpha: the level of the tests.
        stated: standard deviation of the averages of a recipe's training runs, where too few show it.

    Raises:
        Mistake: the second is no trained one; they share no benchmark with outcomes on the same problems, or
            were measured in other ways.
    """
    if not second.trained:
        raise Mistake(f"{second.label}: is an untrained model, and B must be trained. Give it as A.")
    if {(i.run.id, i.step) for i in first.evaluations} == {(i.run.id, i.step) for i in second.evaluations}:
        raise Mistake(f"{second.label}: is both A and B. Give two recipes, or two checkpoints.")
    mixing.refuse([*first.evaluations, *second.evaluations], mixed)
    titles = _shared([*first.cells, *second.cells])
    if not titles:
        raise Mistake(
            f"{first.label} and {second.label}: have no benchmark with outcomes on the same problems in "
            "common. Evaluate all of their runs on one."
        )
    sides = first.vectors(titles), second.vectors(titles)
    seen = recipes.average_between_runs(
        list(sides[0].values()), list(sides[1].values()), first.trained, Spread(0.0, 1)
    )
    checkpoints = decisions.decide(seen.effect, decisions.parts_of_checkpoints(*sides), alpha, margin)
    both = zip((first, second), sides, strict=True)
    trained = [recipes.run_averages(list(vectors.values())) for item, vectors in both if item.trained]
    spread, source = _spread(trained, stated)
    if spread is None:
        return Answer(first, second, titles, checkpoints, None, source, None, alpha, margin)
    k = {title: first.cells[0][title].k for title in titles}
    parts = recipes.parts_of_difference(
        list(sides[0].values()), list(sides[1].values()), spread, first.trained
    )
    noise = decisions.noise(*sides, k, first.trained, parts)
    decision = decisions.decide(seen.effect, parts, alpha, margin)
    return Answer(first, second, titles, checkpoints, decision, source, noise, alpha, margin)


def _shared(cells: Sequence[dict[str, Cell]]) -> tuple[str, ...]:
    """Benchmarks on which all have outcomes on the same problems."""
    common = set(cells[0]).intersection(*cells[1:])
    same = {
        title
        for title in common
        if len({run[title].ids for run in cells}) == 1 and len(cells[0][title].ids) > 1
    }
    return tuple(benchmark_order(same))


def _spread(trained: Sequence[Sequence[float]], stated: float | None) -> tuple[Spread | None, str]:
    """The spread between training runs of a recipe, and what tells it."""
    if stated is not None:
        return Spread(stated**2, STATED), f"as stated: a standard deviation of {100 * stated:.1f} points"
    own = recipes.pooled(trained)
    if own is None:
        return None, "no recipe here has two training runs"
    deviation = 100 * math.sqrt(own.variance)
    freedom = f"{own.freedom} degree{'s' * (own.freedom > 1)} of freedom"
    seen = f"a standard deviation of {deviation:.1f} points, {freedom}"
    texts = [f"as seen: {seen}"]
    if any(len(runs) == 1 for runs in trained):
        texts.append(", and taken to be the same of the recipe that has one run")
    if not own.seen:
        texts.append("; so few runs may agree by chance, so the noise of problems and answers is counted")
    return own, "".join(texts)


def needs(answer: Answer) -> list[dict[str, Any]]:
    """What would show the difference with power 0.8: more training seeds, or more answers, with their cost;
    where nothing tells the spread between training runs, one more seed each, which does, unless runs that do
    are here and were not named."""
    noise, target = answer.noise, answer.target
    if noise is None:
        return [] if answer.single_runs else [_training(answer, 1)]
    if target == 0 or answer.status("recipes") != STATUS["undecided"]:
        return []
    options: list[dict[str, Any]] = []
    if (runs := noise.runs_needed(target)) is not None:
        options.append(_training(answer, runs))
    if (answers := noise.answers_needed(target)) is not None:
        more, titles = answers
        items = [item for side in (answer.first, answer.second) for item in side.evaluations]
        total = more * sum(_answer_hours(item, title) for item in items for title in titles)
        prices = [_price(item) for item in items]
        stated = [price for price in prices if price is not None]
        dollars_of = total * max(stated) if len(stated) == len(prices) else None
        options.append(
            {
                "sampling_seeds": more,
                "benchmarks": list(titles),
                "device_hours": total,
                "dollars": dollars_of,
            }
        )
    return options


def _training(answer: Answer, runs: int) -> dict[str, Any]:
    """So many more training seeds of each side that is trained; one costs what those here did, by their
    ledgers."""
    sides = [side.evaluations for side in (answer.first, answer.second) if side.trained]
    items = [item for side in sides for item in side]
    seeds = more_seeds.free([item.run for item in items], runs)
    spent = [ledger.spent(item.run.folder) for item in items]
    hours = [item.device_hours for item in spent if item is not None]
    dollars = [item.dollars for item in spent if item is not None and item.dollars is not None]
    more = runs * len(sides)
    return {
        "training_seeds_each": runs,
        "seeds": seeds,
        "commands": [text for side in sides if (text := more_seeds.command(side[0].run, seeds))],
        "device_hours": more * sum(hours) / len(hours) if hours else None,
        "dollars": more * sum(dollars) / len(dollars) if dollars else None,
    }


def _answer_hours(item: Evaluation, title: str) -> float:
    """Device-hours of one sampling seed, as those measured took."""
    scores = item.scores[title]
    hardware = item.run.config.get("hardware", {})
    devices = ledger.devices_held(int(hardware.get("devices", 1) or 1), int(hardware.get("nodes", 1) or 1))
    return sum(score.seconds for score in scores) / len(scores) * devices / 3600


def _price(item: Evaluation) -> float | None:
    price = item.run.config.get("hardware", {}).get("price_per_device_hour")
    return None if price is None else float(price)


def lines(answer: Answer) -> list[str]:
    """The answer for a person."""
    where = f"{'the average of ' if len(answer.titles) > 1 else ''}{', '.join(answer.titles)}"
    texts = [f"B = {answer.second.label} against A = {answer.first.label}, on {where}"]
    if answer.recipes is None:
        why = f" ({answer.spread}). Train more seeds, or state a spread with --spread"
        if answer.single_runs:
            why = ", as single runs were named"
        texts.append(f"recipes: undecided for want of a spread{why}")
    else:
        texts += [
            f"recipes: {_text(answer.recipes, answer)}",
            f"  spread between training runs {answer.spread}",
        ]
    if answer.single_runs:
        texts.append(f"  {answer.single_runs}")
    texts.append(f"checkpoints: {_text(answer.checkpoints, answer)}")
    options = needs(answer)
    enough = "; or ".join(_option(option) for option in options)
    if answer.recipes is None and options:
        texts.append(f"to see a spread: {enough}")
    elif answer.recipes and answer.recipes.verdict == "undecided" and not answer.target:
        seen = "no answer of either is right" if answer.nothing_right else "no difference is seen"
        texts.append(f"{seen}: give --margin POINTS, the largest that does not matter")
    elif answer.recipes and answer.recipes.verdict == "undecided":
        of = f"{100 * answer.target:.1f} points, {'the margin' if answer.margin else 'as seen'}"
        many = f"neither {decisions.MOST} more training seeds nor as many answers suffice"
        enough = enough or f"{many}: it takes more problems"
        texts.append(f"to show {of}, with power 0.8: {enough}")
    return texts + [f"  {command}" for option in options for command in option.get("commands", ())]


WORDS = {"better": "B is better", "worse": "B is worse", "equal": "equal within the margin"}


def _text(decision: Decision, answer: Answer) -> str:
    interval = f"[{100 * decision.low:.1f}, {100 * decision.high:.1f}]"
    text = (
        f"{WORDS.get(decision.verdict, decision.verdict)}: {100 * decision.effect:+.1f} points {interval}, "
    )
    text += p_text(decision.p)
    if decision.p_equal is not None and answer.margin is not None:
        text += f"; two one-sided tests against {100 * answer.margin:.1f} points: {p_text(decision.p_equal)}"
    return text + ("" if answer.alpha == 0.05 else f" (level {answer.alpha:.2g})")


def _option(option: dict[str, Any]) -> str:
    if "training_seeds_each" in option:
        count, seeds = option["training_seeds_each"], option["seeds"]
        text = f"{count} more training seed{'s' * (count > 1)} each"
        text += f" ({more_seeds.spelled(seeds)})" if seeds else ""
    else:
        text = f"{option['sampling_seeds']} more sampling seeds on {' and '.join(option['benchmarks'])}"
    hours, dollars = option["device_hours"], option["dollars"]
    cost = "cost unknown, as no run here has a ledger" if hours is None else f"{hours:.2g} device-hours"
    return f"{text}: {cost}" + ("" if dollars is None else f", ${dollars:.2f}")


def as_data(answer: Answer, about: str) -> dict[str, Any]:
    """The answer as plain data; differences and the margin in points."""

    def decision(decided: Decision | None) -> dict[str, Any]:
        if decided is None:
            return {"verdict": "undecided", "reason": answer.spread}
        numbers = asdict(decided)
        for key in ("effect", "low", "high"):
            numbers[key] = round(100 * numbers[key], 6)
        return numbers

    return {
        "a": answer.first.label,
        "b": answer.second.label,
        "runs": {
            key: [item.run.id for item in side.evaluations]
            for key, side in (("a", answer.first), ("b", answer.second))
        },
        "benchmarks": list(answer.titles),
        "recipes": decision(answer.recipes),
        "checkpoints": decision(answer.checkpoints),
        "spread": answer.spread,
        "margin": None if answer.margin is None else 100 * answer.margin,
        "alpha": answer.alpha,
        "needs": needs(answer),
        "about": about,
        "status": answer.status(about),
    }
