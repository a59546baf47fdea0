"""What runs cost: the ledger, the estimates of a plan, disk, and Tables 2 to 4."""

import json
import shutil
import time
from dataclasses import asdict

import pytest

from openrs.analysis import card, formats
from openrs.analysis.tables import costs
from openrs.analysis.tables.table import BLANK
from openrs.command.plan_text import describe_cost
from openrs.cost.sizes import Disk, disk
from openrs.models import files as model_files
from openrs.plan import resolve
from openrs.records import ledger, paper
from openrs.records.scores import ScoreAddress, score, write
from openrs.records.training import Checkpoint, TrainRecord
from tests.helpers.run_folders import save_checkpoint


def plan_of(composed, outputs, *more):
    return resolve(composed("experiment=exp3", "data=mixed", f"outputs={outputs}", *more))


def trained(plan, seconds, *, last=2):
    """Leaves the records of a short training, each step taking this many seconds."""
    plan.run.log_invocation(asdict(plan.config))
    lines = [json.dumps({"step": step, "step_seconds": seconds}) for step in range(1, last + 1)]
    save_checkpoint(plan.run.folder / "train", last)
    (plan.run.folder / "train" / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    segment = {"first_step": 1, "last_step": last, "hardware": plan.config.hardware.name}
    plan.run.write_train_record(
        TrainRecord(
            checkpoints=(Checkpoint(last, "train/x"),), last_step=last, wall_seconds=seconds * last,
            device_hours=0.1, rows={"easy": 200}, dropped={}, metrics={}, segments=(segment,),
        )
    )  # fmt: skip


def scored(plan, step, seconds, n=4):
    for cell in plan.cells(step):
        columns = {key: [1] * n for key in ("correct", "tokens", "truncated", "timed_out")}
        made = score(
            cell, title=plan.config.catalog.benchmarks[cell.benchmark].title,
            columns={"ids": [str(i) for i in range(n)], **columns}, seconds=seconds,
            settings={"max_new_tokens": plan.config.evaluation.max_new_tokens}, versions={},
        )  # fmt: skip
        write(plan.owner(step).folder, made)


def told(plan):
    return "\n".join(describe_cost(plan))


def test_the_ledger_sums_every_stage_failed_ones_included(composed, tmp_path):
    plan = plan_of(composed, tmp_path, "hardware.price_per_device_hour=36")
    plan.run.folder.mkdir(parents=True)
    assert ledger.spent(plan.run.folder) is None
    with ledger.spending(plan.run.folder, plan.config.hardware, "train"):
        pass
    with (
        pytest.raises(KeyboardInterrupt),
        ledger.spending(plan.run.folder, plan.config.hardware, "evaluate step 2"),
    ):
        raise KeyboardInterrupt
    lines = ledger.entries(plan.run.folder)
    assert [line["stage"] for line in lines] == ["train", "evaluate step 2"]
    assert all(line["dollars"] == pytest.approx(36 * line["device_hours"]) for line in lines)
    total = ledger.spent(plan.run.folder)
    assert total.device_hours == pytest.approx(sum(line["seconds"] for line in lines) / 3600, abs=1e-5)
    assert ledger.spent(plan.run.folder, "train").dollars == pytest.approx(lines[0]["dollars"])


def test_a_stage_that_is_killed_is_billed_up_to_its_last_beat(composed, tmp_path, monkeypatch):
    plan = plan_of(composed, tmp_path)
    plan.run.folder.mkdir(parents=True)
    monkeypatch.setattr(ledger, "BEAT_SECONDS", 0.01)
    path = plan.run.folder / ledger.LEDGER
    killed = tmp_path / "as it was when the process was killed"
    with ledger.spending(plan.run.folder, plan.config.hardware, "train"):
        while not path.exists() or path.read_text().count("\n") < 3:
            time.sleep(0.005)
        killed.mkdir()
        (killed / ledger.LEDGER).write_bytes(path.read_bytes())
        time.sleep(0.01)  # seconds are kept to a thousandth
    (line,) = ledger.entries(killed)
    assert line["seconds"] >= 0.02
    (whole,) = ledger.entries(plan.run.folder)
    assert whole["seconds"] > line["seconds"]
    assert ledger.spent(plan.run.folder).wall_hours == pytest.approx(whole["seconds"] / 3600)


def test_a_stage_is_in_the_ledger_from_its_first_moment(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    plan.run.folder.mkdir(parents=True)
    with ledger.spending(plan.run.folder, plan.config.hardware, "train"):
        (line,) = ledger.entries(plan.run.folder)
        assert line["stage"] == "train"


def test_money_is_unknown_where_one_price_was(composed, tmp_path):
    priced = plan_of(composed, tmp_path, "hardware.price_per_device_hour=1")
    priced.run.folder.mkdir(parents=True)
    for hardware in (priced.config.hardware, composed("experiment=exp3").hardware):
        with ledger.spending(priced.run.folder, hardware, "train"):
            pass
    assert ledger.spent(priced.run.folder).dollars is None
    assert "price unknown" in str(ledger.spent(priced.run.folder))


def test_devices_of_all_nodes_count(composed):
    hardware = composed("experiment=exp3", "hardware=h100x8").hardware
    assert ledger.devices_held(hardware.devices, hardware.nodes) == 8
    assert ledger.devices_held(composed("experiment=exp3").hardware.devices) == 1
    assert ledger.device_hours(10 * 3600, devices=3, nodes=2) == 60


@pytest.mark.slow
def test_the_papers_run_is_estimated_from_its_own_figures(composed, mirror, tmp_path):
    paper = ["scale=paper", "data=deepscaler", "catalog=mirror", f"catalog.root={mirror}"]
    plan = resolve(composed("experiment=exp3", *paper, f"outputs={tmp_path}"))
    text = told(plan)
    for part in (
        "500 steps to go, 24 h at 173 s each (published: 24 h for 500 steps on 4 x A40)",
        "4551 problems to go, 1.65 h at 1.31 s each (published: 2.2 h a model on one GPU, on 4 of them)",
        "25.6 h, 103 device-hours, $44.89",
        "85.3 GB: 10 checkpoints x 3.55 GB of weights, 24.9 GB of optimizer state for each of the 2 newest",
    ):
        assert part in text
    alone = told(
        resolve(composed("experiment=exp3", *paper, f"outputs={tmp_path}", "engine.data_parallel=1"))
    )
    assert "4551 problems to go, 6.6 h at 5.22 s each (published: 2.2 h a model on one GPU)" in alone
    half = resolve(composed("experiment=exp3", *paper, f"outputs={tmp_path}", "steps.stop_at=250"))
    assert "250 steps to go, 12 h" in told(half)
    other = told(resolve(composed("experiment=exp3", *paper, f"outputs={tmp_path}", "hardware=h100x1")))
    assert (
        "500 steps to go, 4.99 to 10.9 h at 35.9 to 78.5 s each (by arithmetic from 24 h for 500 steps"
        in other
    )
    assert "4551 problems to go, 0.999 to 1.37 h at 0.79 to 1.08 s each (by arithmetic from 2.2 h" in other
    assert "5.99 to 12.3 h, 5.99 to 12.3 device-hours, hardware.price_per_device_hour is unknown" in other
    unlisted = ["hardware=h100x1", "hardware.device_tflops=null"]
    unknown = told(resolve(composed("experiment=exp3", *paper, f"outputs={tmp_path}", *unlisted)))
    assert "500 steps to go, of unknown time" in unknown
    assert "steps.stop_at=2 measures it; hardware.device_tflops, once stated, gives a range)" in unknown
    assert "estimate" not in unknown
    base = ["experiment=base", "scale=paper", "hardware=gpu24x1", "engine=transformers", *paper[2:]]
    assert "published)" in told(resolve(composed(*base, f"outputs={tmp_path}"))), "no remedy is known"
    card = ["hardware=gpu24x1", "hardware.device_tflops=165", "hardware.device_bandwidth=1008"]
    ranged = told(resolve(composed("experiment=exp3", *paper, f"outputs={tmp_path}", *card)))
    assert "500 steps to go, 16.6 to 65.3 h" in ranged


def test_own_steps_come_before_published_ones(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    own = "measured on two CPU cores; other CPUs take half or twice as long"
    assert f"100 steps to go, 2 to 8 min at 1.2 to 4.8 s each ({own})" in told(plan)
    trained(plan, seconds=36.0)
    scored(plan, 10, seconds=8.0)
    text = told(plan_of(composed, tmp_path, "seed=1", "hardware.price_per_device_hour=2"))
    assert f"100 steps to go, 1 h at 36 s each (median of 2 steps in {tmp_path})" in text
    assert (
        f"1500 problems to go, 50 min at 2 s each (mean of 20 problems in {tmp_path}, 0.5 tokens a second)"
        in text
    )
    assert "1.83 h, 1.83 device-hours, $3.67" in text
    for unlike in ("hardware=cpux2", "length=cap4096", "algorithm.prompts_per_step=24"):
        assert f"s each ({own})" in told(plan_of(composed, tmp_path, unlike))
    left = told(plan_of(composed, tmp_path))
    assert "98 steps to go" in left


def test_steps_tell_tokens_a_second_where_their_lengths_were_logged(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    trained(plan, seconds=36.0)
    metrics = plan.run.folder / "train" / "metrics.jsonl"
    lines = [json.loads(line) | {"completion_length": 50.0} for line in metrics.read_text().splitlines()]
    metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = told(plan_of(composed, tmp_path, "seed=1"))  # 6 prompts x 6 completions a step
    assert f"(median of 2 steps in {tmp_path}, 50 tokens a second)" in text


def test_runs_of_another_machine_say_nothing_of_this_ones_time(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    trained(plan, seconds=36.0)
    scored(plan, 10, seconds=8.0)
    path = plan.run.folder / "run.json"
    record = json.loads(path.read_text())
    record["invocations"].append(record["invocations"][0] | {"host": "another"})
    path.write_text(json.dumps(record))
    text = told(plan_of(composed, tmp_path, "seed=1"))
    assert "100 steps to go, 2 to 8 min at 1.2 to 4.8 s each (measured on two CPU cores" in text
    assert "1500 problems to go, 0.4 to 1.6 min at 0.016 to 0.064 s each (measured on two" in text


def test_what_is_done_costs_nothing(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    trained(plan, seconds=1.0, last=100)
    for step in plan.config.checkpoints:
        scored(plan, step, seconds=1.0)
    assert "to go" not in told(plan_of(composed, tmp_path))


COLOCATED = ("hardware.generation=vllm_colocate", "hardware.devices=3", "hardware.server_devices=0")


@pytest.mark.parametrize(
    ("hardware", "weights", "state"),
    [
        (["hardware=a40x4"], 2, 14),  # ZeRO-2 keeps the bf16 weights with its state, too
        (["hardware=a40x4", "hardware.sharding=zero3", *COLOCATED], 2, 12),
        (["hardware=a40x4", "hardware.sharding=fsdp2", *COLOCATED], 4, 12),
        (["hardware=a100x1"], 4, 8),
        (["hardware=cpu"], 4, 8),
    ],
)
def test_disk_follows_from_what_is_kept(composed, hardware, weights, state):
    config = composed("experiment=exp3", "scale=paper", *hardware)
    number = model_files.parameters(config.model)
    assert number == 1_777_088_000
    assert disk(config) == Disk(10, weights * number, state * number)
    assert disk(config).total == (10 * weights + 2 * state) * number
    assert disk(config).peak == (10 * weights + 3 * state) * number
    shorter = composed("experiment=exp3", "scale=paper", "steps.stop_at=120", "report_step=50")
    assert disk(shorter).checkpoints == 3  # 50, 100 and the last


def test_parameters_of_a_packaged_model_are_counted(composed):
    assert model_files.parameters(composed("experiment=exp3").model) == 967_168
    unknown = composed("experiment=exp3", "model.package=not_there").model
    assert model_files.parameters(unknown) is None


@pytest.mark.parametrize("number", [2, 3])
def test_published_costs_follow_from_device_hours(number):
    """$1.89 an A100-hour and $0.4375 an A40-hour give every cost in the paper's Tables 2 and 3."""
    table = paper.TABLE2 if number == 2 else paper.TABLE3
    counted = {"1x 8 A100 80GB": (8, 1.89), "8x A100 80GB": (8, 1.89), "4x 6 A100 80GB": (24, 1.89),
               "1x 4 A40 48GB": (4, 0.4375)}  # fmt: skip
    for name, values in table.items():
        assert len(values) == len(paper.ATTRIBUTES), name
        *_, hardware, hours, dollars = values
        if hours != BLANK:
            devices, price = counted[hardware]
            assert int(dollars[1:]) == pytest.approx(devices * int(hours[:-1]) * price, abs=1)


def test_the_tables_stand_without_any_run(tmp_path):
    for name, expected in (
        ("table2", "Eurus-2-7B-PRIME (published)"),
        ("table3", "$3629"),
        ("table4", "| 675 | – |"),
    ):
        (table,) = costs.TABLES[name](tmp_path)
        assert expected in formats.markdown(table)
        assert paper.SOURCE in formats.markdown(table)


def test_measured_columns_stand_beside_published_ones_or_apart(composed, tmp_path):
    plan = plan_of(composed, tmp_path, "hardware.price_per_device_hour=2")
    trained(plan, seconds=1.0)
    with ledger.spending(plan.run.folder, plan.config.hardware, "train"):
        pass
    scored(plan, 10, seconds=1.0)
    published, nano = costs.cost_table(3, tmp_path)
    assert not any("measured" in column for column in published.columns)
    assert nano.columns == ("exp3 (measured here)",)
    values = {label: text for label, (text,) in nano.rows}
    assert values["RL Data"] == "200 x 6 (seen: 12 x 6)"
    assert values["Hardware"] == "cpu (1 device)"
    assert values["Cost Est."].endswith("$0.00")
    assert "not comparable" in nano.caption[0]
    (sizes,) = costs.table4(tmp_path)
    assert ("nano-AMC23", ("–", "4")) in sizes.rows
    assert ("AMC23", ("40", "–")) in sizes.rows
    path = plan.run.folder / "run.json"
    record = json.loads(path.read_text())
    record["config"]["scale"]["name"] = "paper"
    path.write_text(json.dumps(record))
    (both,) = costs.cost_table(3, tmp_path)
    assert both.columns[-2:] == ("Open-RS (published)", "exp3 (measured here)")
    for kind in formats.FORMATS:
        assert "measured here" in formats.together([both], kind)
    (plain,) = json.loads(formats.as_json([both]))
    assert plain["rows"][-1]["Open-RS (published)"] == "$42"
    shutil.rmtree(plan.run.folder)


@pytest.mark.slow
def test_every_model_of_the_catalog_is_estimated(composed, mirror, tmp_path):
    """By the published time of the paper's model and the number of parameters."""
    given = [
        "experiment=base",
        "scale=paper",
        "catalog=mirror",
        f"catalog.root={mirror}",
        f"outputs={tmp_path}",
    ]
    for option, more, part in (
        ("open_rs3", [], "1517 problems to go, 33 min at 1.31 s each"),
        (
            "qwen2_5_math_7b",
            [],
            "2.36 h at 5.59 s each (published: 2.2 h a model on one GPU, by parameters x 4.29",
        ),
        ("llama_3_1_70b", ["engine.tensor_parallel=4"], "by parameters x 39.7, on 4 of them)"),
    ):
        text = told(resolve(composed(*given, f"model={option}", *more)))
        assert part in text
        assert "device-hours, $" in text


def test_copies_share_the_problems(composed, tmp_path):
    """Scores of one copy, of a run of before copies were counted, and of as many as the devices give."""
    for seed, how, then in ((1, "1", 1), (2, "null", 4)):
        outputs = tmp_path / str(seed)
        four = ["scale=paper", "catalog=nano", "engine=vllm"]
        plan = plan_of(composed, outputs, *four, f"engine.data_parallel={how}")
        trained(plan, seconds=1.0)
        scored(plan, 50, seconds=8.0)
        text = told(plan_of(composed, outputs, *four, "seed=5"))
        assert f"at {2 * then / 4:.3g} s each (mean of 20 problems in {outputs}" in text


def test_scores_of_other_caps_say_nothing_of_the_time(composed, tmp_path):
    plan = plan_of(composed, tmp_path)
    trained(plan, seconds=1.0)
    scored(plan, 10, seconds=8.0)
    assert isinstance(plan.cells(10)[0], ScoreAddress)
    longer = plan_of(composed, tmp_path, "evaluation.max_new_tokens=300")
    assert "at 0.016 to 0.064 s each (measured on two" in told(longer)


def test_the_card_of_a_checkpoint_counts_the_devices_of_all_nodes(composed, tmp_path):
    two_nodes = ["hardware=cpux2", "hardware.nodes=2", "hardware.devices=3"]
    plan = plan_of(composed, tmp_path, *two_nodes, "hardware.price_per_device_hour=0.5")
    trained(plan, seconds=3600.0, last=10)
    text = card.card(plan.run, 10, "me/open-rs")
    assert "10.00 hours of training on cpux2: 60.00 device-hours; $30.00 at $0.5 an hour" in text
