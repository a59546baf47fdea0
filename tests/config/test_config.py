"""Composition: every option, the paper's experiments, and what wrong input is told."""

from dataclasses import fields, is_dataclass
from typing import get_args

import pytest
from omegaconf import OmegaConf

from openrs.config.fields import Identity
from openrs.config.schema import Budget, Config, EngineOptions, EvaluationOptions, Hardware
from openrs.config.training import Algorithm, Collapse, Data, Draw, Length, Reward, Steps
from openrs.errors import Mistake
from openrs.paths import CONF, SWEEPS
from openrs.records import paper

GROUPS = {
    group.name: sorted(path.stem for path in group.glob("*.yaml"))
    for group in sorted(CONF.iterdir())
    if group.is_dir() and group.name not in ("catalog", "hydra", "scale", "sweeps")
}
ROUNDS = range(max(len(options) for options in GROUPS.values()))


@pytest.mark.slow
@pytest.mark.parametrize("number", ROUNDS)
def test_every_option_composes(composed, number):
    """One option of every group at a time, until each had its turn."""
    chosen = {group: options[number % len(options)] for group, options in GROUPS.items()}
    own = ["data.id=problems.jsonl"] if chosen["data"] == "own" else []
    if chosen["model"] == "llama_3_1_70b":
        own.append("engine.kind=server")  # no single device of an option holds it
    if chosen["length"] == "staged":  # its stages are of the whole schedule
        chosen["steps"] = "full"
    if chosen["algorithm"] == "reused":  # to join
        own.append("algorithm=[grpo,reused]")
        chosen["algorithm"] = "grpo"
    config = composed(*(f"{group}={option}" for group, option in chosen.items()), *own)
    assert config.algorithm.name == chosen["algorithm"]
    assert config.hardware.name == chosen["hardware"]
    assert config.name == chosen["experiment"]


@pytest.mark.parametrize("catalog", ["nano", "hub", "mirror"])
def test_every_catalog_composes(composed, catalog):
    assert composed(f"catalog={catalog}", "catalog.root=/data").catalog.kind == catalog


def test_experiment_bodies_hold_only_a_name_and_ungrouped_scalars():
    for path in CONF.glob("experiment/*.yaml"):
        body = set(OmegaConf.load(path)) - {"defaults"}
        assert body <= {"name", "report_step", "untrained"}, (
            f"{path.name}: a group's value would beat the user's"
        )
        assert OmegaConf.load(path).name == path.stem


