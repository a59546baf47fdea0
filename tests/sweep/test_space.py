"""Spaces, objectives and outcomes: pure parts of a sweep."""

import json
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from openrs.config.overrides import prepared
from openrs.errors import Mistake
from openrs.plan import resolve
from openrs.records.scores import score, write
from openrs.sweep import objective, sampler, space
from openrs.sweep.outcome import Outcome, read
from openrs.sweep.points import Points
from tests.helpers.composition import config_of


def parsed(*arguments, params=None):
    return space.parse(list(arguments), params, None)


def test_a_grid_is_the_product_in_the_order_given():
    made = parsed("a=2,1", "b=x,y", "c=5", "~d")
    assert made.points() == [{"a": 2, "b": "x"}, {"a": 2, "b": "y"}, {"a": 1, "b": "x"}, {"a": 1, "b": "y"}]
    assert made.size() == 4
    assert made.overrides({"a": 2, "b": "x"}) == ("a=2", "b=x", "c=5", "~d")


def test_values_are_spelled_as_hydra_reads_them():
    assert parsed("a=null,1").overrides({"a": None}) == ("a=null",)
    assert parsed("a=true,false").overrides({"a": True}) == ("a=true",)


def test_the_command_line_pins_what_the_file_sweeps():
    made = parsed("a=7", params={"a": "1,2", "b": "1,2"})
    assert list(made.distributions) == ["b"]
    assert made.fixed == {"a": "7"}


def test_a_space_is_described_in_words():
    def described(*arguments):
        return list(parsed(*arguments).described())

    assert described("seed=1,2", "reward=null,cosine") == ["seed: one of 1, 2", "reward: one of null, cosine"]
    assert described("a=interval(1,3)") == ["a: from 1 to 3, evenly"]
    assert described("a=tag(log, interval(1e-6,1e-3))") == ["a: from 1e-06 to 0.001, evenly on a log scale"]
    (linear,) = described("a=interval(1e-6,1e-3)")
    assert linear.startswith("a: from 1e-06 to 0.001, evenly; nine draws in ten are above 0.0001009. ")
    assert linear.endswith("give a=tag(log, interval(1e-06, 0.001))")


def test_repeated_values_are_one_point():
    assert parsed("a=x,x,y").points() == [{"a": "x"}, {"a": "y"}]


def test_a_list_makes_a_grid_and_an_interval_a_sampler():
    assert sampler.is_grid(None, parsed("a=1,2"))
    assert not sampler.is_grid(None, parsed("a=interval(0,1)"))
    grid = OmegaConf.create({"_target_": "optuna.samplers.GridSampler"})
    assert sampler.is_grid(grid, parsed("a=interval(0,1)"))
    with pytest.raises(ValueError, match="a: an interval has no grid points"):
        parsed("a=interval(0,1)").points()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a=1e-6,interval(1e-7,1e-5)", "a list or an interval, not both"),
        ("a=range(1,3),4", "a list or an interval, not both"),
        ("a=interval(1,0)", "a cannot be swept so (`low <= high` must hold"),
        ("a=tag(log,interval(0,1))", "a cannot be swept so (`low > 0` must hold"),
    ],
)
def test_what_cannot_be_swept_is_one_line_with_its_field(line, told):
    with pytest.raises(Mistake) as error:
        parsed("b=1,2", line)
    message = str(error.value)
    assert message.startswith(f"{line}: ")
    assert told in message
    assert message.endswith("Give a list, as 1,2 or range(1,4), or an interval, as interval(0,1).")


def test_seeded_samplers_go_on_after_a_restart():
    settings = OmegaConf.create({"_target_": "optuna.samplers.RandomSampler", "seed": 3})

    def first(number):
        import optuna

        study = optuna.create_study(sampler=sampler.make(settings, number))
        return study.ask(parsed("a=interval(0,1)").distributions).params["a"]

    assert first(0) == first(0)
    assert first(0) != first(1)


def test_another_question_is_told_apart():
    kept = parsed("a=1,2", "b=3", "hardware=cpu").stored()
    space.compare(kept, parsed("a=2,1", "b=3", "outputs=elsewhere").stored(), "s")
    with pytest.raises(ValueError, match=r"fixes b=3, this command b=4"):
        space.compare(kept, parsed("a=1,2", "b=4").stored(), "s")
    with pytest.raises(ValueError, match=r"sweeps a=1\|2, this command a=12"):
        space.compare(kept, parsed("a=12,12", "b=3").stored(), "s")


def test_outcomes_are_read_from_what_a_job_returns():
    def job(value):
        return SimpleNamespace(return_value=value)

    assert read(job(3), 1).values == (3.0,)
    assert read(job((1, 2)), 2).values == (1.0, 2.0)
    assert read(job(Outcome("pruned", reason="r")), 1).state == "pruned"
    assert read(job(float("nan")), 1).state == "failed"
    assert "2 values for 1" in read(job([1, 2]), 1).reason
    assert read(job(None), 1).state == "failed"

    class Broken:
        @property
        def return_value(self):
            raise KeyError("lost")

    assert read(Broken(), 1).reason.startswith("KeyError: 'lost'")
    assert read(Broken(), 1).again


