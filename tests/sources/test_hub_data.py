"""Hub data sets: the real client against a stand-in for the Hub's HTTP API on loopback.

The client under test is huggingface_hub's own with `datasets` reading what it fetched, in a child process
whose HF_ENDPOINT is the stand-in. There is no Hub in this suite: what the stand-in answers was taken from
the client's requests.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from openrs.paths import ROOT

OLD, NEW = "a" * 40, "b" * 40

OPEN = {
    OLD: {"README.md": b"", "data/train.jsonl": b'{"problem": "p", "answer": 1}\n'},
    NEW: {
        "README.md": b"",
        "data/train.jsonl": b'{"problem": "p", "answer": 2}\n{"problem": "q", "answer": 3}\n',
    },
}
GPQA_CARD = b"""---
configs:
- config_name: gpqa_main
  data_files: main.csv
- config_name: gpqa_diamond
  data_files: diamond.csv
---
"""
GPQA_ROWS = (
    b"Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\n"
    b"What is heavy? ,lead,helium,neon,argon\n"
)
SETS = {
    "HuggingFaceH4/aime_2024": OPEN,
    "Idavidrein/gpqa": {
        NEW: {"README.md": GPQA_CARD, "main.csv": b"Question\nanother\n", "diamond.csv": GPQA_ROWS}
    },
}
REVISIONS = {"main": NEW, "v1": OLD, OLD: OLD, NEW: NEW}
TOKEN = "hf_stand_in"


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as the client asks for: /api/datasets/ID/revision/R and /datasets/ID/resolve/R/F."""

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code):
        self.answer(status, b"{}", X_Error_Code=code, X_Error_Message="told by the stand-in")

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        api = parts[0] == "api"
        id_, revision = "/".join(parts[1 + api : 3 + api]), (parts + [""] * 5)[4 + api] or "main"
        if id_ not in SETS:
            return self.refuse(401, "RepoNotFound")
        commit = REVISIONS.get(revision)
        if commit not in SETS[id_]:
            return self.refuse(404, "RevisionNotFound")
        files = SETS[id_][commit]
        if api and parts[4] == "revision":
            body = {"id": id_, "sha": commit, "private": False, "gated": "auto", "tags": [],
                    "siblings": [{"rfilename": name} for name in files]}  # fmt: skip
            return self.answer(200, json.dumps(body).encode(), Content_Type="application/json")
        if api and parts[4] == "tree":
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in files.items()
            ]
            return self.answer(200, json.dumps(tree).encode(), Content_Type="application/json")
        if "gpqa" in id_ and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.refuse(401, "GatedRepo")
        content = files.get("/".join(parts[5:]))
        if content is None:
            return self.refuse(404, "EntryNotFound")
        return self.answer(200, content, ETag=f'"{hashlib.sha1(content).hexdigest()}"', X_Repo_Commit=commit)

    do_HEAD = do_GET


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


READ = """
import json, sys
from openrs.config.compose import compose_config
from openrs.data import catalog
name, *overrides = sys.argv[1:]
try:
    config = compose_config("scale=nano", "catalog=hub", *overrides)
    rows = catalog.benchmark(config.catalog, name)
    origin = catalog.origin(config.catalog, config.catalog.benchmarks[name], rows)
    print(json.dumps({"rows": rows, "origin": origin}))
except ValueError as error:
    print(json.dumps({"error": str(error)}))
"""


@pytest.fixture
def read(endpoint, tmp_path):
    """Reads a benchmark in a child process: the client takes its endpoint when it is imported."""

    def reading(name, *overrides, **environment):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        env |= {
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(tmp_path / "hf"),
            "NO_PROXY": "127.0.0.1",
        } | environment
        command = [sys.executable, "-c", READ, name, *overrides]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return reading


@pytest.mark.slow
def test_a_revision_becomes_a_commit_and_is_read_again_without_a_network(read):
    newest = read("aime24")
    assert [row["gold"] for row in newest["rows"]] == ["2", "3"]
    assert (newest["origin"]["revision"], newest["origin"]["commit"]) == (None, NEW)
    old = read("aime24", "catalog.benchmarks.aime24.revision=v1")
    assert [row["gold"] for row in old["rows"]] == ["1"]
    assert (old["origin"]["revision"], old["origin"]["commit"]) == ("v1", OLD)
    assert old["origin"]["fingerprint"] != newest["origin"]["fingerprint"]
    for offline in ({"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}):
        assert read("aime24", **offline) == newest
        assert read("aime24", "catalog.benchmarks.aime24.revision=v1", **offline) == old


@pytest.mark.slow
def test_a_gated_set_asks_for_a_token_in_plain_words(read):
    told = read("gpqa_diamond")["error"]
    for part in ("Idavidrein/gpqa is gated", "Accept", "hf auth login", "HF_TOKEN"):
        assert part in told
    assert "What is heavy" not in told
    (row,) = read("gpqa_diamond", HF_TOKEN=TOKEN)["rows"]
    assert row["problem"].startswith("What is heavy?\n\nA) ")
    assert f"{row['gold']}) lead" in row["problem"]
    assert row["instruction"].startswith("Answer the following multiple choice question.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "environment", "told"),
    [
        (["catalog.benchmarks.aime24.revision=v9"], {}, ["HuggingFaceH4/aime_2024", "no revision v9"]),
        (["catalog.benchmarks.aime24.id=nobody/nothing"], {}, ["no data set nobody/nothing", "private"]),
        (["catalog.benchmarks.aime24.id=a/b/c"], {}, ["a/b/c: is no id"]),
        ([], {"HF_ENDPOINT": "http://127.0.0.1:9"},
         ["cannot be fetched: no network reaches http://127.0.0.1:9. Check the network", "catalog=mirror"]),
        ([], {"HF_HUB_OFFLINE": "1"}, ["cannot be fetched: HF_HUB_OFFLINE is set. Check"]),
        (["catalog.benchmarks.aime24.split=test"], {}, ["split test", "cannot be read"]),
        (["catalog.benchmarks.aime24.gold=result"], {}, ["no such column", "problem, answer"]),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_one_clear_error(read, overrides, environment, told):
    error = read("aime24", *overrides, **environment)["error"]
    for part in told:
        assert part in error