def test_sweep_files_are_short_and_say_what_they_ask():
    for path in SWEEPS.glob("*.yaml"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 25
        assert any(line.startswith("# ") and line != "# @package _global_" for line in lines)


GOLDEN = {
    "exp1": ({"open_s1": None}, 4096, {"format": 1.0, "accuracy": 2.0}, 100),
    "exp2": ({"open_rs": None}, 3584, {"format": 1.0, "accuracy": 2.0}, 50),
    "exp3": ({"open_rs": None}, 3584, {"format": 1.0, "cosine": 2.0}, 50),
}


@pytest.mark.parametrize("experiment", GOLDEN)
def test_the_papers_experiments(composed, experiment):
    config = composed(f"experiment={experiment}", "scale=paper")
    draws, cap, rewards, reported = GOLDEN[experiment]
    assert {draw.source: draw.count for draw in config.data.draws.values()} == draws
    assert (config.length.prompt, config.length.completion) == (512, cap)
    terms = {name: term.weight for name, term in config.reward.terms.items()}
    assert terms == rewards
    assert config.report_step == reported
    assert (config.steps.total, config.steps.save_every, config.seed) == (500, 50, 42)
    assert (config.prompt.system.endswith("NOT use other languages.")) == (experiment == "exp3")
    assert config.model.id == "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"
    assert config.gradient_accumulation == 4
    assert config.checkpoints == [0, reported, 500]


def test_exp3_has_the_cosine_as_the_code_ran_it(composed):
    cosine = composed("experiment=exp3", "scale=paper").reward.cosine
    assert (cosine.length_unit, cosine.clamped, cosine.max_length) == ("characters", False, 3584)
    assert (cosine.wrong_short, cosine.wrong_long) == (0.0, -0.5)
    assert (cosine.unparsable_gold, cosine.gold_first) == (1.0, False)


def test_base_trains_nothing(composed):
    for more in (
        [],
        ["steps=released"],
        ["steps.total=7", "steps.stop_at=3"],
        ["reward.format=null"],
    ):
        config = composed("experiment=base", *more)
        assert (config.untrained, config.stop_at, config.checkpoints) == (True, 0, [0])


def test_the_paper_algorithm_pins_what_trl_changed(composed):
    algorithm = composed("experiment=exp2", "scale=paper").algorithm
    assert algorithm.learning_rate == 1e-6
    assert (algorithm.beta, algorithm.epsilon, algorithm.num_iterations) == (0.04, 0.2, 1)
    assert (algorithm.loss, algorithm.scale_rewards) == ("bnpo", "group")
    assert (algorithm.micro_batch, algorithm.group_size, algorithm.prompts_per_step) == (6, 6, 12)
    assert algorithm.whole_groups
    assert not algorithm.bias_corrected_kl
    assert not algorithm.importance_sampling_correction
    assert not algorithm.logits_over_temperature
    assert (algorithm.optimizer, algorithm.temperature, algorithm.warmup) == (
        "adamw_torch",
        0.7,
        0.1,
    )


def test_nano_scales_by_the_stated_factors(composed):
    config = composed("experiment=exp1")
    assert (config.length.completion, config.length.prompt) == (102, 128)
    assert composed("experiment=exp3").length.completion == 90
    assert (config.steps.total, config.steps.save_every, config.report_step) == (100, 10, 100)
    assert config.algorithm.learning_rate == pytest.approx(1e-6 * config.scale.learning_rate)
    assert config.evaluation.max_new_tokens == 256
    assert [config.catalog.benchmarks[name].title for name in paper.BENCHMARKS] == [
        "nano-AIME24",
        "nano-MATH-500",
        "nano-AMC23",
        "nano-Minerva",
        "nano-OlympiadBench",
    ]


def test_what_the_user_names_beats_experiment_and_scale(composed):
    config = composed("experiment=exp3", "data=mixed", "model=smollm2", "length.completion=200")
    assert list(config.data.draws) == ["open_s1", "open_deepscaler", "easy"]
    assert config.model.title == "SmolLM2-135M-Instruct"
    assert (config.length.completion, config.reward.cosine.max_length) == (200, 200)


def test_rewards_switch_from_the_command_line(composed):
    config = composed("experiment=exp3", "reward.cosine.weight=1.0", "reward.format=null")
    assert (config.reward.format, config.reward.cosine.weight) == (None, 1.0)
    config = composed("experiment=exp3", "reward.repetition_penalty={ngram_size: 20, weight: 0.5}")
    assert config.reward.cosine is not None
    assert (config.reward.repetition_penalty.ngram_size, config.reward.repetition_penalty.weight) == (20, 0.5)
    config = composed("reward=[accuracy,length,english_only]", "reward.length.weight=0.5")
    on = {name: term.weight for name, term in config.reward.terms.items()}
    assert on == {"format": 1.0, "accuracy": 2.0, "length": 0.5, "english_only": 1.0}


def test_every_reward_term_can_be_added_and_is_called_by_its_field(composed):
    built_in = [field for field in fields(Reward) if field.name != "custom"]
    for field in built_in:
        values = "{max_length: 9, length_unit: tokens, clamped: true, correct_short: 1, correct_long: 1, "
        values += "wrong_short: 0, wrong_long: 0}"
        added = composed(f"reward.{field.name}={values if field.name == 'cosine' else '{}'}")
        term = getattr(added.reward, field.name)
        assert get_name(term) == field.name
        assert term.version >= 1
    assert vars(Reward()) == {field.name: None for field in built_in} | {"custom": {}}  # all off by default


def get_name(term):
    """As TRL names a callable: trl.trainer.utils.get_callable_name, without importing trl here."""
    return getattr(term, "__name__", type(term).__name__)


def test_exp1_and_exp2_have_the_accuracy_as_the_code_ran_it(composed):
    for experiment in ("exp1", "exp2"):
        accuracy = composed(f"experiment={experiment}", "scale=paper").reward.accuracy
        assert (accuracy.unparsable_gold, accuracy.gold_first) == (1.0, False)
    for overrides in ([], ["reward=accuracy"], ["experiment=exp1", "reward=accuracy"]):
        accuracy = composed(*overrides, "scale=paper").reward.accuracy
        assert (accuracy.unparsable_gold, accuracy.gold_first) == (None, True)


def test_the_length_reward_needs_whole_groups_in_each_process(composed):
    split = ["hardware.training_processes=4", "algorithm.micro_batch=9", "algorithm.whole_groups=false"]
    assert composed(*split).reward.length is None  # 9 completions each: fine without it
    composed("reward.length={}", "hardware.training_processes=3")
    with pytest.raises(ValueError) as error:
        composed(*split, "reward.length={}")
    for part in ("reward.length.list_size=null", "6 completions", "4 processes", "gets 9", "Change"):
        assert part in str(error.value)
    with pytest.raises(ValueError, match="list_size=7"):
        composed("reward.length={list_size: 7}")


TABLE1 = {
    "llama_3_1_70b": ("meta-llama/Llama-3.1-70B-Instruct", 32768),
    "qwen2_5_math_7b": ("Qwen/Qwen2.5-Math-7B-Instruct", 3072),
    "eurus_2_7b_prime": ("PRIME-RL/Eurus-2-7B-PRIME", 3072),
    "qwen2_5_7b_simplerl": ("hkust-nlp/Qwen-2.5-Math-7B-SimpleRL", 3072),
    "r1_distill_1_5b": ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 32768),
    "still_3_1_5b": ("RUC-AIBOX/STILL-3-1.5B-preview", 32768),
    "deepscaler": ("agentica-org/DeepScaleR-1.5B-Preview", 32768),
    "open_rs1": ("knoveleng/Open-RS1", 32768),
    "open_rs2": ("knoveleng/Open-RS2", 32768),
    "open_rs3": ("knoveleng/Open-RS3", 32768),
}
"""Table 1's rows with open weights (rStar-Math's were never released): Hub id and tokens of an answer."""


