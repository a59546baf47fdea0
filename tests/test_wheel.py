"""The wheel: built from the checkout, installed into an environment of its own, used from an empty folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from openrs.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

FOLDERS = ("openrs", "analysis", "conf", "sweeps")
CACHES = shutil.ignore_patterns("__pycache__")
LEFT_OUT = {".md"}
"""Suffixes of what only readers of the checkout need."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=CACHES)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", target, source], check=True)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The interpreter of an environment with the wheel; other packages are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, wheel], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    return python


@pytest.fixture
def run(installed, tmp_path):
    """Runs Python in a folder of a user who has a folder `analysis`."""
    own = tmp_path / "analysis"
    own.mkdir()
    (own / "__init__.py").write_text("raise ImportError('a folder of the user')")

    def run(*arguments):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [installed, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def test_the_wheel_holds_code_configs_sweeps_and_analysis(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    for folder in FOLDERS:
        for path in Path(ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in LEFT_OUT:
                inside = path.relative_to(ROOT)
                assert str(inside if folder == "openrs" else Path("openrs") / inside) in held
    assert "openrs/conf/sweeps/table1.yaml" in held, "sweeps=table1 is found beside the other groups"
    assert not [name for name in held if name.startswith("analysis/")]


def test_what_is_installed_is_imported(run, installed):
    shown = run(
        "-c", "import openrs.analysis, openrs.paths; print(openrs.paths.CONF, openrs.analysis.__file__)"
    )
    assert shown.returncode == 0, shown.stderr
    assert all(part.startswith(str(installed.parents[1])) for part in shown.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--help"], "sweeps: algorithm, "),
        (["experiment=exp3", "scale=nano", "--cfg", "job"], "name: exp3"),
        (["-m", "sweeps=table1", "scale=nano", "dry_run=true"], "nothing was run"),
    ],
)
def test_the_command_works_in_an_empty_folder(run, arguments, part):
    shown = run("-m", "openrs", *arguments)
    assert shown.returncode == 0, shown.stderr
    assert part in shown.stdout


def test_a_repository_around_it_is_not_taken_for_openrs(run):
    shown = run("-c", "from openrs.records.run import provenance as p; print(p()['commit'], p()['dirty'])")
    assert shown.stdout == "None False\n", shown.stderr
