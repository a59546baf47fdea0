"""Result files of other programs, as tests need them, and their import."""

import json

from openrs.analysis import commands as cli
from openrs.analysis import run_records
from openrs.analysis.importing import address, reading, store
from openrs.analysis.importing.choice import RULES

REPOSITORIES = {"aime24": "HuggingFaceH4/aime_2024", "amc23": "knoveleng/AMC-23"}


def command(monkeypatch, capsys, *arguments):
    """Exit status, output and errors of a verb of `analysis`."""
    monkeypatch.setattr("sys.argv", ["analysis", *map(str, arguments)])
    status = cli.main()
    return status, *capsys.readouterr()


def old(task="aime24", value=0.3, n=30, outputs="a1", model="someone/model"):
    """A result file as lighteval wrote it in early 2025."""
    key = f"custom|{task}|0"
    error = (value * (1 - value) / (n - 1)) ** 0.5
    return {
        "config_general": {"lighteval_sha": "?", "model_name": model, "model_sha": "", "model_dtype": None},
        "results": {key: {"extractive_match": value, "extractive_match_stderr": error}, "all": {}},
        "versions": {key: 1},
        "config_tasks": {
            f"custom|{task}": {
                "hf_repo": REPOSITORIES[task], "effective_num_docs": n, "generation_size": 32768
            }
        },
        "summary_tasks": {key: {"hashes": {"hash_examples": task, "hash_cont_tokens": outputs}}},
    }  # fmt: skip


def new(metrics, seed=None, n=30, outputs="b1", **config):
    """A result file as lighteval 0.13 writes it."""
    sampling = {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 4096, "seed": seed}
    return {
        "config_general": {
            "lighteval_sha": "abc",
            "model_name": "someone/model",
            "model_config": {"generation_parameters": sampling, "dtype": "bfloat16", **config},
        },
        "results": {"aime24|0": metrics, "all": metrics},
        "config_tasks": {"aime24|0": {"hf_repo": REPOSITORIES["aime24"], "effective_num_docs": n}},
        "summary_tasks": {
            "aime24|0": {"hashes": {"hash_examples": "aime24", "hash_cont_tokens": outputs}}
        },
    }  # fmt: skip


def harness(values, n=100, **config):
    """A result file of the harness with one task, gsm8k."""
    return {
        "results": {"gsm8k": values},
        "configs": {"gsm8k": config},
        "n-samples": {"gsm8k": {"effective": n}},
        "model_name": "m",
    }


def filtered(name, *steps):
    """One of a harness task's filters."""
    return {"name": name, "filter": [{"function": step} for step in steps]}


def put(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")


def imported(folder, outputs, pattern=None, collection="logs", baseline=None, choice=RULES):
    results = list(reading.read(folder, address.pattern(pattern), choice))
    return store.store(results, outputs, collection, baseline), run_records.load_all(outputs, imported=True)
