"""Chat templates: their arguments, the day that they print, and whose turn holds the system prompt."""

import json
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from pyarrow import parquet
from tokenizers import Tokenizer

from openrs.errors import Mistake
from openrs.models import files as model_files
from openrs.models.chat import MARK, PLAIN, chat
from openrs.plan import resolve
from openrs.records import recipe
from tests.helpers.commands import openrs
from tests.helpers.sweeps import SMALL

DATED = """{{ strftime_now('%A %d %B %Y') }}. {% if short is defined and short %}Be short. {% endif %}"""
"""What a template of the Llama 3 family does, before a template without a system role."""


def shipped(name):
    """A model's own template, as TRL carries it."""
    folder = Path(find_spec("trl").submodule_search_locations[0])
    return (folder / f"chat_templates/{name}.jinja").read_text()


@pytest.fixture
def model(composed):
    return composed("experiment=base").model


@pytest.fixture
def folder(model, tmp_path):
    """The built-in weights with a template that is to be written."""
    path = tmp_path / "mine"
    shutil.copytree(model_files.packaged(model), path)
    return path


@pytest.mark.parametrize(
    ("name", "system_turn", "prints_date"),
    [
        ("llama3_2", True, True),
        ("gptoss", True, True),
        ("llama3_1", True, False),
        ("qwen3", True, False),
        ("qwen2_5_training", True, False),  # it marks the answer by tags of transformers' own
        ("deepseek_r1_distill", True, False),
        ("gemma", False, False),  # raises
    ],
)
def test_what_a_template_has_is_seen_in_what_it_renders(model, name, system_turn, prints_date):
    read = chat(model, shipped(name))
    assert (read.system_turn, read.prints_date) == (system_turn, prints_date)


def test_a_template_that_drops_the_system_prompt_in_silence_has_no_turn_for_it(model):
    read = chat(model, "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}")
    asked = [{"role": "system", "content": "Think."}, {"role": "user", "content": "1+1?"}]
    assert read.turns(asked) == [{"role": "user", "content": "Think.\n\n1+1?"}]
    assert read.turns(asked[1:]) == asked[1:]
    assert PLAIN.turns(asked) == asked
    (note,) = read.notes(model, "Think.").values()
    assert note.startswith("nano base: its chat template has no system role; prompt.system goes to the head")
    assert read.notes(model, None) == {}


@pytest.mark.parametrize(
    ("arguments", "template", "message"),
    [
        ({"thinking": False}, "qwen3", r"thinking=False: .* does not read it\. It reads .*enable_thinking"),
        ({"strftime_now": "1"}, "llama3_2", r"strftime_now=1: is given to the chat template by openrs"),
        ({"messages": []}, "qwen3", r"template_arguments\.messages=\[\]: is given to the chat template"),
    ],
)  # fmt: skip
def test_an_argument_that_the_template_does_not_read_is_refused(model, arguments, template, message):
    with pytest.raises(Mistake, match=message):
        chat(replace(model, template_arguments=arguments), shipped(template))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, r"model=openrs-nano: has no chat template, and a problem becomes a prompt by"),
        ("", "has no chat template"),
        ("{{ raise_exception('no') }}", r"its chat template refuses a user's turn \(no\)\. Change"),
        ("{% if %}", "is no Jinja template"),
    ],
)  # fmt: skip
def test_no_template_or_a_broken_one_is_one_error(model, template, message):
    with pytest.raises(Mistake, match=message):
        chat(model, template)


def test_a_folder_without_a_template_is_refused_by_the_plan(composed, folder, tmp_path):
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(Mistake, match=rf"model={folder}: has no chat template.*as model=\./FOLDER"):
        resolve(composed("experiment=exp3", f"model={folder}", f"outputs={tmp_path}"))
    configured = folder / "tokenizer_config.json"  # where older models have it
    stated = json.loads(configured.read_text())
    named = [{"name": "default", "template": shipped("qwen3")}, {"name": "tool_use", "template": ""}]
    configured.write_text(json.dumps(stated | {"chat_template": named}))
    for arguments, message in (("{enable_thinking: false}", None), ("{enable: false}", "does not read it")):
        config = composed(
            "experiment=base",
            f"model={folder}",
            f"outputs={tmp_path}",
            f"model.template_arguments={arguments}",
        )
        if message is None:
            assert resolve(config).run.recipe["model"]["template_arguments"] == {"enable_thinking": False}
            continue
        with pytest.raises(Mistake, match=message):
            resolve(config)


def test_arguments_are_a_part_of_what_a_run_is(composed):
    def ids(*overrides):
        config = composed("experiment=exp3", *overrides)
        return [
            recipe.run_id(identity)
            for identity in (
                recipe.untrained(config, weights="w"),
                recipe.trained(config, weights="w", rows="r"),
            )
        ]

    arguments = "model.template_arguments"
    plain, no, yes = ids(), ids(f"+{arguments}.thinking=false"), ids(f"{arguments}={{thinking: true}}")
    assert len({*plain, *no, *yes}) == 6
    assert (
        "template_arguments"
        not in recipe.trained(composed("experiment=exp3"), weights="w", rows="r")["model"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama3_2", "gemma", "qwen3", "gptoss"])
def test_transformers_renders_what_was_seen(model, folder, name):
    """A real template of each kind, by the tokenizer that every engine and the trainer ask."""
    from openrs.engines.prompts import load_tokenizer, templated

    (folder / "chat_template.jinja").write_text(shipped(name))
    tokenizer = load_tokenizer(str(folder), None)
    arguments = {"enable_thinking": False} if name == "qwen3" else {}
    read = chat(replace(model, template_arguments=arguments), tokenizer.chat_template)
    asked = [{"role": "system", "content": f"{MARK} one"}, {"role": "user", "content": f"{MARK} two"}]
    text = tokenizer.decode(templated(tokenizer, asked, read))
    assert text.index(f"{MARK} one") < text.index(f"{MARK} two")
    day = {"llama3_2": "Today Date: 26 Jul 2024", "gptoss": "Current date: 2024-07-26"}.get(name, "")
    assert day in text
    assert text.endswith("<think>\n\n</think>\n\n") == (name == "qwen3")
    assert text.count("start_of_turn>user") == (1 if name == "gemma" else 0)


@pytest.mark.slow
def test_training_and_evaluation_ask_by_the_same_template(folder, tmp_path):
    (folder / "chat_template.jinja").write_text(DATED + shipped("gemma"))
    made = openrs(
        *SMALL, f"model={folder}", "model.template_arguments.short=true", "prompt.system=Think well.",
        "evaluation.checkpoints=[last]", f"outputs={tmp_path / 'out'}",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    start = "Friday 26 July 2024. Be short."
    (run,) = tmp_path.glob("out/runs/exp2-*")
    (path, *_) = run.glob("train/completions/*.parquet")
    for row in parquet.read_table(path).to_pylist():
        assert row["prompt"][0]["content"].startswith("Think well.\n\n")
    (path,) = run.rglob("details_*.parquet")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for row in parquet.read_table(path).to_pylist():
        text = tokenizer.decode(row["model_response"]["input_tokens"], skip_special_tokens=False)
        assert text.startswith(start)
        assert "Think well." not in text
    for line in ("has no system role", "prints today's date; every prompt gets 26 Jul 2024 instead"):
        assert made.stderr.count(line) == 1
    (invocation,) = json.loads((run / "run.json").read_text())["invocations"][:1]
    assert invocation["data"]["chat"].keys() == {"date", "system"}
