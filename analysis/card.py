"""The model card of a checkpoint, made from the run's records alone."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from openrs.analysis import cells, records
from openrs.analysis.tables import table1
from openrs.records.files import read_lines, read_record
from openrs.records.ledger import device_hours
from openrs.records.run import Run


def card(run: Run, step: int, name: str) -> str:
    """The card of one checkpoint: what it is, its recipe, scores, cost, and where it came from.

    Args:
        name: how the checkpoint is called on the Hub, `user/name@branch`.

    Returns:
        Markdown with the Hub's YAML header. The same records give the same text.
    """
    record = read_record(run.folder / "run.json") or {}
    config = record["config"]
    loaded = records.load(run.folder)
    measured = [row for row in records.rows(loaded) if row.step == step] if loaded else []
    sections = [
        f"# {run.folder.name}, step {step} of {config['steps']['total']}",
        f"{config['model']['title']} trained with {config['algorithm']['name']} by openrs"
        + (
            ", at nano scale: a small model on procedural problems, comparable with no published number."
            if config["scale"]["name"] == "nano"
            else "."
        ),
        _scores(measured),
        _cost(run.folder, step, config),
        _origin(record),
        _recipe(run.recipe),
    ]
    data = _data(config, measured, name)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(sections) + "\n").content


def _data(config: dict[str, Any], measured: list[records.Row], name: str) -> ModelCardData:
    sources = config["catalog"]["sources"]
    drawn = {draw["source"] for draw in config["data"]["draws"].values()}
    real = config["catalog"]["kind"] != "nano"
    return ModelCardData(
        model_name=name,
        base_model=None if config["model"]["package"] else config["model"]["id"],
        datasets=sorted(sources[source]["id"] for source in drawn) if real else None,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["openrs", "grpo", "reasoning"],
        eval_results=[result for row in measured for result in _results(row, config["catalog"]["benchmarks"])]
        or None,
    )


def _results(row: records.Row, benchmarks: dict[str, Any]) -> list[EvalResult]:
    made = []
    for title, scores in row.cells.items():
        measured = cells.measure(scores)
        if measured is None:
            continue
        low, high = measured.interval.low, measured.interval.high
        known = benchmarks.get(scores[0].benchmark, {})
        made.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=known.get("id", scores[0].benchmark),
                dataset_name=title,
                dataset_split=known.get("split"),
                dataset_revision=known.get("revision"),
                metric_type="pass@1",
                metric_name="pass@1, percent",
                metric_value=round(100 * measured.value, 1),
                metric_args={
                    "interval_95": [round(100 * end, 1) for end in (low, high)],
                    "problems": scores[0].n,
                    "seeds": [score.seed for score in scores],
                    "temperature": row.settings["temperature"],
                    "top_p": row.settings["top_p"],
                    "max_new_tokens": row.settings["max_new_tokens"],
                },
            )
        )
    return made


def _scores(measured: list[records.Row]) -> str:
    if not measured:
        return "## Scores\n\nNot measured yet."
    lines = ["## Scores", "", "Pass@1 in percent with 95 % intervals (no interval covers the training seed)."]
    for row in measured:
        settings = row.settings
        lines += [
            "",
            f"Temperature {settings['temperature']}, top_p {settings['top_p']}, at most "
            f"{settings['max_new_tokens']} new tokens, {settings['engine']} in {settings['dtype']}.",
            "",
            "| benchmark | pass@1 | problems | sampling seeds |",
            "|---|---|---|---|",
        ]
        for title, scores in row.cells.items():
            lines.append(
                f"| {title} | {table1.value(cells.measure(scores))} | {scores[0].n} | {len(scores)} |"
            )
    return "\n".join(lines)


def _cost(folder: Path, step: int, config: dict[str, Any]) -> str:
    """Wall time, device-hours and money up to this step, start-up left out."""
    seconds = sum(
        line["step_seconds"] for line in read_lines(folder / "train/metrics.jsonl") if line["step"] <= step
    )
    hardware = config["hardware"]
    hours = device_hours(seconds, hardware["devices"], hardware.get("nodes", 1))
    price = hardware["price_per_device_hour"]
    money = "its price is not stated" if price is None else f"${hours * price:.2f} at ${price} an hour"
    return (
        f"## Cost\n\n{seconds / 3600:.2f} hours of training on {hardware['name']}: {hours:.2f} "
        f"device-hours; {money}."
    )


def _origin(record: dict[str, Any]) -> str:
    """Commit and versions of the newest invocation."""
    last = record["invocations"][-1]
    versions = ", ".join(f"{name} {version}" for name, version in last["versions"].items())
    commit = last["commit"] or "unknown"
    return (
        f"## Where it came from\n\nopenrs at commit {commit}{' with changes' if last['dirty'] else ''}, "
        f"{last['time'][:10]}; {versions}.\n\nCommand: `python -m openrs {' '.join(last['argv'])}`"
    )


def _recipe(recipe: dict[str, Any]) -> str:
    shown = json.dumps(recipe, indent=1, ensure_ascii=False)
    return f"## Recipe\n\nAll that the weights are a function of:\n\n```json\n{shown}\n```"