@pytest.mark.slow
@pytest.mark.parametrize("option", TABLE1)
def test_every_open_model_of_table_1_can_be_evaluated(composed, option):
    spread = ["engine.tensor_parallel=4"] if option == "llama_3_1_70b" else []
    config = composed("experiment=base", f"model={option}", "scale=paper", *spread)
    assert config.model.parameters is not None
    assert (config.model.id, config.evaluation.max_new_tokens) == TABLE1[option]
    assert config.model.title in {row.model.split(" (")[0] for row in paper.TABLE1}
    assert composed("experiment=base", f"model={option}").evaluation.max_new_tokens == 256


def test_a_number_on_the_command_line_is_not_made_to_fit(composed):
    with pytest.raises(ValueError, match=r"evaluation\.max_new_tokens=5000.*model\.context=4096"):
        composed("model=qwen2_5_math_7b", "evaluation.max_new_tokens=5000")


def test_steps_released_stops_at_the_reported_step(composed):
    assert composed("experiment=exp2", "steps=released").stop_at == 50
    assert composed("experiment=exp2", "steps=released").steps.total == 100


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["algorithm.group_size=1"], ["algorithm.group_size=1", "at least 2", "=2"]),
        (["algorithm.micro_batch=5"], ["algorithm.micro_batch=5", "whole groups", "=6"]),
        (["hardware.training_processes=5"], ["algorithm.prompts_per_step=6", "5 processes"]),
        (["length.completion=900"], ["length.completion=900", "model.context=512", "=384"]),
        (["evaluation.max_new_tokens=5000"], ["evaluation.max_new_tokens=5000", "context"]),
        (["steps.stop_at=101"], ["steps.stop_at=101", "steps.total=100"]),
        (["evaluation.checkpoints=[5]"], ["evaluation.checkpoints=5", "steps.save_every=10"]),
        (["evaluation.checkpoints=[best]"], ["evaluation.checkpoints=best", "reported"]),
        (["data.draws.open_rs.source=nope"], ["data.draws.open_rs.source=nope", "Known: open_s1"]),
        (["data.draws.open_rs.count=0"], ["data.draws.open_rs.count=0", "greater than 0"]),
        (["evaluation.benchmarks=[gsm8k]"], ["evaluation.benchmarks=gsm8k", "Known: aime24"]),
        (["evaluation.num_seeds.amc23=0"], ["evaluation.num_seeds.amc23=0", "at least one"]),
        (["reward.format=null", "reward.accuracy=null"], ["reward", "every term is off"]),
        (["+reward.lenght={}"], ["reward.lenght={}", "no option", "Did you mean reward.length"]),
        (["catalog=mirror"], ["catalog.root", "catalog.root=/data/hub"]),
        (
            [
                "reward.cosine={max_length: 0, length_unit: tokens, clamped: true, correct_short: 1, "
                "correct_long: 1, wrong_short: 0, wrong_long: 0}"
            ],
            ["reward.cosine.max_length=0", "length.c"],
        ),
        (["algorithm.min_lr_rate=null"], ["algorithm.min_lr_rate=null", "floor"]),
        (["algorithm.beta=-1"], ["algorithm.beta=-1", "at least 0"]),
        (["algorithm.warmup=2"], ["algorithm.warmup=2", "at least 0 and below 1"]),
        (["evaluation.max_problems=0"], ["evaluation.max_problems=0", "greater than 0"]),
        (["algorithm.num_iterations=3"], ["algorithm.num_iterations=3", "multiples of 3"]),
        (["algorithm.warmup=1"], ["algorithm.warmup=1", "below 1"]),
        (["length.completion=0"], ["length.completion=0", "greater than 0"]),
        (["~data.draws.open_rs"], ["data.draws", "at least one draw"]),
        (["algorithm.learning_rate=nan"], ["algorithm.learning_rate=nan", "finite"]),
        (["reward.format.weight=inf"], ["reward.format.weight=inf", "finite"]),
        (["seed=-1"], ["seed=-1", "at least 0 and below 4294967296"]),
        (["seed=99999999999"], ["seed=99999999999", "at least 0 and below 4294967296"]),
        (["evaluation.first_seed=-1"], ["evaluation.first_seed=-1", "at least 0"]),
        (["algorithm.adam_beta1=1"], ["algorithm.adam_beta1=1.0", "below 1"]),
        (["model.context=-5"], ["model.context=-5", "at least 2"]),
        (["collapse=guard", "collapse.window=0"], ["collapse.window=0", "greater than 0"]),
        (["budget.money=-5"], ["budget.money=-5", "greater than 0"]),
        (["hardware.devices=-1"], ["hardware.devices=-1", "at least 0"]),
        (["evaluation.checkpoints=['²']"], ["evaluation.checkpoints=²", "reported"]),
        (["evaluation.checkpoints=[]"], ["evaluation.checkpoints=[]", "stages=[train]"]),
        (["evaluation.benchmarks=[]"], ["evaluation.benchmarks=[]", "names none"]),
        (["evaluation.benchmarks=[amc23,amc23]"], ["evaluation.benchmarks", "twice"]),
        (["stages=[]"], ["stages=[]", "nothing to do"]),
        (
            ["force=[train]", "stages=[evaluate]"],
            ["force=[train]", "stages=['evaluate']", "Add train to stages"],
        ),
        (["name=../../evil"], ["name='../../evil'", "letters"]),
        (["name=a/b"], ["name='a/b'", "letters"]),
        (["name=''"], ["name=''", "letters"]),
        (["outputs=''"], ["outputs=''", "names no folder"]),
        (["reward.format.weight=0", "reward.accuracy.weight=0"], ["reward", "no weight"]),
        (
            ["data.draws.open_rs.difficulty_min=3", "data.draws.open_rs.difficulty_max=1"],
            ["data.draws.open_rs.difficulty_min=3", "difficulty_max=1"],
        ),
    ],
)
def test_wrong_values_name_field_value_rule_and_remedy(composed, overrides, told):
    with pytest.raises(ValueError) as error:
        composed("experiment=exp2", *overrides)
    for part in told:
        assert part in str(error.value)


