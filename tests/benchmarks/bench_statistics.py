"""Do the intervals cover, do the tests keep their size, and how long tables take."""

import json
import math
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import create_trial

from openrs.analysis import cells, decision_ledger, run_records
from openrs.analysis.rows import ResultRow
from openrs.analysis.statistics import decisions, differences, intervals, power, recipes, selection
from openrs.analysis.tables import comparisons, table1
from openrs.analysis.tables.marks import marks
from openrs.paths import ROOT
from openrs.records.scores import ScoreAddress, score
from openrs.studies import replicates

pytestmark = pytest.mark.benchmark
optuna.logging.set_verbosity(optuna.logging.ERROR)
TITLES = {"aime24": ("AIME24", 30), "math_500": ("MATH-500", 500), "amc23": ("AMC23", 40),
          "minerva": ("Minerva", 272), "olympiadbench": ("OlympiadBench", 675)}  # fmt: skip


def shares(rng, n, k, mean, spread=1.0):
    """Shares of problems whose difficulty is beta distributed: (problems,)."""
    return rng.binomial(k, rng.beta(mean * spread, (1 - mean) * spread, n)) / k


def test_coverage():
    rng = np.random.default_rng(0)
    print("\ncoverage of 95 % intervals, percent: as used; the plain bootstrap's quantiles; their kinds")
    for n, rounds in ((30, 1000), (40, 1000), (272, 400)):
        error = math.sqrt(0.05 * 0.95 / rounds)
        print(f"   n  k  share   used  plain   Wilson used in   (Monte Carlo error {100 * error:.1f})")
        for k in (1, 4, 10):
            for mean in (0.05, 0.3, 0.85):
                used = plain = wilson = 0
                for _ in range(rounds):
                    drawn = shares(rng, n, k, mean)
                    found = intervals.of_shares(drawn)
                    used += found.low <= mean <= found.high
                    wilson += found.kind == intervals.WILSON
                    low, high = np.quantile(intervals.resampled(drawn, 2000), [0.025, 0.975])
                    plain += low <= mean <= high
                print(
                    f"{n:>4} {k:>2} {mean:>6} {100 * used / rounds:>6.1f} {100 * plain / rounds:>6.1f} "
                    f"{100 * wilson / rounds:>6.0f} %"
                )
                assert used / rounds > 0.90


def test_size():
    rng, rounds = np.random.default_rng(1), 1000
    print("\nrejections of equal rows at 5 %, percent (paired; the same rows unpaired) and coverage of 0")
    for n in (30, 40, 272):
        for k in (1, 4, 10):
            rejected = unpaired = covered = 0
            for _ in range(rounds):
                ability = rng.beta(0.5, 0.5, n)
                first, second = (rng.binomial(k, ability) / k for _ in range(2))
                pair = [measured(drawn, k) for drawn in (first, second)]
                found = cells.difference(*pair)
                rejected += found.p < 0.05
                covered += found.low <= 0 <= found.high
                sizes = (n, n) if k == 1 else None
                apart = differences.unpaired(pair[0].estimate, pair[1].estimate, sizes)
                unpaired += apart.p < 0.05
            numbers = [100 * number / rounds for number in (rejected, unpaired, covered)]
            print(f"{n:>4} {k:>2}  {numbers[0]:>5.1f} {numbers[1]:>5.1f} {numbers[2]:>6.1f}")
            assert rejected / rounds < 0.075


def measured(drawn, k):
    ids = tuple(map(str, range(len(drawn))))
    return cells.Cell(intervals.of_shares(drawn), len(drawn), k, (), ids, drawn)


def trained(rng, ability, runs, spread, gain=0.0):
    """Outcomes of a recipe's runs, one answer a problem: each run is off by its own draw, in logits."""
    logits = np.log(ability / (1 - ability))
    return [
        (rng.random(len(ability)) < 1 / (1 + np.exp(-(logits + gain + rng.normal(0, spread))))).astype(float)
        for _ in range(runs)
    ]


def ability(rng, n):
    return np.clip(rng.beta(1, 1, n), 0.02, 0.98)


DRAWN = ((100, 0.2), (500, 0.2), (500, 0.4))
"""Problems, and standard deviation between runs in logits."""


