"""A small completions server with faults to order; it stands beside the tests with a real vLLM."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class CompletionsServer:
    """Answers every prompt with its own seed as text; counts what it is asked.

    Args:
        model: the served name.
        faults: one a request, in turn: a status to answer with, `hang` (no answer for a second) or
            `drop` (the connection is closed); afterwards all is well.
        ids: whether completions tell their token ids.
        context: the model's, told with its name.
        dies_after: completions after which every connection is dropped.
        texts: what it answers, in turn, in the place of the seed.
    """

    def __init__(
        self, model, *, faults=(), ids=True, context=512, dies_after=None, usage=True, extra=0, texts=()
    ):
        self.model, self.faults, self.ids, self.context = model, list(faults), ids, context
        self.dies_after, self.usage, self.extra, self.texts = dies_after, usage, extra, texts
        self.asked, self.answered, self.at_once, self.most_at_once, self.keys = [], 0, 0, 0, set()
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, body):
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self):
                outer.keys.add(self.headers["Authorization"])
                if self.headers["Authorization"] == "Bearer wrong":
                    return self.answer(401, {"error": {"message": "no such key"}})
                card = {"id": outer.model, "object": "model", "owned_by": "a test"}
                return self.answer(200, {"data": [card | {"max_model_len": outer.context}]})

            def do_POST(self):
                with outer.lock:
                    outer.at_once += 1
                    outer.most_at_once = max(outer.most_at_once, outer.at_once)
                try:
                    self.complete()
                finally:
                    with outer.lock:
                        outer.at_once -= 1

            def complete(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    outer.asked.append(body)
                    fault = outer.faults.pop(0) if outer.faults else None
                    if outer.dies_after is not None and outer.answered >= outer.dies_after:
                        fault = "drop"
                    turn = outer.answered
                    outer.answered += fault is None
                if fault == "hang":
                    time.sleep(1)
                if fault == "drop":
                    return self.connection.close()
                if isinstance(fault, int):
                    return self.answer(fault, {"error": {"message": f"fault {fault}"}})
                time.sleep(0.02)
                text = outer.texts[turn % len(outer.texts)] if outer.texts else str(body["seed"])
                choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
                if outer.ids:
                    choice["token_ids"] = [body["seed"] % 97, 560]
                reply = {"id": "x", "object": "text_completion", "created": 0, "model": outer.model}
                if outer.usage:
                    prompt = len(body["prompt"]) if isinstance(body["prompt"], list) else 3
                    count = {"prompt_tokens": prompt + outer.extra, "completion_tokens": 5}
                    reply["usage"] = count | {"total_tokens": prompt + 5}
                return self.answer(200, reply | {"choices": [choice]})

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
