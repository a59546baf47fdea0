"""Pushing checkpoints: the real huggingface_hub client against a fake of the Hub's HTTP API.

Uploads go the LFS way here (HF_HUB_DISABLE_XET): the Xet service is another protocol, and the client
chooses it by itself on the real Hub.
"""

import json
from dataclasses import asdict

import pytest
import yaml

from openrs.analysis.card import card
from openrs.errors import Mistake
from openrs.records.files import write_record
from openrs.records.run import find
from openrs.records.scores import ScoreAddress, score, write
from tests.helpers.commands import openrs
from tests.helpers.fake_hub import serving

pytestmark = pytest.mark.slow  # the Hub's client and transformers take longer to import than the tests

RECIPE = {"schema": 1, "seed": 42, "model": {"id": "openrs-nano"}}


@pytest.fixture
def made(composed, tmp_path):
    """A config that pushes, and the records of a run with two whole checkpoints."""
    config = composed("experiment=exp3", "hub.push=true")
    run = find(tmp_path / "outputs", "exp3", RECIPE)
    run.log_invocation(asdict(config))
    for step in (10, 20):
        checkpoint(run, step)
    lines = [{"step": step, "step_seconds": 3.6} for step in range(1, 21)]
    (run.folder / "train/metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return config, run


def checkpoint(run, step):
    folder = run.folder / f"train/checkpoint-{step}"
    write_record(folder / "whole.json", {"step": step})
    (folder / "model.safetensors").write_bytes(f"weights of {step}".encode() * 100)
    (folder / "config.json").write_text("{}")
    (folder / "optimizer.pt").write_bytes(b"state")
    (folder / "rng_state_0.pth").write_bytes(b"state")
    (folder / "training_args.bin").write_bytes(b"pickle")


def scored(run, step, right=7):
    cell = ScoreAddress(step, "aime24", "s" * 64, "c" * 64, 1234)
    columns = {
        "ids": [str(n) for n in range(10)],
        "correct": [int(n < right) for n in range(10)],
        "tokens": [5] * 10,
        "truncated": [0] * 10,
        "timed_out": [0] * 10,
    }
    settings = {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 256, "engine": "transformers",
                "dtype": "float64"}  # fmt: skip
    write(run.folder, score(cell, title="nano-AIME24", columns=columns, seconds=1, settings=settings,
                                  versions={}))  # fmt: skip


def test_every_checkpoint_is_a_commit_a_branch_and_a_card(fake, made):
    from openrs.hub import push as hub

    config, run = made
    repository = hub.preflight(config, run, card)
    assert repository.name == f"someone/OpenRS-GRPO-{run.folder.name}"
    assert hub.push_pending(config, repository)
    branches = fake.repositories[repository.name]
    assert set(branches) == {"main", f"{run.folder.name}-step-10", f"{run.folder.name}-step-20"}
    first, last = branches[f"{run.folder.name}-step-10"], branches["main"]
    assert set(first) == {".gitattributes", "README.md", "config.json", "model.safetensors", "openrs.json"}
    assert first["model.safetensors"] == b"weights of 10" * 100
    assert last["model.safetensors"] == b"weights of 20" * 100
    assert json.loads(first["openrs.json"])["id"] == run.id
    assert json.loads(first["openrs.json"])["step"] == 10
    assert [commit[2] for commit in fake.commits] == [
        "openrs: a new run", f"{run.folder.name}, step 10", f"{run.folder.name}, step 20",
    ]  # fmt: skip
    fake.commits.clear()
    fake.requests.clear()
    assert hub.push_pending(config, repository)
    hub.deliver(config, run, card)
    assert fake.requests == []  # all is there, so nobody is asked


def test_only_the_last_checkpoint_where_the_strategy_says_so(fake, composed, made):
    from openrs.hub import push as hub

    config = composed("experiment=exp3", "hub.push=true", "hub.strategy=end", "hub.model_id=only-last",
                      "steps.stop_at=20", "evaluation.checkpoints=[last]")  # fmt: skip
    repository = hub.preflight(config, made[1], card)
    assert repository.name == "someone/only-last"
    hub.push_pending(config, repository)
    assert [commit[2] for commit in fake.commits[1:]] == [f"{made[1].folder.name}, step 20"]


def header(text):
    return yaml.safe_load(text.decode().split("---\n")[1])


def test_the_card_says_recipe_cost_origin_and_later_the_scores(fake, made):
    from openrs.hub import push as hub

    config, run = made
    repository = hub.preflight(config, run, card)
    hub.push_pending(config, repository)
    branch = fake.repositories[repository.name][f"{run.folder.name}-step-10"]
    before = branch["README.md"].decode()
    for part in ("step 10 of 100", "Not measured yet", "0.01 hours of training on cpu", "device-hours",
                 "openrs at commit", "trl 1.16", '"seed": 42', "nano scale"):  # fmt: skip
        assert part in before
    scored(run, 10)
    hub.refresh_cards(run, card)
    after = branch["README.md"]
    assert "| nano-AIME24 | 70.0 [39.7, 89.2] | 10 | 1 |" in after.decode()
    result = header(after)["model-index"][0]["results"][0]
    assert result["metrics"][0]["value"] == 70.0
    assert result["metrics"][0]["args"]["interval_95"] == [39.7, 89.2]
    main = fake.repositories[repository.name]["main"]
    assert "step 20 of 100" in main["README.md"].decode()  # main is the newest checkpoint's
    scored(run, 20, right=9)
    hub.refresh_cards(run, card)
    assert "| nano-AIME24 | 90.0" in main["README.md"].decode()
    count = len(fake.commits)
    hub.refresh_cards(run, card)
    assert len(fake.commits) == count  # nothing new, no commit


def test_a_push_that_fails_keeps_the_checkpoint_and_is_tried_again(fake, made, capsys):
    from openrs.hub import push as hub

    config, run = made
    repository = hub.preflight(config, run, card)
    fake.broken.add("batch")
    assert not hub.push_pending(config, repository)
    told = capsys.readouterr().err
    assert "warning" in told
    assert "step 10 was not pushed" in told
    assert "checkpoint-10" in told
    assert (run.folder / "train/checkpoint-10/model.safetensors").exists()
    fake.broken.clear()
    hub.deliver(config, run, card)
    assert repository.record(10)
    assert repository.record(20)
    assert fake.repositories[repository.name]["main"]["model.safetensors"] == b"weights of 20" * 100


def test_a_push_cut_off_before_its_branch_is_made_whole(fake, made):
    from openrs.hub import push as hub

    config, run = made
    repository = hub.preflight(config, run, card)
    fake.repositories[repository.name][repository.branch(10)] = {"model.safetensors": b"old"}
    assert hub.push_pending(config, repository)
    branch = fake.repositories[repository.name][repository.branch(10)]
    assert branch["model.safetensors"] == b"weights of 10" * 100


def test_no_key_is_an_error(fake, made, monkeypatch):
    from openrs.hub import push as hub

    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(Mistake, match="there is no Hub key.*hf auth login"):
        hub.preflight(*made, card)
    assert fake.requests == []


def test_a_wrong_key_a_foreign_namespace_and_a_read_key_are_refused(fake, composed, made, monkeypatch):
    from openrs.hub import push as hub

    config, run = made
    foreign = composed("experiment=exp3", "hub.push=true", "hub.model_id=another/model")
    with pytest.raises(Mistake, match="another/model is refused by http.*rights to create"):
        hub.preflight(foreign, run, card)
    fake.repositories["another/model"] = {"main": {}}
    fake.refused.add("another/model")
    with pytest.raises(Mistake, match="may not write here"):
        hub.preflight(foreign, run, card)
    bad = composed("experiment=exp3", "hub.push=true", "hub.model_id='a/b/c'")
    with pytest.raises(Mistake, match="hub.model_id=a/b/c"):
        hub.preflight(bad, run, card)
    monkeypatch.setenv("HF_TOKEN", "hf_bad")
    with pytest.raises(Mistake, match="refused"):
        hub.preflight(config, run, card)
    assert not (run.folder / "hub.json").exists()


def test_no_network_is_an_error(fake, made, monkeypatch):
    import huggingface_hub.constants as constants

    from openrs.hub import push as hub

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Mistake, match="no network reaches http://127.0.0.1:9"):
        hub.preflight(*made, card)