def test_coverage_over_training_runs():
    rng, rounds = np.random.default_rng(11), 1000
    print("\ncoverage of the mean of 2, 3, 5 runs, percent (problems, spread in logits)")
    for n, spread in DRAWN:
        covered = []
        for m in (2, 3, 5):
            inside = 0
            for _ in range(rounds):
                runs = trained(rng, ability(rng, n), m, spread)
                result = recipes.estimate([runs], [float(run.mean()) for run in runs])
                inside += result.low <= 0.5 <= result.high
            covered.append(inside / rounds)
        print(f"{n:>4} {spread}: " + " ".join(f"{100 * share:>5.1f}" for share in covered))
        assert min(covered) > 0.93


def test_size_over_training_runs():
    rng, rounds = np.random.default_rng(2), 1000
    print(
        "\nrejections of equal recipes at 5 %, percent (problems, spread in logits): 1 v 2 runs, 2 v 2, ..."
    )
    pairs = ((1, 2), (2, 2), (3, 1), (3, 3), (5, 5))
    for n, spread in DRAWN:
        rejected = []
        for counts in pairs:
            found = 0
            for _ in range(rounds):
                level = ability(rng, n)
                sides = [trained(rng, level, count, spread) for count in counts]
                lent = recipes.pooled([[run.mean() for run in side] for side in sides])
                found += recipes.between_runs(*sides, spread=lent).p < 0.05
            rejected.append(found / rounds)
        print(
            f"{n:>4} {spread}: "
            + " ".join(f"{a}v{b} {100 * x:.1f}" for (a, b), x in zip(pairs, rejected, strict=True))
        )
        assert max(rejected) < 0.075


def made_sweep(rng, gap, seeds=3):
    """A study of two recipes with so many training seeds each; B is better by `gap` standard errors of the
    difference of their means."""
    study = optuna.create_study(direction="maximize")
    space = {"recipe": CategoricalDistribution(["A", "B"]), "seed": IntDistribution(1, seeds)}
    for recipe, level in (("A", 70.0), ("B", 70.0 + gap * math.sqrt(2 / seeds))):
        for seed in range(1, seeds + 1):
            params = {"recipe": recipe, "seed": seed}
            value = level + rng.normal()
            study.add_trial(create_trial(params=params, distributions=space, value=value))
    return study


def test_a_sweep_with_seeds_names_the_better_recipe():
    rng, rounds = np.random.default_rng(16), 1000
    print("\nmade sweeps of two recipes with three seeds each that name the worse one, by their true gap")
    for low, high, count in ((4, 6, 200), (2, 4, rounds)):
        gaps = rng.uniform(low, high, count)
        studies = [made_sweep(rng, gap) for gap in gaps]
        by_mean = sum(replicates.points(s).best_trial.params["recipe"] == "A" for s in studies)
        by_luck = sum(s.best_trial.params["recipe"] == "A" for s in studies)
        chances = np.array([math.erfc(gap / math.sqrt(2)) / 2 for gap in gaps])
        error = math.sqrt(float((chances * (1 - chances)).sum()))
        print(
            f"{low} to {high} standard errors, {count} sweeps: {by_mean} by the mean (the normal law says "
            f"{chances.sum():.1f}, Monte Carlo error {error:.1f}); {by_luck} by the best single run"
        )
        assert by_mean <= (0 if low == 4 else chances.sum() + 2 * error)
    assert by_luck > by_mean, "a single seed is luckier than a mean"


def test_better_is_said_of_equal_recipes_at_most_once_in_forty():
    """And of a worse one less often."""
    rng, rounds = np.random.default_rng(17), 1000
    error = math.sqrt(0.025 * 0.975 / rounds)
    print(
        f"\n'better' said of a recipe that is not, percent (wanted: at most 2.5; Monte Carlo error "
        f"{100 * error:.1f}): equal, and worse by half a standard error between runs"
    )
    for n, spread in DRAWN:
        for m in (2, 3, 5):
            wrong = []
            for gain in (0.0, -spread / 2):
                said = 0
                for _ in range(rounds):
                    level = ability(rng, n)
                    first, second = trained(rng, level, m, spread), trained(rng, level, m, spread, gain)
                    gap = float(np.mean(second) - np.mean(first))
                    parts = recipes.parts_of_difference([first], [second])
                    said += decisions.decide(gap, parts).verdict == "better"
                wrong.append(said / rounds)
            print(f"{n:>4} {spread}, {m} runs each: " + " ".join(f"{100 * share:.1f}" for share in wrong))
            assert max(wrong) <= 0.025 + 2 * error


