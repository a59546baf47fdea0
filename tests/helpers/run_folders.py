"""Run folders with scores, as tests need them."""

import json

from openrs.analysis.run_records import RunRecords
from openrs.records.checkpoints import mark_whole
from openrs.records.files import write_record
from openrs.records.recipe import digest
from openrs.records.scores import Score, ScoreAddress, score, write

TITLES = {"aime24": "AIME24", "math_500": "MATH-500", "amc23": "AMC23",
          "minerva": "Minerva", "olympiadbench": "OlympiadBench"}  # fmt: skip
SETTINGS = {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 256, "engine": "transformers",
            "dtype": "float64", "instruction": "i", "max_problems": None}  # fmt: skip

STATE = ("optimizer.pt", "scheduler.pt", "rng_state.pth")
KEPT = ("config.json", "model.safetensors", "trainer_state.json")
"""Files of a checkpoint: what only going on needs, and the others."""


def halves(n=4):
    """One seed whose every other problem is right."""
    return [[1, 0] * (n // 2)]


def make_run(
    outputs,
    name,
    outcomes,
    recipe=None,
    prefix="",
    settings=None,
    report_step=10,
    versions=None,
    problems="p",
    device="",
    config=None,
):
    """A run folder with scores: {step: {benchmark: [outcomes per seed]}}."""
    recipe = {"schema": 1, "name": name} if recipe is None else recipe
    run_id = digest(recipe)
    folder = outputs / "runs" / f"{name}-{run_id[:8]}"
    config = {
        "report_step": report_step,
        "scale": {"name": "nano" if prefix else "paper"},
        "model": {"title": "the base"},
    } | (config or {})
    write_record(folder / "run.json", {"name": name, "id": run_id, "recipe": recipe, "config": config})
    for step, benchmarks in outcomes.items():
        for benchmark, seeds in benchmarks.items():
            for offset, correct in enumerate(seeds):
                cell = ScoreAddress(step, benchmark, digest([benchmark, problems]), "5" * 64, 1234 + offset)
                n = len(correct)
                scores = score(
                    cell,
                    title=prefix + TITLES[benchmark],
                    columns={
                        "ids": [f"{problems}{i:04}" for i in range(n)],
                        "correct": correct,
                        "tokens": [9] * n,
                        "truncated": [0] * n,
                        "timed_out": [0] * n,
                    },
                    seconds=1.0,
                    settings=settings or SETTINGS,
                    versions=versions or {},
                    device=device,
                )
                write(folder, scores)
    return folder


def imported_run(name, shares, settings=None, n=40, model="org/model", seeds=(-1,), examples=None):
    """Records as an import leaves them, aggregates only: {step: {title: share right, or one a seed}}."""
    recipe = {"imported": {"from": "logs", "name": name, "model": model}}
    origin = {"samples": 1, "metric": "extractive_match", "examples": examples}
    scores = [
        Score(
            step=step,
            benchmark=title.lower(),
            title=title,
            seed=seed,
            settings_id=digest(settings or {}),
            scoring_id="5" * 64,
            value=value,
            n=n,
            stderr=0.05,
            ids=[],
            correct=[],
            tokens=[],
            truncated=[],
            timed_out=[],
            seconds=0.0,
            settings=settings or {},
            versions={},
            imported=origin,
        )
        for step, benchmarks in shares.items()
        for title, values in benchmarks.items()
        for seed, value in zip(seeds, values if isinstance(values, list) else [values], strict=False)
    ]
    config = {"report_step": None, "scale": {"name": "imported"}, "model": {"title": name}}
    return RunRecords(name, digest(recipe), recipe, config, tuple(scores))


def store_texts(folder, text, gold="1"):
    """Stores completions beside every score of a run's folder: text(i) is that of its i-th problem."""
    for path in folder.glob("eval/*/*/seed-*.json"):
        ids = json.loads(path.read_text())["ids"]
        record = {"ids": ids, "text": [text(i) for i in range(len(ids))], "gold": [gold] * len(ids)}
        seed = path.name.split("-")[1]
        path.with_name(f"seed-{seed}.text.json").write_text(json.dumps(record))


def save_checkpoint(folder, step, names=(*KEPT, *STATE), **more):
    """A checkpoint with small files of these names."""
    checkpoint = folder / f"checkpoint-{step}"
    for name in names:
        (checkpoint / name).parent.mkdir(parents=True, exist_ok=True)
        (checkpoint / name).write_text(f"{name} of step {step}")
    mark_whole(checkpoint, step, **more)
    return checkpoint
