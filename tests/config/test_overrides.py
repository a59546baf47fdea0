"""Overrides before Hydra: what is refused, what is rewritten, and what a user is told."""

from pathlib import Path

import pytest

from openrs.config.overrides import prepared
from openrs.config.training import Draw
from openrs.errors import Mistake
from tests.helpers.composition import config_of


@pytest.mark.parametrize(
    ("override", "told"),
    [
        # groups take names of options
        ("length=4096", ["length=4096", "name of an option", "length.completion=4096", "cap4096"]),
        ("steps=100", ["steps=100", "say steps.stop_at=100; steps.total=100 is another recipe", "released"]),
        ("data=null", ["data=null", "name of an option", "mixed"]),
        ("experiment=null", ["experiment=null", "Leave it out"]),
        ("reward=[accuracy,3]", ["reward=[accuracy,3]", "name of an option", "cosine_as_run"]),
        ("hydra/launcher=3", ["hydra/launcher=3", "submitit_slurm"]),
        ("data@mix=mixed", ["data@mix=mixed", "Say data=mixed"]),
        ("~data", ["~data", "always chosen", "mixed"]),
        # values of another type
        ("force=train", ["force=train", "a list", "train, evaluate", "Give force=[train]"]),
        ("force=[collect]", ["force=[collect]", "a list", "Give force=[train]"]),
        ("stages=[evalute]", ["stages=[evalute]", "a list", "Give stages=[evaluate]"]),
        ("hydra.run.dir=/x", ["hydra.run.dir=/x", "writes nothing there", "outputs=PATH"]),
        ("evaluation.benchmarks=gsm8k", ["evaluation.benchmarks=gsm8k", "a list", "[gsm8k]"]),
        ("evaluation.num_seeds=3", ["evaluation.num_seeds=3", "a whole number", "num_seeds.NAME=1"]),
        ("steps.total=1e2", ["steps.total=1e2", "a whole number", "Give steps.total=100"]),
        ("length.completion=4k", ["a whole number", "Give length.completion=4000."]),
        ("steps.stop_at=10k", ["a whole number", "Give steps.stop_at=10000."]),
        ("algorithm.learning_rate=1e-5x", ["a number", "Give algorithm.learning_rate=1e-5."]),
        ("budget.money=5usd", ["a number", "Give budget.money=5."]),
        ("seed=1..3", ["a whole number", "Give -m and seed=1,2,3, or replicates=3."]),
        ("seed=true", ["seed=true", "a whole number"]),
        ("seed=null", ["seed=null", "a whole number"]),
        ("dry_run=5", ["dry_run=5", "true or false"]),
        ("prompt.system=true", ["prompt.system=true", "a text", "prompt.system=\"'true'\""]),
        ("hardware.device=gpu", ["hardware.device=gpu", "one of cpu, cuda"]),
        ("data.draws.open_rs=3", ["data.draws.open_rs=3", "data.draws.open_rs.source="]),
        ("data.draws={}", ["data.draws={}", "changes nothing", "~data.draws.NAME"]),
        ("data.draws.x={source: true}", ["data.draws.x.source=true", "a text"]),
        ("~seed", ["~seed", "cannot be taken away", "seed=VALUE"]),
        ("~reward.format", ["~reward.format", "reward.format=null"]),
        ("~data.draws.open_rs.count", ["~data.draws.open_rs.count", "data.draws.open_rs.count=null"]),
        # what Hydra's grammar cannot read
        ("train", ["train", "no FIELD=VALUE", "stages=[train]"]),
        ("exp3", ["exp3", "experiment=exp3"]),
        ("", ["''", "no FIELD=VALUE"]),
        ("=3", ["=3", "names no field"]),
        ("outputs=/tmp/é", ["outputs=/tmp/é", "quotes", "outputs=\"'/tmp/é'\""]),
        ("outputs=/tmp/a=b", ["outputs=/tmp/a=b", "quotes", "outputs=\"'/tmp/a=b'\""]),
        ("outputs=~/outs", ["outputs=~/outs", "shell", f"outputs=\"'{Path.home()}/outs'\""]),
        ("prompt.system=What is (x)?", ["prompt.system=What is (x)?", "\"'What is (x)?'\""]),
        ("stages=[train", ["stages=[train", "bracket"]),
        (
            "reward.custom.x={function::",
            ["do not close", "whole word in single quotes, as 'reward.custom.x={NAME: VALUE, ...}'"],
        ),
        ("seed=interval(a,b)", ["seed=interval(a,b)", "interval(0,1)"]),
        ("data=é", ["data=é", "no option of data", "mixed"]),
        # sweeps
        ("data=easy,hard", ["data=easy,hard", "without -m", "-m data=easy,hard", "data=[easy,hard]"]),
        ("seed=1,2", ["seed=1,2", "-m seed=1,2"]),
        ("prompt.system=a,b", ["prompt.system=a,b", "prompt.system=\"'a,b'\""]),
    ],
)  # fmt: skip
def test_what_cannot_be_composed_is_one_line(override, told):
    with pytest.raises(Mistake) as error:
        prepared([override])
    assert "\n" not in str(error.value)
    assert "+" not in str(error.value)
    for part in told:
        assert part in str(error.value)