def test_two_one_sided_tests_at_the_margin():
    rng, rounds = np.random.default_rng(12), 1000
    print(
        "\ntwo one-sided tests: equal said of recipes that differ by the margin, percent (wanted: at most 5)"
    )
    for m in (2, 3, 5):
        wrong = 0
        for _ in range(rounds):
            level = rng.beta(1, 1, 400) * 0.6 + 0.2
            first, second = ([rng.binomial(4, np.clip(level + more + rng.normal(0, 0.01), 0, 1)) / 4
                              for _ in range(m)] for more in (0.0, 0.05))  # fmt: skip
            parts = recipes.parts_of_difference([first], [second])
            gap = float(np.mean(second) - np.mean(first))
            wrong += decisions.decide(gap, parts, margin=0.05).verdict == "equal"
        print(f"{m} runs each: {100 * wrong / rounds:.1f}")
        assert wrong / rounds < 0.065


def test_loops_of_changes_that_change_nothing():
    """Averages of three runs a side, with a known part over problems; a change is kept where B is better."""
    rng, loops, changes = np.random.default_rng(13), 1000, 100
    problems, runs = 0.8**2, 0.7**2
    estimated = runs * rng.chisquare(4, (loops, changes)) / 4
    effects = rng.normal(0, np.sqrt(problems + runs), (loops, changes))
    print("\nloops of 100 null changes that keep one, percent; changes kept a loop")
    for name, level in (("each at 5 %", 0.05), ("under a ledger", decision_ledger.ALPHA / changes)):
        quantiles = [recipes.reach([(1.0, freedom)], level) for freedom in (499, 4)]
        reach = np.sqrt(quantiles[0] ** 2 * problems + quantiles[1] ** 2 * estimated)
        kept = effects > reach
        print(f"{name}: {100 * kept.any(axis=1).mean():.1f} %, {kept.sum(axis=1).mean():.2f} kept")
    winners = (effects > 0).sum(axis=1).mean()
    print(f"every winner: {winners:.1f} kept")
    assert kept.any(axis=1).mean() <= 0.05


def test_predicted_power():
    rng, rounds = np.random.default_rng(14), 1000
    print(
        "\npower of a gain of 5 points, percent: predicted, simulated (3 and 5 runs; 200 problems, 4 answers)"
    )
    for m in (3, 5):
        predicted, found = [], 0
        for _ in range(rounds):
            level = rng.beta(1, 1, 200) * 0.3 + 0.3
            sides = [{"x": [rng.binomial(4, np.clip(level + more + rng.normal(0, 0.02), 0, 1)) / 4
                            for _ in range(m)]} for more in (0.0, 0.05)]  # fmt: skip
            parts = recipes.parts_of_difference([sides[0]["x"]], [sides[1]["x"]])
            predicted.append((parts[0][0], parts[1][0]))
            gap = float(np.mean(sides[1]["x"]) - np.mean(sides[0]["x"]))
            found += recipes.reach(parts) < abs(gap)
        problems, between = np.mean(predicted, axis=0)
        chance = power.between_recipes(0.05, np.sqrt(problems), np.sqrt(between), 200, 2 * m - 2)
        print(f"{m} runs each: {100 * chance:.1f} {100 * found / rounds:.1f}")
        assert abs(chance - found / rounds) < 0.05


def test_family_wise_error_of_a_table():
    rng, rounds = np.random.default_rng(15), 300
    print("\ntables of 21 equal rows on 5 benchmarks in which a difference is beyond noise, percent")
    wrong = 0
    for _ in range(rounds):
        levels = {title: rng.beta(0.5, 0.5, 60) for title in TITLES}
        rows = [
            ResultRow(
                str(i),
                (),
                {t: measured((rng.random(60) < level).astype(float), 1) for t, level in levels.items()},
            )
            for i in range(22)
        ]
        cells = [cell for _, row in comparisons.table(rows[0], rows[1:], list(TITLES)).rows for cell in row]
        wrong += any(cell.mark == "beyond noise" for cell in cells)
    print(f"{100 * wrong / rounds:.1f}")
    assert wrong / rounds < 0.09


