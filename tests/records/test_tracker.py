"""What W&B and TensorBoard get, read back from what lies on the disk."""

from dataclasses import asdict, replace

import pytest

from openrs.records import recipe, tracker
from openrs.records.masking import masked
from openrs.records.run import Run
from openrs.records.scores import ScoreAddress, score
from tests.helpers.wandb_log import inspected, rows

BENCHMARKS = ("aime24", "math_500")


def run_of(config, outputs):
    made = recipe.trained(config, weights="w", rows="r")
    run = Run(outputs / "runs" / f"exp3-{recipe.run_id(made)[:8]}", recipe.run_id(made), made)
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def scores_of(step, **right):
    """Scores of a step: benchmark -> verdicts on its problems."""
    return [
        score(
            ScoreAddress(step, name, "5" * 64, "6" * 64, 1234),
            title=name,
            columns={"ids": list("ab"), "correct": verdicts}
            | {key: [0, 0] for key in ("tokens", "truncated", "timed_out")},
            seconds=1.0,
            settings={},
            versions={},
        )
        for name, verdicts in right.items()
    ]


def test_runs_on_other_problems_share_no_group(composed, tmp_path):
    config = composed("experiment=exp3", f"outputs={tmp_path}")
    run = run_of(config, tmp_path)
    ids = []
    for mark in ("a" * 64, "b" * 64):
        sources = {"own": {"id": "mine.jsonl", "fingerprint": mark}}
        run.log_invocation(asdict(config), {"sources": sources})
        ids.append(tracker._recipe_id(run))
    assert len(set(ids)) == 2


@pytest.mark.slow
def test_an_offline_run_of_wandb_is_read_back(composed, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "offline")
    arguments = ["experiment=exp3", "adapter=lora", "tracker=wandb", f"outputs={tmp_path}",
                 f"evaluation.benchmarks=[{','.join(BENCHMARKS)}]"]  # fmt: skip
    config = composed(*arguments)
    run, other = run_of(config, tmp_path), run_of(composed(*arguments, "seed=7"), tmp_path)
    with tracker.wandb_run(config, run) as opened:
        for step in (1, 2, 3):
            opened.log({"train/reward": step / 10, "train/global_step": step})
    base, last = scores_of(0, aime24=[0, 0], math_500=[0, 1]), scores_of(3, aime24=[1, 1], math_500=[0, 1])
    tracker.log_scores(config, run, {0: base, 3: last})
    tracker.log_scores(config, run, {0: base, 3: last})  # nothing is new
    late = scores_of(2, aime24=[1, 0])
    tracker.log_scores(config, run, {0: base, 2: late, 3: last})
    monkeypatch.setenv(tracker.SWEEP, "table1-1234")
    tracker.log_scores(config, other, {3: last})

    training, scored, later = inspected(run.folder)
    (made,) = training["run"]
    assert (made["run_id"], made["project"], made["job_type"]) == (run.id[:8], "openrs", "train")
    assert made["tags"] == ["exp3", "nano", "lora"]
    assert made["run_group"] == f"exp3-{recipe.digest(recipe.seedless(other.recipe))[:8]}"
    settings = made["config"]["update"]
    for name in ("evaluation", "hardware", "steps", "adapter", "seed", "outputs"):
        assert settings[name] == masked(asdict(config))[name], name
    assert settings["data"]["rows"] == "r"
    assert settings["model"]["weights"] == "w"
    assert settings["id"] == run.id
    assert {"output_dir", "per_device_train_batch_size"}.isdisjoint(settings)  # TRL's
    assert rows(training) == [{"train/reward": s / 10, "train/global_step": s} for s in (1, 2, 3)]
    names = {item.get("name") or item["glob_name"]: item.get("step_metric") for item in training["metric"]}
    assert names == {"train/global_step": None, "*": "train/global_step"}

    assert [session["run"][0]["run_id"] for session in (scored, later)] == [run.id[:8]] * 2
    assert rows(scored) == [
        {"eval/aime24": 0, "eval/math_500": 0.5, "eval/average": 0.25, "train/global_step": 0},
        {"eval/aime24": 1, "eval/math_500": 0.5, "eval/average": 0.75, "train/global_step": 3},
    ]
    assert rows(later) == [{"eval/aime24": 0.5, "train/global_step": 2}]  # no average of a part
    summary = {k: v for item in later["summary"] for k, v in item["update"].items() if k.startswith("eval/")}
    assert summary == {"eval/aime24": 1, "eval/math_500": 0.5, "eval/average": 0.75, "eval/step": 3}

    (trial,) = inspected(other.folder)
    assert trial["run"][0]["run_group"] == "table1-1234"
    assert trial["run"][0]["tags"] == ["exp3", "table1-1234", "nano", "lora"]
    assert "wandb:" not in "".join(capfd.readouterr())


def test_what_could_not_be_sent_is_sent_by_the_next_command(composed, tmp_path, monkeypatch, capsys):
    config = composed("experiment=exp3", "tracker=tensorboard", f"evaluation.benchmarks=[{BENCHMARKS[0]}]")
    run, measured = run_of(config, tmp_path), {3: scores_of(3, aime24=[1, 0])}

    def broken(*_):
        raise OSError("no network")

    with monkeypatch.context() as patch:
        patch.setattr(tracker, "_to_tensorboard", broken)
        tracker.log_scores(config, run, measured)
    assert "scores were not sent to tensorboard (no network)" in capsys.readouterr().err
    assert not (run.folder / "eval/tracked.json").exists()
    tracker.log_scores(config, run, measured)
    tracker.log_scores(config, run, measured)
    tracker.log_scores(replace(config, tracker=replace(config.tracker, kind="none")), run, measured)
    (events,) = run.folder.glob("eval/tensorboard/events.out.tfevents.*")

    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    values = [(v.tag, event.step, v.tensor.float_val[0]) for event in EventFileLoader(str(events)).Load()
              for v in event.summary.value]  # fmt: skip
    assert values == [("eval/aime24", 3, 0.5), ("eval/average", 3, 0.5)]