def test_lists_and_intervals_are_left_to_a_sweep():
    lines = ["data=easy,hard", "algorithm.learning_rate=interval(1e-7,1e-5)", "seed=range(1,4)"]
    assert prepared(lines, multirun=True) == lines
    with pytest.raises(Mistake, match="lr=1,2: is no option. Did you mean algorithm.learning_rate"):
        prepared(["lr=1,2"], multirun=True)


@pytest.mark.parametrize("sign", ["", "+", "++"])
@pytest.mark.parametrize(
    ("lines", "holds"),
    [
        (["catalog.sources.sums={id: acme/sums}"], lambda c: c.catalog.sources["sums"].id == "acme/sums"),
        (["catalog.sources={sums: {id: acme/sums}}"], lambda c: c.catalog.sources["sums"].split == "train"),
        (["data.draws.extra={source: open_s1, count: 9}"], lambda c: c.data.draws["extra"].count == 9),
        (
            ["data.draws.extra.source=open_s1", "data.draws.extra.count=9"],
            lambda c: c.data.draws["extra"] == Draw(source="open_s1", count=9),
        ),
        (["data.draws.open_rs.count=9"], lambda c: c.data.draws["open_rs"].count == 9),
        (
            ["model.template_arguments.enable_thinking=false", "model.template_arguments.words=[a]"],
            lambda c: c.model.template_arguments == {"enable_thinking": False, "words": ["a"]},
        ),
        (
            ["model.template_arguments={enable_thinking: false}"],
            lambda c: c.model.template_arguments == {"enable_thinking": False},
        ),
        (["evaluation.num_seeds.sums=9"], lambda c: c.evaluation.num_seeds["sums"] == 9),
        (
            ["catalog.benchmarks.sums={id: a/b, title: S, split: t, question: q, gold: a, gold_kind: expr}"],
            lambda c: c.catalog.benchmarks["sums"].title == "S",
        ),
        (["seed=9"], lambda c: c.seed == 9),
        (["data=mixed"], lambda c: list(c.data.draws) == ["open_s1", "open_deepscaler", "easy"]),
    ],
)
def test_entries_of_open_dictionaries_and_fields_are_the_same_with_a_sign_and_without(sign, lines, holds):
    assert holds(config_of("experiment=exp3", "scale=nano", *(f"{sign}{line}" for line in lines)))


def test_an_entry_keeps_the_others_and_its_texts():
    text = "it's a=b, {é} ~"
    quoted = text.replace("'", "\\'")
    config = config_of("scale=nano", f"catalog.sources.sums={{id: '{quoted}'}}", "+data.draws.a.source=sums")
    assert config.catalog.sources["sums"].id == text
    assert "open_s1" in config.catalog.sources
    assert list(config.data.draws) == ["open_rs", "a"]


def test_entries_of_one_dictionary_are_one_override():
    """A sweep keeps one override a name."""
    lines = ["data.draws.a.source=open_s1", "seed=1", "+data.draws.b={source: open_rs}"]
    assert prepared(lines) == ["+data.draws={a: {source: 'open_s1'}, b: {source: 'open_rs'}}", "seed=1"]