def test_size_of_the_marks():
    rng, rounds = np.random.default_rng(3), 300
    print("\ncolumns of equal rows in which some row is called worse than the best, or one bold, percent")
    for count in (2, 5, 20):
        for k in (1, 4):
            wrong = bold = 0
            for _ in range(rounds):
                ability = rng.beta(0.5, 0.5, 100)
                made = [
                    ResultRow(str(i), (), {"x": measured(rng.binomial(k, ability) / k, k)})
                    for i in range(count)
                ]
                marked = marks(made, [["x"]])[0]
                wrong += len(marked) < count
                bold += "best" in marked.values()
            print(f"{count:>3} rows, k {k}: {100 * wrong / rounds:>5.1f} {100 * bold / rounds:>5.1f}")
            assert wrong / rounds < 0.10


def test_choosing_among_equal_checkpoints(monkeypatch):
    """Seven checkpoints of one ability: how often they are said to differ, and what is said of the best."""
    rng, rounds, draws = np.random.default_rng(6), 300, 1000
    monkeypatch.setattr(selection, "DRAWS", draws)
    print(
        "\nseven equal checkpoints (wanted: 5 % rejected, the expected maximum as drawn, no gain kept); "
        f"Monte Carlo error of the share rejected {100 * math.sqrt(0.05 * 0.95 / rounds):.1f} %, of a single "
        f"p of 5 % by {draws} draws {100 * math.sqrt(0.05 * 0.95 / draws):.1f} %"
    )
    for n, k in ((30, 1), (30, 4), (272, 1)):
        made = []
        for _ in range(rounds):
            shares = rng.binomial(k, np.repeat(rng.beta(1, 1, n)[:, None], 7, axis=1)) / k
            made.append(selection.of_shares(shares, binary=k == 1))
        rejected = np.mean([item.p_equal < 0.05 for item in made])
        told, best, kept = (
            100 * np.mean([value(item) - item.mean for item in made])
            for value in (lambda it: it.expected, lambda it: it.best, lambda it: it.shrunken)
        )
        print(
            f"{n:>4} k {k}: rejected {100 * rejected:.1f} %; best over the mean {best:.1f} points, "
            f"expected {told:.1f}, shrunken {kept:.1f}"
        )
        assert rejected < 0.09
        assert abs(told - best) < 0.15 * best
        assert kept < best / 2


def test_power():
    rng, rounds = np.random.default_rng(5), 1000
    print("\npower at the smallest difference as printed, percent (wanted: 80)")
    for n in (30, 40, 272):
        for churn in (0.0, 0.1, 0.3):
            gain = power.paired_once(n, churn)
            chances = (churn / 2 + gain, churn / 2, 1 - churn - gain)
            drawn = rng.multinomial(n, chances, rounds)
            found = np.mean([differences.mcnemar_p(up, down) < 0.05 for up, down, _ in drawn.tolist()])
            print(f"{n:>4} k  1, {churn:.0%} back and forth: {100 * gain:>5.1f} points {100 * found:>5.1f}")
            assert found > 0.76
        for k in (4, 10):
            gain, found = power_as_printed(rng, rounds, n, k)
            print(f"{n:>4} k {k:>2}: {100 * gain:>5.1f} points {100 * found:>5.1f}")
            assert found > 0.74
    for runs in (2, 3, 5):
        for against in ("base", "recipe"):
            gain, found = power_of_runs(rng, rounds, runs, against == "base")
            print(f"{runs} runs against a {against}: {100 * gain:>5.1f} points {100 * found:>5.1f}")
            assert found > 0.76