def test_training_alone_needs_no_benchmark(composed):
    config = composed("stages=[train]", "evaluation.benchmarks=[]", "evaluation.checkpoints=[]")
    assert config.checkpoints == []


def test_an_optimizer_that_does_not_exist_is_refused(composed):
    with pytest.raises(Mistake, match=r"optimizer=adamm: must be one of .* Give algorithm.optimizer=adamw_"):
        composed("algorithm.optimizer=adamm")


def nested(annotation):
    """The dataclasses that a field holds: itself, one of several types, items of a list or a dict."""
    if is_dataclass(annotation):
        return [annotation]
    return [node for argument in get_args(annotation) for node in nested(argument)]


def statements(node, path="", above=None):
    """Each field that is no group, with what states its identity: itself, or a group around it."""
    for field in fields(node):
        name, stated = f"{path}{field.name}", field.metadata.get("identity")
        assert not (above and stated), f"{name} states its identity twice"
        groups = nested(field.type)
        for group in groups:
            yield from statements(group, f"{name}.", above or stated)
        if not groups:
            yield name, above or stated


def test_every_field_is_in_exactly_one_part_of_identity():
    parts = dict(statements(Config))
    assert [name for name, identity in parts.items() if identity is None] == []
    assert {identity for identity in parts.values()} == set(get_args(Identity))
    assert parts["algorithm.learning_rate"] == parts["data.draws.count"] == "recipe"
    assert (parts["steps.total"], parts["steps.stop_at"]) == ("recipe", "neither")
    assert (parts["engine.kind"], parts["engine.retries"]) == ("evaluation", "neither")