@pytest.mark.parametrize(
    ("line", "revision"),
    [("model.revision=12e4567", "12e4567"), ("model.revision=1_000", "1_000"), ("model.revision=12", "12"),
     ("model.revision=1.50", "1.50"), ("model.revision=' a'", " a")],
)  # fmt: skip
def test_a_text_of_digits_keeps_its_spelling(line, revision):
    assert config_of("scale=nano", line).model.revision == revision


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["experiment=exp3", "reward.accuracy.weight=2"],
            ["reward.accuracy.weight=2", "is off", "'reward.accuracy={weight: 2}'", "reward=accuracy"],
        ),
        (["experiment=exp2", "reward.cosine={}"], ["reward.cosine.length_unit", "has no value", "=VALUE"]),
        (["seed=???"], ["seed", "has no value", "seed=VALUE"]),
        (["seed=${nope}"], ["seed", "cannot be resolved", "nope"]),
        (["data.draws.easy.count=3"], ["data.draws.easy.count=3", "no such entry", "data.draws={NAME:"]),
        (["evaluation.num_seeds.amc23=a"], ["evaluation.num_seeds.amc23=a", "a whole number"]),
        (["model=nosuch"], ["model=nosuch: is no option of model. Known: ", "A folder is written ./NAME"]),
        (["data=mixd"], ["data=mixd: is no option of data. Did you mean mixed? Known: deepscaler, easy"]),
        (
            ["experiment=exp3", "length.completion=0"],
            ["reward.cosine.max_length=0", "Give length.completion=1"],
        ),
        (["report_step=3"], ["report_step=3", "every steps.save_every=10"]),
        (["model.context=100"], ["model.context=100", "Give a smaller length.prompt, or a model"]),
        (["outputs=/dev/null"], ["outputs=/dev/null", "is no folder", "outputs=outputs"]),
        (["outputs=/dev/null/a/b"], ["outputs=/dev/null/a/b", "/dev/null is no folder"]),
        (["engine=server", "engine.base_url=nonsense"], ["engine.base_url=nonsense", "http://HOST:PORT"]),
        (["engine=server", "engine.base_url=ftp://h/v1"], ["engine.base_url=ftp://h/v1", "no address"]),
        (["engine=server", "engine.base_url=http://h:70000"], ["engine.base_url=http://h:70000", "65535"]),
        (["outputs='~/outs'"], ["outputs=~/outs", "shell", f"outputs={Path.home()}/outs"]),
        (["model.id=/nowhere"], ["model=/nowhere: is a path", "no folder is there", "org/name"]),
        (["model.id=a/b/c"], ["model=a/b/c: is a path", "no folder is there"]),
        (
            ["algorithm.importance_sampling_correction=true"],
            [
                "algorithm.importance_sampling_correction=true",
                "temperature 0.7",
                "logits_over_temperature=true",
            ],
        ),
    ],
)
def test_what_only_the_whole_config_shows_is_one_line(overrides, told):
    with pytest.raises(Mistake) as error:
        config_of("scale=nano", *overrides)
    assert "\n" not in str(error.value)
    for part in told:
        assert part in str(error.value)


def test_a_tracer_changes_no_message(monkeypatch):
    monkeypatch.setenv("OC_CAUSE", "1")  # what OmegaConf does under a debugger and under coverage
    with pytest.raises(Mistake, match="^seed: has no value"):
        config_of("scale=nano", "seed=???")


@pytest.mark.parametrize(
    "overrides",
    [["algorithm.logits_over_temperature=true"], ["algorithm.temperature=1"], ["algorithm=grpo"]],
)
def test_the_correction_is_right_at_one_temperature(overrides):
    config = config_of("scale=nano", "algorithm.importance_sampling_correction=true", *overrides)
    assert config.algorithm.importance_sampling_correction


def test_the_corrections_mode_and_cap_need_the_correction():
    chosen = ("algorithm.importance_sampling_mode=token_truncate", "algorithm.importance_sampling_cap=2")
    algorithm = config_of("scale=nano", "algorithm=dapo", *chosen).algorithm
    assert (algorithm.importance_sampling_mode, algorithm.importance_sampling_cap) == ("token_truncate", 2)
    for one in chosen:
        with pytest.raises(Mistake, match=f"^{one.partition('=')[0]}=.*importance_sampling_correction=false"):
            config_of("scale=nano", one)


def test_weights_in_a_folder_are_taken(tmp_path):
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 512}')
    assert config_of("scale=nano", f"model.id={tmp_path}").model.id == str(tmp_path)
    served = config_of("scale=nano", "experiment=base", "engine=server", "model.id=/elsewhere/weights")
    assert served.model.id == "/elsewhere/weights"


@pytest.mark.parametrize("part", ["runs", "sweeps", "tables"])
def test_a_file_in_the_place_of_a_folder_of_the_outputs_is_refused(tmp_path, part):
    (tmp_path / part).write_text("")
    with pytest.raises(Mistake, match=rf"outputs={tmp_path}: {tmp_path / part} is no folder\. Move it away"):
        config_of("scale=nano", "experiment=exp3", f"outputs={tmp_path}")