def power_as_printed(rng, rounds, n, k):
    """What a table says of two equal rows of k answers (the median), and how often it finds such a gain, of
    which each problem takes a part of its room."""
    said = []
    for _ in range(rounds // 5):
        ability = rng.beta(1, 1, n)
        first, second = (rng.binomial(k, ability) / k for _ in range(2))
        equal = differences.paired(first, second)
        said.append(power.paired_several(first, k, equal.error, equal.freedom))
    gain = np.median(said)

    def found():
        ability = rng.beta(1, 1, n)
        better = ability + gain / (1 - ability).mean() * (1 - ability)
        return differences.paired(*(rng.binomial(k, share) / k for share in (ability, better))).p < 0.05

    return gain, np.mean([found() for _ in range(rounds)])


def power_of_runs(rng, rounds, runs, base):
    """The same by the mean variances over problems and between runs."""
    found = [two_recipes(rng, runs, 0.0, base) for _ in range(rounds)]
    between = np.mean([item.error_between_runs**2 for item in found])
    problems = np.mean([item.error**2 for item in found]) - between
    gain = power.over_runs(np.sqrt(problems), np.sqrt(between), 200, found[0].freedom)
    return gain, np.mean([two_recipes(rng, runs, gain, base).p < 0.05 for _ in range(rounds)])


def two_recipes(rng, runs, gain, base, n=200, k=4, wobble=0.05):
    """Recipes of several runs that differ by 5 points; the first may be the base model, which has one."""
    ability = rng.beta(1, 1, n) * 0.3 + 0.15
    sides = [
        [
            rng.binomial(k, np.clip(ability + more + rng.normal(0, wobble * trained), 0, 1)) / k
            for _ in range(runs if trained else 1)
        ]
        for more, trained in ((0, not base), (gain, True))
    ]
    return recipes.between_runs(*sides, first_trained=not base)


def make(outputs, runs, steps, seeds=1):
    """Runs with random outcomes on the paper's five benchmarks."""
    rng = np.random.default_rng(4)
    for number in range(runs):
        folder = outputs / "runs" / f"exp-{number:08}"
        config = {"report_step": 10, "scale": {"name": "paper"}, "model": {"title": "base"}}
        recipe = {"lr": number}
        record = {"name": "exp", "id": f"{number:064}", "recipe": recipe, "config": config}
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(record))
        for step in range(10, 10 * steps + 1, 10):
            for name, (title, n) in TITLES.items():
                ability = np.random.default_rng(n).beta(0.5, 0.5, n)
                for seed in range(seeds):
                    cell = ScoreAddress(step, name, name * 9, "5" * 64, seed)
                    columns = {
                        "ids": [f"{name[:4]}{i:012}" for i in range(n)],
                        "correct": (rng.random(n) < ability).astype(int).tolist(),
                        "tokens": rng.integers(100, 30000, n).tolist(),
                        "truncated": [0] * n,
                        "timed_out": [0] * n,
                    }
                    settings = {"engine": "vllm", "dtype": "bfloat16", "temperature": 0.6}
                    made = score(
                        cell, title=title, columns=columns, seconds=1, settings=settings, versions={}
                    )
                    path = cell.path(folder)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(json.dumps(asdict(made), indent=1))


def test_a_table_of_twenty_rows(tmp_path):
    make(tmp_path, runs=20, steps=1, seeds=4)
    runs = run_records.load_all(tmp_path)
    began, cpu = time.perf_counter(), time.process_time()
    table1.everything(runs)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(
        f"\n{wall:.2f} s ({cpu:.2f} s of CPU)  20 rows x 5 benchmarks, 4 answers, 10,000 resamples (limit 5)"
    )
    assert cpu < 5


def test_ten_thousand_scores(tmp_path):
    make(tmp_path, runs=200, steps=10)
    code = (
        "import resource, sys, time; from pathlib import Path; from openrs.analysis import run_records\n"
        "began = time.perf_counter(); runs = run_records.load_all(Path(sys.argv[1]))\n"
        "wall = time.perf_counter() - began; size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(sum(len(run.scores) for run in runs), wall, time.process_time(), size / 2**20)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    count, wall, cpu, size = map(float, shown.stdout.split())
    print(
        f"\n{wall:.1f} s ({cpu:.1f} s of CPU), {size:.2f} GiB  {count:.0f} score records (limits 10 s, 2 GB)"
    )
    assert count == 10_000
    assert cpu < 10
    assert size < 1.86


def test_import_and_table(tmp_path):
    logs = Path(os.environ.get("OPENRS_LOGS", ROOT.parent / "shared" / "open-rs-logs"))
    if not logs.is_dir():
        pytest.skip(f"no published logs at {logs} (set OPENRS_LOGS)")
    files = sorted(logs.rglob("*.json"))
    for number in range(82):
        source = files[number % len(files)]
        place = tmp_path / "in" / str(number // len(files)) / source.relative_to(logs)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    taken = []
    for turn in range(4):
        outputs = str(tmp_path / f"out-{turn}")
        began = time.perf_counter()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for arguments in (
            ("import", str(tmp_path / "in"), "--outputs", outputs),
            ("table1", outputs, "--imported"),
        ):
            subprocess.run(
                [sys.executable, "-m", "analysis", *arguments], cwd=ROOT, capture_output=True, check=True
            )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        taken.append((time.perf_counter() - began, cpu))
    wall, cpu = (sorted(item[i] for item in taken[1:])[1] for i in (0, 1))
    print(f"\n{wall:.2f} s ({cpu:.2f} s of CPU)  82 files imported, then Table 1 (limit 1.6 s)")
    assert cpu < 1.6