def test_numbers_of_a_training_have_limits():
    unlimited = {
        f"{node.__name__}.{field.name}"
        for node in (Algorithm, Collapse, Length, Budget)
        for field in fields(node)
        if {int, float} & {field.type, *get_args(field.type)} and field.metadata.get("limits") is None
    }
    assert unlimited == set()


def test_an_example_of_a_limit_is_within_it():
    for node in (
        Algorithm,
        Collapse,
        Config,
        Data,
        Draw,
        EngineOptions,
        EvaluationOptions,
        Hardware,
        Length,
        Steps,
    ):
        for field in fields(node):
            limits = field.metadata.get("limits")
            assert limits is None or limits.hold(limits.example), field.name


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+bogus=1", "bogus=1: is no option. Known: name, report_step"),
        ("+algorithm.bogus=1", "algorithm.bogus=1: is no option. Known in algorithm: name, prompts_per_step"),
        (
            "++data.draws.open_rs.bogus=1",
            "data.draws.open_rs.bogus=1: is no option. Known in data.draws.open_rs: source, count",
        ),
        (
            "+reward.accuracy.bogus=1",
            "reward.accuracy.bogus=1: is no option. Known in reward.accuracy: weight",
        ),
        ("experimnt=exp3", "experimnt=exp3: is no option. Did you mean experiment?"),
        ("sweep=table1", "sweep=table1: is no option. Did you mean sweeps?"),
        ("lr=1e-5", "lr=1e-5: is no option. Did you mean algorithm.learning_rate?"),
        ("+algorithm.lr=1", "algorithm.lr=1: is no option. Did you mean algorithm.learning_rate?"),
        ("++steps.totl=3", "steps.totl=3: is no option. Did you mean steps.total?"),
        ("num_seeds=3", "num_seeds=3: is no option. Did you mean evaluation.num_seeds?"),
        ("count=3", "count=3: is no option. Did you mean data.draws.NAME.count?"),
        ("hydra.run.dri=x", "hydra.run.dri=x: is no option. Did you mean hydra.run.dir?"),
    ],
)
def test_a_field_that_is_not_in_the_schema_is_refused_however_it_was_added(composed, override, message):
    with pytest.raises(Mistake) as error:
        composed("experiment=exp2", override)
    assert str(error.value).startswith(message)


def test_fields_keep_their_order():
    """The name of a study hashes the text of the config: another order would begin every study anew."""
    order = (
        "name report_step untrained seed data length reward steps prompt model algorithm evaluation engine "
        "hardware tracker hub scale catalog collapse objective budget fail_fast stages force dry_run outputs "
        "detect spread adapter replicates curation"
    )
    assert [field.name for field in fields(Config)] == order.split()
