"""The model card of a checkpoint, made from the run's records alone."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from openrs.analysis.cells import measure_all
from openrs.analysis.devices import NOT_STATED
from openrs.analysis.formats import in_markdown
from openrs.analysis.run_records import Evaluation, evaluations, load
from openrs.analysis.tables.values import value
from openrs.records.files import read_record
from openrs.records.ledger import device_hours
from openrs.records.masking import masked_option
from openrs.records.run import Run
from openrs.records.training import logged_steps


def card(run: Run, step: int, name: str) -> str:
    """The card of one checkpoint: what it is, its recipe, scores, cost, and where it came from.

    Args:
        name: how the checkpoint is called on the Hub, `user/name@branch`.

    Returns:
        Markdown with the Hub's YAML header. The same records give the same text.
    """
    record = read_record(run.folder / "run.json") or {}
    config = record["config"]
    records = load(run.folder)
    measured = [item for item in evaluations(records) if item.step == step] if records else []
    recipe = json.dumps(run.recipe, indent=1, ensure_ascii=False)
    sections = [
        f"# {run.folder.name}, step {step} of {config['steps']['total']}",
        f"{config['model']['title']} trained with {config['algorithm']['name']}{_adapter(config)} by openrs"
        + (
            ", at nano scale: a small model on procedural problems, comparable with no published number."
            if config["scale"]["name"] == "nano"
            else "."
        ),
        _scores(measured),
        _cost(run.folder, step, config),
        _origin(record),
        f"## Recipe\n\nEverything that decides the weights:\n\n```json\n{recipe}\n```",
    ]
    data = _data(config, measured, name)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(sections) + "\n").content


def _adapter(config: dict[str, Any]) -> str:
    """What was trained, where that is not all weights."""
    adapter = config.get("adapter")
    if not adapter:
        return ""
    return f" and an adapter ({adapter['name']}, rank {adapter['rank']}; these files hold it alone)"


def _data(config: dict[str, Any], measured: list[Evaluation], name: str) -> ModelCardData:
    sources = config["catalog"]["sources"]
    names = {draw["source"] for draw in config["data"]["draws"].values()}
    real = config["catalog"]["kind"] != "nano"
    return ModelCardData(
        model_name=name,
        base_model=None if config["model"]["package"] else config["model"]["id"],
        datasets=sorted(sources[source]["id"] for source in names) if real else None,
        library_name="peft" if config.get("adapter") else "transformers",
        pipeline_tag="text-generation",
        tags=["openrs", "grpo", "reasoning", *filter(None, [(config.get("adapter") or {}).get("name")])],
        eval_results=[r for item in measured for r in _results(item, config["catalog"]["benchmarks"])]
        or None,
    )


def _results(item: Evaluation, benchmarks: dict[str, Any]) -> list[EvalResult]:
    results = []
    for title, cell in measure_all(item.scores).items():
        name = item.scores[title][0].benchmark
        benchmark = benchmarks.get(name, {})
        sampling = {key: item.settings[key] for key in ("temperature", "top_p", "max_new_tokens")}
        results.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=benchmark.get("id", name),
                dataset_name=title,
                dataset_split=benchmark.get("split"),
                dataset_revision=benchmark.get("revision"),
                metric_type="pass@1",
                metric_name="pass@1, percent",
                metric_value=round(100 * cell.value, 1),
                metric_args={
                    "interval_95": [round(100 * end, 1) for end in (cell.estimate.low, cell.estimate.high)],
                    "problems": cell.n,
                    "seeds": list(cell.seeds),
                    **sampling,
                },
            )
        )
    return results


def _scores(measured: list[Evaluation]) -> str:
    if not measured:
        return "## Scores\n\nNot measured yet."
    lines = ["## Scores", "", "Pass@1 in percent with 95 % intervals (no interval covers the training seed)."]
    for item in measured:
        settings = item.settings
        place = "" if settings["device"] == NOT_STATED else f" on {settings['device']}"
        lines += [
            "",
            f"Temperature {settings['temperature']}, top_p {settings['top_p']}, at most "
            f"{settings['max_new_tokens']} new tokens, {settings['engine']} in {settings['dtype']}{place}.",
            "",
            "| benchmark | pass@1 | problems | sampling seeds |",
            "|---|---|---|---|",
        ]
        for title, cell in measure_all(item.scores).items():
            lines.append(f"| {in_markdown(title)} | {value(cell)} | {cell.n} | {len(cell.seeds)} |")
    return "\n".join(lines)


def _cost(folder: Path, step: int, config: dict[str, Any]) -> str:
    """Wall time, device-hours and money up to this step, start-up left out."""
    seconds = sum(
        line.get("step_seconds", 0.0) for line in logged_steps(folder / "train") if line["step"] <= step
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
    command = " ".join(map(masked_option, last["argv"]))  # older records have secrets
    return (
        f"## Where it came from\n\nopenrs at commit {commit}{' with changes' if last['dirty'] else ''}, "
        f"{last['time'][:10]}; {versions}.\n\nCommand: `openrs {command}`"
    )
