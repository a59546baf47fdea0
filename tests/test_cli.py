"""The command as a user meets it: help, plans, errors, and what must not be imported."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from openrs.config import scale
from openrs.paths import CONF, ROOT
from tests.helpers.commands import heavy_imports, openrs

pytestmark = pytest.mark.slow


def test_help_shows_groups_and_examples():
    shown = openrs("--help")
    assert shown.returncode == 0
    for part in (
        "experiment: base, exp1, exp2, exp3",
        "sweeps: algorithm, ",
        "data=mixed",
        "scale: auto",
        "table1  ",
        "doctor  ",
    ):
        assert part in shown.stdout


def test_a_bare_command_prints_the_help():
    shown = openrs()
    assert shown.returncode == 0
    assert shown.stdout == openrs("--help").stdout


def test_settings_that_an_untrained_model_cannot_use_are_named(tmp_path):
    arguments = ["experiment=base", "scale=nano", "dry_run=true", f"outputs={tmp_path}"]
    shown = openrs(*arguments, "reward=length", "seed=3")
    assert shown.returncode == 0
    assert "reward=length seed=3: no effect, because the model is untrained" in shown.stderr
    assert "no effect" not in openrs(*arguments, "evaluation.max_problems=3").stderr
    assert "no effect" not in openrs(*arguments, "experiment=exp2", "seed=3").stderr


def test_an_output_that_lacks_a_character_shows_another(tmp_path):
    shown = openrs(
        "experiment=exp3", "scale=nano", "dry_run=true", f"outputs='{tmp_path}/é'", PYTHONIOENCODING="ascii"
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert f"{tmp_path}/?/runs" in shown.stdout


def test_a_dry_run_plans_and_writes_nothing(tmp_path):
    shown = openrs("experiment=exp3", "data=mixed", "dry_run=true", "scale=nano", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for part in (
        "exp3-",
        "open_s1 600, open_deepscaler 600, easy 200",
        "to step 100 of 100, 0 done",
        "step 0: 0 of 5 cells done",
        "step 50: 0 of 5",
        "step 100: 0 of 5",
        "nothing was run",
    ):
        assert part in shown.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_dry_sweep_plans_every_run(tmp_path):
    shown = openrs("-m", "sweeps=table1", "dry_run=true", "scale=nano", f"outputs={tmp_path}")
    assert shown.returncode == 0, shown.stderr
    trials = [line.split(":")[0].split() for line in shown.stdout.splitlines() if line.startswith("  trial ")]
    names = ("base", "exp1", "exp2", "exp3")
    assert trials == [["trial", str(slot), f"experiment={name}"] for slot, name in enumerate(names)]


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("openrs", ["--help"]),
        ("openrs", ["experiment=exp3", "scale=nano", "--cfg", "job"]),
        ("openrs", ["experiment=exp3", "data=mixed", "scale=nano", "dry_run=true"]),
        ("openrs", ["-m", "sweeps=table1", "scale=nano", "dry_run=true"]),
        ("openrs", ["experiment=exp3", "length.completion=9999", "scale=nano"]),
        ("analysis", ["table1", "/nowhere"]),
        ("analysis", ["table5"]),
        ("openrs.doctor", ["scale=nano", "--json"]),
        ("analysis", ["table2", "/nowhere"]),
    ],
)
def test_no_heavy_package_is_imported(module, arguments):
    assert heavy_imports(*arguments, module=module)[0] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sweeps=table1"], ["needs -m", "openrs -m sweeps=table1"]),
        (["data=mixd"], ["data=mixd", "Did you mean mixed?"]),
        (["reward.cosine.wieght=1"], ["wieght=1", "Did you mean reward.cosine.weight?"]),
        (["+lr=1e-5"], ["lr=1e-5", "Did you mean algorithm.learning_rate?"]),
        (["seed=abc"], ["seed=abc", "a whole number"]),
        (["length=4096"], ["length=4096", "length.completion=4096"]),
        (["seed=${nope}"], ["seed: cannot be resolved"]),
        (["--experiment", "exp2"], ["experiment=exp2"]),
        (["length.completion=900"], ["length.completion=900", "model.context=512"]),
        (["data=deepscaler", "catalog=mirror", "catalog.root=/nowhere"], ["catalog.root=/nowhere"]),
        (["data.draws.open_rs.source=nope"], ["data.draws.open_rs.source=nope", "open_s1"]),
        (["data=mixed", "data.draws.easy.count=99999"], ["data.draws.easy.count=99999", "only"]),
        (["model.package=not_there"], ["model.package=not_there", "not installed"]),
        (["hardware=cpux2", "hardware.sharding=zero2"], ["hardware.sharding=zero2", "needs CUDA devices"]),
    ],
)
def test_wrong_commands_fail_with_one_clear_error(arguments, told, tmp_path):
    # Hydra takes a tracer, as that of coverage, for a debugger, and prints the whole traceback
    untraced = {"COVERAGE_PROCESS_CONFIG": ""}
    shown = openrs("experiment=exp3", "scale=nano", f"outputs={tmp_path}", *arguments, **untraced)
    assert shown.returncode != 0
    for part in told:
        assert part in shown.stderr
    assert "Traceback" not in shown.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["data=mixed,mixd"], "data=mixd: is no option of data. Did you mean mixed? Known: deepscaler, easy"),
        (["sweeps=nosuch"], "sweeps=nosuch: is no option of sweeps. Known: algorithm"),
        (
            ["seed=1,2", "hydra/sweeper/sampler=nosuch"],
            "nosuch: is no option of hydra/sweeper/sampler. Known: cmaes",
        ),
        (
            ["seed=1,b"],
            "seed=b: must be a whole number. Give for example seed=0. This is the point seed=b.",
        ),
        (["steps.total=3,-1"], "steps.total=-1: must be greater than 0"),
        (["seed=interval(0,1)", "dry_run=true"], "seed=0.5: must be a whole number"),
        (
            ["algorithm.learning_rate=1e-6,interval(1e-7,1e-5)", "hydra.sweeper.n_trials=4"],
            "learning_rate=1e-6,interval(1e-7,1e-5): a dimension is a list or an interval, not both",
        ),
        (["lr=1e-5,1e-6"], "lr=1e-5,1e-6: is no option. Did you mean algorithm.learning_rate?"),
    ],
)
def test_wrong_sweeps_fail_with_one_clear_line_before_anything_runs(arguments, told, tmp_path):
    shown = openrs("-m", "experiment=exp2", "scale=nano", f"outputs={tmp_path}", *arguments)
    assert shown.returncode == 1
    (line,) = shown.stderr.splitlines()
    assert line.startswith("error: ")
    assert told in line
    assert list(tmp_path.iterdir()) == []


def test_a_plan_shows_the_other_jobs_beside_a_wrong_one(tmp_path):
    shown = openrs(
        "-m", "experiment=exp3", "scale=nano", "dry_run=true", "length.completion=900,100",
        f"outputs={tmp_path}",
    )  # fmt: skip
    assert shown.returncode == 1
    assert "trial 0   length.completion=900: cannot run: length.completion=900: a sequence" in shown.stdout
    assert re.search(r"trial 1   length.completion=100: exp3-\w{8} 100 steps, 1500 problems", shown.stdout)
    assert "left out  1 trial that cannot run: the sums above are without them" in shown.stdout


@pytest.mark.parametrize("arguments", ["--help", "experiment=exp3 scale=nano dry_run=true"])
def test_a_reader_that_closes_the_output_gets_no_traceback(arguments):
    command = f"{sys.executable} -m openrs {arguments} | true"
    shown = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert shown.stderr == ""


def test_the_config_can_be_shown():
    shown = openrs("experiment=exp1", "scale=nano", "--cfg", "job", "--resolve")
    assert "completion: 102" in shown.stdout


A40X4, A100X1, H100X1 = (
    scale.Option(*stated) for stated in (("a40x4", 4, 44), ("a100x1", 1, 79), ("h100x1", 1, 79))
)

ALL = scale.options()


@pytest.mark.parametrize(
    ("devices", "names", "known", "picked", "why"),
    [
        ([], "", [A40X4], ("nano", None), "no NVIDIA device"),
        ([8], "", [A40X4], ("nano", None), "1 NVIDIA device of 8 GiB"),
        ([80], "", [A40X4], ("nano", None), "needs 4 of 44 GiB (hardware=a40x4)"),
        ([44] * 4, "NVIDIA A40", [A40X4, A100X1], ("paper", "a40x4"), "4 NVIDIA devices of 44 GiB"),
        ([44, 44, 44, 8], "NVIDIA A40", [A40X4], ("nano", None), "needs 4 of 44 GiB"),
        ([80], "NVIDIA H100 80GB HBM3", [A40X4, A100X1, H100X1], ("paper", "h100x1"), "hardware=h100x1"),
        ([80], "NVIDIA A100-SXM4-80GB", [A40X4, A100X1, H100X1], ("paper", "a100x1"), "hardware=a100x1"),
        ([80] * 4, "NVIDIA H100 80GB HBM3", [A40X4, A100X1, H100X1], ("paper", "a40x4"), "not its price"),
        ([80] * 4, "NVIDIA A100-SXM4-80GB", [A100X1, A40X4], ("paper", "a40x4"), "4 NVIDIA devices of 80"),
        ([80] * 2, "NVIDIA A100-SXM4-80GB", [A100X1, A40X4], ("paper", "a100x1"), "hardware=a100x1"),
        ([46] * 4, "NVIDIA L40S", [A40X4, A100X1], ("paper", "a40x4"), "not its price"),
        ([23], "NVIDIA GeForce RTX 4090", ALL, ("paper", "gpu24x1"),
         "hardware=gpu24x1 fits (not its price); passed over: a100x1 (needs 1 of 79 GiB), "),
        ([15], "Tesla T4", ALL, ("nano", None), "1 of 22 GiB (hardware=gpu24x1)"),
        ([44], "NVIDIA L40S", ALL, ("paper", "gpu48x1"), "gpu24x1 (is for 22 GiB in all, not 44)"),
        ([44] * 2, "NVIDIA A40", ALL, ("paper", "gpu24x2"), "gpu48x1 (is for fewer devices)"),
        ([40] * 4, "NVIDIA A100-SXM4-40GB", ALL, ("paper", "gpu40x4"), "a40x4 (needs 4 of 44 GiB)"),
        ([80] * 4, "NVIDIA H100 80GB HBM3", ALL, ("paper", "a40x4"), "hardware=a40x4 fits (not its price)"),
        ([80] * 2, "NVIDIA H100 80GB HBM3", ALL, ("paper", "h100x1"), "a100x1 (is for other devices)"),
        ([79] * 8, "NVIDIA H100 80GB HBM3", ALL, ("paper", "h100x8"), "hardware=h100x8; passed over"),
    ],
)  # fmt: skip
def test_the_scale_follows_the_devices(devices, names, known, picked, why):
    *chosen, reason = scale.pick(devices, [names] * len(devices), known)
    assert tuple(chosen) == picked
    assert why in reason


def test_every_cuda_option_can_be_picked():
    names = {path.stem for path in CONF.glob("hardware/*.yaml") if "device: cuda" in path.read_text()}
    assert {option.name for option in scale.options()} == names
    for option in scale.options():
        device = f"NVIDIA {option.name.split('x')[0].upper()}"
        found = scale.pick([option.memory] * option.devices, [device], [option])
        assert found[:2] == ("paper", option.name)


def test_auto_takes_the_hardware_that_is_there(tmp_path):
    fake = tmp_path / "nvidia-smi"
    fake.write_text(
        "#!/bin/sh\ncase $1 in *name*) n='NVIDIA A40';; *) n=46068;; esac\n"
        'for i in 1 2 3 4; do echo "$n"; done\n'
    )
    fake.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    shown = openrs("experiment=exp3", "--cfg", "job", PATH=path, CUDA_VISIBLE_DEVICES="0,1,2,3")
    assert "name: paper" in shown.stdout
    assert "name: a40x4" in shown.stdout
    assert "4 NVIDIA devices of 44 GiB visible, hardware=a40x4" in shown.stdout
    cpu = openrs("experiment=exp3", "hardware=cpu", "--cfg", "job", PATH=path, CUDA_VISIBLE_DEVICES="0,1,2,3")
    assert "name: cpu" in cpu.stdout  # what the user names wins
    assert "price_per_device_hour: 0.4375" in shown.stdout
    fake.write_text(fake.read_text().replace("A40", "L40S"))
    other = {"PATH": path, "CUDA_VISIBLE_DEVICES": "0,1,2,3"}
    unpriced = openrs("experiment=exp3", "--cfg", "job", **other).stdout
    assert "name: a40x4" in unpriced
    assert "price_per_device_hour: null" in unpriced
    for more in ("hardware=a40x4", "hardware.price_per_device_hour=0.4375"):
        assert (
            "price_per_device_hour: 0.4375" in openrs("experiment=exp3", more, "--cfg", "job", **other).stdout
        )


def test_devices_are_found_without_torch(tmp_path, monkeypatch):
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\nprintf '46068\\n46068\\n'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert scale.visible_devices() == [44, 44]
    fake.write_text("#!/bin/sh\nexit 9\n")
    assert scale.visible_devices() == []


def test_only_visible_devices_count(tmp_path, monkeypatch):
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\nprintf '46068\n8192\n46068\n'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for asked, found in (("", []), ("-1", []), ("1", [8]), ("0,2", [44, 44]), ("GPU-a,GPU-b", [44, 8])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", asked)
        assert scale.visible_devices() == found


def test_a_launcher_around_the_command_is_refused(tmp_path):
    shown = openrs("experiment=exp2", "scale=nano", f"outputs={tmp_path}", WORLD_SIZE="2")
    assert shown.returncode == 1
    assert "hardware=cpu: openrs was started by a launcher (WORLD_SIZE=2)" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_paper_hardware_is_refused_where_it_is_absent(tmp_path):
    shown = openrs(
        "experiment=exp2", "scale=nano", "hardware=a40x4", f"outputs={tmp_path}", CUDA_VISIBLE_DEVICES=""
    )
    assert shown.returncode == 1
    assert "needs 4 NVIDIA devices of 44 GiB (found none)" in shown.stderr


def test_scaling_keeps_whole_numbers_whole():
    assert scale.scaled("steps", 500, {"steps": 0.2}) == 100
    assert scale.scaled("steps", 1, {"steps": 0.2}) == 1
    assert scale.scaled("rate", 1e-6, {"rate": 100}) == 1e-4


def test_table_formats_reach_the_command(tmp_path):
    shown = openrs("table1", str(tmp_path), "--format", "json", module="analysis")
    assert shown.returncode == 1
    assert "holds no runs" in shown.stderr
    assert shown.stdout == ""


def test_published_numbers_need_no_run(tmp_path):
    shown = openrs("table1", str(tmp_path), "--published", module="analysis")
    assert shown.returncode == 0, shown.stderr
    assert "| Open-RS3 (50 steps) | 46.7 |" in shown.stdout


def test_a_missing_package_is_told_before_anything_starts(tmp_path):
    fake = tmp_path / "bin" / "nvidia-smi"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nprintf '46068\\n46068\\n46068\\n46068\\n'\n")
    fake.chmod(0o755)
    if find_spec("vllm") and find_spec("deepspeed"):
        pytest.skip("both packages are installed")
    shown = openrs(
        "experiment=exp2", "scale=nano", "hardware=a40x4", f"outputs={tmp_path / 'outputs'}",
        PATH=f"{fake.parent}:{os.environ['PATH']}", CUDA_VISIBLE_DEVICES="0,1,2,3",
    )  # fmt: skip
    assert shown.returncode == 1
    assert "which is not installed. Remedy: pip install" in shown.stderr
    assert not list(tmp_path.glob("outputs/runs/*/run.json"))
