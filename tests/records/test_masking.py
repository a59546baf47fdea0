"""No secret stands in what is written, and nothing else is changed."""

import pytest

from openrs.records.masking import masked, masked_option

ENVIRONMENT = {"HF_TOKEN": "hf_abcdefgh", "DB_PASSWORD": "pw12", "HOME": "/home/me", "API_KEY": "x"}

URLS = {
    "postgresql+psycopg://me:SECRET@host:5/db": "postgresql+psycopg://me:***@host:5/db",
    "postgresql://me:SE/CR@ET:1@host/db": "postgresql://me:***@host/db",
    "postgresql://:SECRET@host/db": "postgresql://:***@host/db",
    "postgresql://me:SEC RET@host/db": "postgresql://me:***@host/db",
    "http://me:SECRET@host:8000/v1": "http://me:***@host:8000/v1",
    "https://SECRET@host/v1": "https://***@host/v1",
    "postgresql://host/db?user=me&password=SECRET": "postgresql://host/db?user=me&password=***",
    "http://host/v1?api_key=SECRET&x=1": "http://host/v1?api_key=***&x=1",
    "failed at http://me:SECRET@host/v1 (3 tries)": "failed at http://me:***@host/v1 (3 tries)",
}
NO_SECRETS = (
    "http://127.0.0.1:8000/v1", "postgresql+psycopg://me@host/db", "sqlite:///outputs/study.db", "a@b.c",
    "user/name@branch", "latest", "pw123", "length.completion=512", "", "what is 3:4 @ 5?",
)  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_the_secret_of_a_url_is_masked(url):
    assert masked(url, {}) == URLS[url]
    assert masked_option(f"engine.base_url={url}", {}) == f"engine.base_url={URLS[url]}"


@pytest.mark.parametrize("text", NO_SECRETS)
def test_other_texts_stay(text):
    assert masked(text, ENVIRONMENT) == text
    assert masked_option(text, ENVIRONMENT) == text


def test_the_values_of_secret_variables_are_masked_at_every_depth():
    tree = {"a": ["x hf_abcdefghij", 7, None], "b": {"c": "pw12", "d": "with pw12."}, "e": "/home/me"}
    made = {"a": ["x ***ij", 7, None], "b": {"c": "***", "d": "with ***."}, "e": "/home/me"}
    assert masked(tree, ENVIRONMENT) == made


def test_the_folder_of_a_shell_is_no_password():
    shell = {"PWD": "/home/me/study", "OLDPWD": "/home/me", "MY_PWD": "tiger7777"}
    assert masked("/home/me/study/outputs: tiger7777", shell) == "/home/me/study/outputs: ***"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("hydra.job.env_set.HF_TOKEN=abc", "hydra.job.env_set.HF_TOKEN=***"),
        ("hydra.job.env_set={HF_TOKEN: abc, A: b}", "hydra.job.env_set={HF_TOKEN: ***, A: b}"),
        ("hydra.job.env_set={'PGPASSWORD':'a,b'}", "hydra.job.env_set={'PGPASSWORD':***}"),
        ("engine.api_key=sk-abc", "engine.api_key=***"),
        ("engine.api_key=MY_KEY", "engine.api_key=MY_KEY"),
        ("engine.base_url=${oc.env:URL_TOKEN}", "engine.base_url=${oc.env:URL_TOKEN}"),
        ("evaluation.max_new_tokens=256", "evaluation.max_new_tokens=256"),
        ("-m", "-m"),
    ],
)
def test_an_option_with_the_name_of_a_secret_is_masked(word, shown):
    assert masked_option(word, {}) == shown


def test_a_key_in_the_place_of_its_variable_is_masked():
    assert masked({"engine": {"api_key": "sk-abc"}}, {}) == {"engine": {"api_key": "***"}}
    assert masked({"engine": {"api_key": "OPENAI_API_KEY"}}, {}) == {"engine": {"api_key": "OPENAI_API_KEY"}}
