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
from tests.helpers.commands import openrs

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

FOLDERS = ("openrs", "analysis", "conf", "sweeps")
CACHES = shutil.ignore_patterns("__pycache__")
LEFT_OUT = {".md"}
"""Suffixes of what only readers of the checkout need."""
USERS = {
    "analysis/__init__.py": "raise ImportError('a folder of the user')",
    "conf/config.yaml": "threads: 4",
    "conf/seed/one.yaml": "seed: one",
    "sweeps/other.yaml": "program: train.py",
}
"""Files of another program in the user's folder."""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=CACHES)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    return source


def built(source, target):
    """The wheel of a source, as pip builds it."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", target, source], check=True)
    (file,) = target.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    return built(source, tmp_path_factory.mktemp("wheel"))


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
    """Runs Python or `openrs` in a folder of a user who has folders analysis, conf and sweeps."""
    for name, text in USERS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def run(*arguments, program="python", cwd=tmp_path):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [installed.with_name(program), *arguments]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)

    return run


def test_the_wheel_holds_code_configs_sweeps_and_analysis(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    for folder in FOLDERS:
        for path in Path(ROOT / folder).rglob("*"):
            left_out = path.suffix in LEFT_OUT and "study" not in path.parts
            if path.is_file() and "__pycache__" not in path.parts and not left_out:
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


def test_a_source_distribution_builds_the_same_wheel(source, wheel, tmp_path):
    code = "from setuptools import build_meta; build_meta.build_sdist('../sdist')"
    shutil.copytree(source, tmp_path / "source", symlinks=True)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "source", check=True, capture_output=True)
    (archive,) = (tmp_path / "sdist").glob("*.tar.gz")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    again = built(folder, tmp_path)
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())


def test_the_nano_job_gives_the_checkouts_table(run, tmp_path):
    job = ["experiment=exp3", "data=mixed", "scale=nano", "steps.stop_at=1", "report_step=1",
           "steps.save_every=1", "evaluation.max_problems=4"]  # fmt: skip
    ours = openrs(*job, f"outputs={tmp_path}/ours")
    theirs = run(*job, program="openrs")
    assert theirs.returncode == 0, theirs.stderr[-3000:]
    assert theirs.stdout == ours.stdout
    (run_folder,) = (tmp_path / "outputs" / "runs").glob("exp3-*")
    assert (tmp_path / "ours" / "runs" / run_folder.name).exists(), "the same recipe has the same id"
    table = run("table1", "outputs", "--json", program="openrs")
    assert table.returncode == 0, table.stderr
    assert "exp3, step 1" in table.stdout


def test_a_new_study_is_found_and_planned(run, tmp_path):
    assert run("new", "study", program="openrs").returncode == 0
    for words in (["experiment=mine"], ["-m", "sweeps=mine"]):
        shown = run(*words, "dry_run=true", program="openrs", cwd=tmp_path / "study")
        assert shown.returncode == 0, shown.stderr
        assert "mine-" in shown.stdout
    elsewhere = run(
        "--config-dir", "study/conf", "-m", "sweeps=mine", "dry_run=true",
        "data.id=study/data/problems.jsonl", "evaluation.benchmarks=[study/data/held_out.jsonl]",
        "reward.custom.brevity.function=study/rewards.py:brevity",
        program="openrs",
    )  # fmt: skip
    assert elsewhere.returncode == 0, elsewhere.stderr