def tree(config):
    return OmegaConf.structured(config)


def test_objectives_that_no_run_gives_are_refused(composed):
    config = tree(composed("experiment=exp3"))
    objective.check(["average", "aime24", "reward", "device_hours"], config)
    for wrong, told in (
        (["elo"], "objective=elo: no evaluation of this sweep gives it"),
        (["money"], "hardware.price_per_device_hour"),
        (["average", "average"], "different names"),
    ):
        with pytest.raises(ValueError, match=told):
            objective.check(wrong, config)
    with pytest.raises(ValueError, match="needs the stage evaluate"):
        objective.check(["average"], tree(composed("experiment=exp3", "stages=[train]")))


def test_a_missing_score_is_missing_and_never_0(composed, tmp_path):
    plan = resolve(composed("experiment=exp3", f"outputs={tmp_path}", "evaluation.benchmarks=[aime24,amc23]"))
    with pytest.raises(objective.Unmeasured, match="no score on aime24 at step 100"):
        objective.values(plan, ["average"])
    for cell, right in zip(plan.cells(100), ([1, 0], [1, 1]), strict=True):
        columns = {
            "ids": ["p", "q"],
            "correct": right,
            "tokens": [1, 1],
            "truncated": [0, 0],
            "timed_out": [0, 0],
        }
        made = score(cell, title=cell.benchmark, columns=columns, seconds=1.0, settings={}, versions={})
        write(plan.run.folder, made)
    assert objective.values(plan, ["average", "aime24"]) == (75.0, 50.0)
    with pytest.raises(objective.Unmeasured, match="no training reward"):
        objective.values(plan, ["reward"])
    log = plan.run.folder / "train" / "metrics.jsonl"
    log.parent.mkdir(parents=True)
    lines = [{"step": step, "reward": float(step), "step_seconds": 36.0} for step in range(1, 101)]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert objective.values(plan, ["reward", "device_hours"]) == (95.5, 1.0)
    assert objective.directions(["reward", "device_hours"]) == ["maximize", "minimize"]


NEW = "data.draws.new={source: open_s1, count: 5}"


def of_openrs(*arguments, params=None):
    """The space of a command line of openrs, and its jobs as Hydra gets them."""
    lines = prepared(arguments, (), multirun=True)
    made = space.parse(lines, params, None, ())
    return made, [Points(None, None, made, None, 1, ()).overrides(point) for point in made.points()]


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        ([NEW, "data.draws.new.count=1,2"], None),
        (["data.draws.new.count=1,2", f"+{NEW}"], None),
        (["data.draws.new.source=open_s1"], {"data.draws.new.count": "1,2"}),
        ([], {"data.draws.new": NEW.partition("=")[2], "+data.draws.new.count": "1,2"}),
        (["data.draws.new.count=1,2"], {"data.draws.new.source": "open_s1"}),
    ],
)
def test_a_field_of_a_new_entry_is_swept(arguments, params):
    made, jobs = of_openrs(*arguments, params=params)
    assert list(made.distributions) == ["data.draws.new.count"]
    assert [config_of("scale=nano", *job).data.draws["new"].count for job in jobs] == [1, 2]


def test_a_new_entry_that_is_one_value_is_swept():
    _, jobs = of_openrs("evaluation.num_seeds.mine=1,2")
    assert jobs == [("+evaluation.num_seeds={mine: 1}",), ("+evaluation.num_seeds={mine: 2}",)]


def test_an_entry_of_the_command_line_pins_what_the_file_sweeps():
    file = {"data.draws.new.source": "open_s1", "data.draws.new.count": "1,2", "seed": "0,1"}
    made, jobs = of_openrs("data.draws.new.count=7", params=file)
    assert list(made.distributions) == ["seed"]
    assert [config_of("scale=nano", *job).data.draws["new"].count for job in jobs] == [7, 7]


@pytest.mark.parametrize(
    ("params", "parts"),
    [
        ({"lr": "1e-5,1e-6"}, ["lr=1e-5,1e-6: is no option", "algorithm.learning_rate"]),
        ({"+algorithm.lora": "true,false"}, ["algorithm.lora=true,false: is no option"]),
        ({"seed": "x"}, ["seed=x: must be a whole number"]),
        ({"data.draws.new.amount": "1,2"}, ["data.draws.new.amount=1,2: is no option"]),
    ],
)
def test_a_sweep_file_is_checked_as_a_command_line(params, parts):
    with pytest.raises(Mistake) as error:
        of_openrs(params=params)
    assert str(error.value).startswith(f"hydra.sweeper.params: {parts[0]}")
    assert all(part in str(error.value) for part in parts)