def test_a_repository_of_other_work_is_not_touched(fake, composed, made):
    from openrs.hub import push as hub

    config = composed("experiment=exp3", "hub.push=true", "hub.model_id=mine")
    fake.repositories["someone/mine"] = {"main": {"model.safetensors": b"precious"}}
    with pytest.raises(Mistake, match="holds files that openrs did not push"):
        hub.preflight(config, made[1], card)
    fake.repositories["someone/mine"] = {"main": {"openrs.json": b'{"id": "x", "run": "exp1-ab"}'}}
    with pytest.raises(Mistake, match="holds the run exp1-ab"):
        hub.preflight(config, made[1], card)
    assert fake.commits == []


TRAIN = (
    "experiment=exp3", "scale=nano", "hub.push=true", "steps.total=2", "steps.save_every=1",
    "report_step=1", "algorithm.prompts_per_step=2", "evaluation.max_problems=2",
    "evaluation.benchmarks=[aime24]", "length.completion=24", "evaluation.max_new_tokens=24",
)  # fmt: skip


def test_a_real_training_pushes_every_save_and_then_the_scores(tmp_path):
    with serving() as fake:
        environment = {"HF_ENDPOINT": fake.url, "HF_TOKEN": "hf_good", "HF_HUB_DISABLE_XET": "1",
                       "HF_HOME": str(tmp_path / "hf")}  # fmt: skip
        shown = openrs(*TRAIN, f"outputs={tmp_path}", **environment)
        assert shown.returncode == 0, shown.stderr[-3000:]
        ((name, branches),) = fake.repositories.items()
        address = name.removeprefix("someone/OpenRS-GRPO-")
        assert set(branches) == {"main", f"{address}-step-1", f"{address}-step-2"}
        run = tmp_path / "runs" / address
        for step in (1, 2):
            branch = branches[f"{address}-step-{step}"]
            weights = (run / f"train/checkpoint-{step}/model.safetensors").read_bytes()
            assert branch["model.safetensors"] == weights
            assert "tokenizer.json" in branch
            assert "nano-AIME24" in branch["README.md"].decode()
        assert branches["main"]["model.safetensors"] == weights


