"""Behind a proxy: this machine is asked directly, the services of the network through the proxy."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from openrs.machine import services
from openrs.models.files import packaged
from openrs.processes import launch, loopback, vllm_server
from openrs.records.run import Run
from tests.helpers.completions_server import CompletionsServer

VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def proxy(monkeypatch):
    """A proxy that passes nothing on: it answers each host with the status that is set, and notes it."""

    class Handler(BaseHTTPRequestHandler):
        status, asked = 403, []

        def do_GET(self):
            Handler.asked.append(self.path)
            self.send_response(Handler.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_POST = do_CONNECT = do_GET

        def log_message(self, *_):
            pass

    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    for name in VARIABLES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield Handler
    server.shutdown()
    server.server_close()


SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

CLIENT = """
import json, sys, requests  # as TRL's client asks: trl.generation.vllm_client, check_server
port = json.load(open(sys.argv[1]))["server"]["port"]
print("answered", requests.get(f"http://127.0.0.1:{port}/health").status_code)
"""


@pytest.mark.slow
def test_training_reaches_its_server_behind_a_proxy(composed, tmp_path, monkeypatch, proxy):
    config = composed("experiment=exp3", "scale=paper", "hardware=a40x4")
    run = Run(tmp_path / "runs" / "exp3-12345678", "1" * 64, {})
    monkeypatch.setattr(vllm_server, "ASK_EVERY", 0.05)
    monkeypatch.setattr(
        vllm_server,
        "command",
        lambda config, model, server, _: [sys.executable, "-c", SERVER, str(server.port)],
    )
    monkeypatch.setattr(
        launch, "command", lambda config, stage, file: [sys.executable, "-c", CLIENT, str(file)]
    )
    launch.train(config, run, "model", 0)
    assert json.loads((run.folder / "logs" / "train.json").read_text())["server"]["host"] == "127.0.0.1"
    assert (run.folder / "logs" / "train.log").read_text() == "answered 200\n"
    assert proxy.asked == []


@pytest.mark.slow  # the tokenizer's library
def test_a_completions_server_on_this_machine_is_asked_directly(composed, proxy):
    from openrs.config.schema import EngineOptions
    from openrs.engines import Request, Sampling
    from openrs.engines.server import ServerEngine

    folder = str(packaged(composed().model))
    with CompletionsServer(folder) as server:
        engine = ServerEngine(
            folder, folder, EngineOptions(kind="server", base_url=server.url, retries=0), 0, 400
        )
        (made,) = engine.generate([Request([5], 1)], Sampling(0.6, 0.95, 16))
    assert made.tokens == [1, 560]
    assert proxy.asked == []


def test_services_are_asked_through_the_proxy(proxy):
    """No name server knows this host, so a bare socket could not reach it."""
    proxy.status = 200
    assert services.reaches("http://hub.invalid", 5)
    assert proxy.asked == ["http://hub.invalid"]
    proxy.status = 404
    assert services.reaches("http://hub.invalid", 5)  # it answers
    for refused in (407, 503):
        proxy.status = refused
        assert not services.reaches("http://hub.invalid", 5)
    proxy.status = 403
    assert not services.reaches("hub.invalid", 5)  # https: the proxy refuses the way there
    assert proxy.asked[-1] == "hub.invalid:443"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "127.0.0.1,localhost"),
        ("", "127.0.0.1,localhost"),
        ("intern,10.0.0.1", "intern,10.0.0.1,127.0.0.1,localhost"),
        ("*", "*"),
    ],
)
def test_what_the_user_keeps_from_the_proxy_stays(monkeypatch, before, after):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        if before is not None:
            monkeypatch.setenv(name, before)
    assert loopback.around_proxies() == {"NO_PROXY": after, "no_proxy": after}


@pytest.mark.parametrize(
    ("url", "here"),
    [("http://127.0.0.1:8000/v1", True), ("http://localhost/v1", True), ("http://[::1]:1/v1", True),
     ("http://host:8000/v1", False), ("https://127.0.0.1.example/v1", False)],
)  # fmt: skip
def test_what_is_this_machine(url, here):
    assert loopback.is_here(url) == here