def test_a_refused_push_ends_the_command_before_training(tmp_path):
    with serving() as fake:
        shown = openrs(*TRAIN, f"outputs={tmp_path}", HF_ENDPOINT=fake.url, HF_TOKEN="hf_bad")
    assert shown.returncode == 1
    assert "error: hub.push=true" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not list(tmp_path.glob("runs/*/train"))


def test_pushes_that_fail_while_training_are_made_good_by_the_next_start(tmp_path):
    with serving() as fake:
        environment = {"HF_ENDPOINT": fake.url, "HF_TOKEN": "hf_good", "HF_HUB_DISABLE_XET": "1",
                       "HF_HOME": str(tmp_path / "hf")}  # fmt: skip
        fake.broken.add("batch")
        shown = openrs(*TRAIN, f"outputs={tmp_path}", **environment)
        assert shown.returncode == 0, shown.stderr[-3000:]
        assert "warning" in shown.stderr
        assert "was not pushed" in shown.stderr
        ((name, branches),) = fake.repositories.items()
        assert set(branches) == {"main"}
        fake.broken.clear()
        shown = openrs(*TRAIN, f"outputs={tmp_path}", **environment)
        assert "nothing to train" in shown.stderr
        assert len(fake.repositories[name]) == 3
        assert "nano-AIME24" in fake.repositories[name]["main"]["README.md"].decode()
