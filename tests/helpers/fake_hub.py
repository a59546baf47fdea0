"""The part of the Hub's HTTP API that pushing uses, on loopback, with one key: `hf_good`.

Real requests of the real client; the storage is a dict. Paths and shapes are those of huggingface_hub
1.33 (whoami, repos/create, auth-check, tree, preupload, LFS batch, commit, branch, resolve).
"""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class FakeHub:
    """Repositories in memory; `broken` names an operation that answers 500 (`commit`, `batch`)."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, dict[str, bytes]]] = {}
        """Name -> branch -> path -> content."""
        self.commits: list[tuple[str, str, str]] = []
        """(repository, branch, message), oldest first."""
        self.objects: dict[str, bytes] = {}
        self.refused: set[str] = set()
        """Repositories that this key may not write."""
        self.broken: set[str] = set()
        self.requests: list[str] = []
        self.heads: dict[str, dict[str, str]] = {}
        """Repository -> branch -> its commit, for those that have one; the commit is a branch too."""
        self.url = ""

    def publish(self, name: str, commit: str, files: dict[str, bytes]) -> None:
        """Makes a commit the newest of a repository's main branch; the older ones stay."""
        self.repositories.setdefault(name, {}).update({"main": files, commit: files})
        self.heads.setdefault(name, {}).update({"main": commit, commit: commit})


class Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def answer(self, value: Any, status: int = 200, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, content in headers.items():
            self.send_header(name.replace("_", "-"), content)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, message: str, code: str = "") -> None:
        self.answer(
            {"error": message}, status, X_Error_Message=message, **({"X_Error_Code": code} if code else {})
        )

    def handle_any(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while length := int(self.rfile.readline(), 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        self.hub.requests.append(f"{self.command} {self.path}")
        if parts[0] == "objects":
            self.hub.objects[parts[1]] = body
            return self.answer({})
        if self.headers.get("Authorization") != "Bearer hf_good":
            return self.refuse(401, "Invalid credentials in Authorization header")
        if parts[:2] == ["api", "whoami-v2"]:
            return self.answer({"name": "someone", "type": "user", "orgs": []})
        if parts[:3] == ["api", "repos", "create"]:
            return self.create(json.loads(body))
        if parts[:2] == ["api", "validate-yaml"]:
            return self.answer({"warnings": [], "errors": []})
        if parts[-3:] == ["lfs", "objects", "batch"]:
            return self.batch(json.loads(body))
        if parts[:2] == ["api", "models"]:
            name = "/".join(parts[2:4])
            if name not in self.hub.repositories:
                return self.refuse(404, "Repository not found", "RepoNotFound")
            return self.repository(name, parts[4:], body)
        if "resolve" in parts:
            return self.resolve(parts)
        return self.refuse(404, f"no such path: {self.path}")

    do_GET = do_POST = do_PUT = do_HEAD = handle_any

    def create(self, asked: dict[str, Any]) -> None:
        name = f"{asked.get('organization') or 'someone'}/{asked['name']}"
        if name in self.hub.repositories:
            return self.answer({"error": "exists", "url": f"{self.hub.url}/{name}", "id": name}, 409)
        if not name.startswith("someone/"):
            return self.refuse(
                403, f"You don't have the rights to create a model under the namespace of {name}"
            )
        self.hub.repositories[name] = {"main": {".gitattributes": b""}}
        return self.answer({"url": f"{self.hub.url}/{name}", "id": name})

    def batch(self, asked: dict[str, Any]) -> None:
        if "batch" in self.hub.broken:
            return self.refuse(507, "no space left")
        objects = [
            {
                "oid": item["oid"],
                "size": item["size"],
                **(
                    {}
                    if item["oid"] in self.hub.objects
                    else {"actions": {"upload": {"href": f"{self.hub.url}/objects/{item['oid']}"}}}
                ),
            }
            for item in asked["objects"]
        ]
        return self.answer({"transfer": "basic", "objects": objects})

    def repository(self, name: str, rest: list[str], body: bytes) -> None:
        branches = self.hub.repositories[name]
        match rest:
            case ["auth-check", *_]:
                if name in self.hub.refused:
                    return self.refuse(403, "Your key may not write here")
                return self.answer({})
            case ["tree", branch, *_]:
                files = branches[branch].items()
                return self.answer(
                    [{"type": "file", "path": p, "size": len(c), "oid": "0" * 40} for p, c in files]
                )
            case ["preupload", branch]:
                asked = json.loads(body)["files"]
                return self.answer(
                    {
                        "files": [
                            {
                                "path": item["path"],
                                "uploadMode": "lfs" if item["path"].endswith(".safetensors") else "regular",
                                "shouldIgnore": False,
                                "oid": None,
                            }
                            for item in asked
                        ]
                    }
                )
            case ["commit", branch]:
                if "commit" in self.hub.broken or name in self.hub.refused:
                    return self.refuse(403 if name in self.hub.refused else 507, "this commit is not taken")
                return self.commit(name, branch, body)
            case ["branch", branch]:
                if branch in branches:
                    return self.refuse(409, "Reference already exists")
                branches[branch] = dict(branches["main"])
                return self.answer({})
        return self.refuse(404, f"no such path: {self.path}")

    def commit(self, name: str, branch: str, body: bytes) -> None:
        files = self.hub.repositories[name][branch]
        message = ""
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                message = value["summary"]
            elif item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
                assert hashlib.sha256(files[value["path"]]).hexdigest() == value["oid"]
        self.hub.commits.append((name, branch, message))
        oid = hashlib.sha1(str(len(self.hub.commits)).encode()).hexdigest()
        self.answer({"commitUrl": f"{self.hub.url}/{name}/commit/{oid}", "commitOid": oid})

    def resolve(self, parts: list[str]) -> None:
        at = parts.index("resolve")
        name, revision = "/".join(parts[:at]), parts[at + 1]
        if name not in self.hub.repositories:
            return self.refuse(404, "Repository not found", "RepoNotFound")
        if name in self.hub.heads and revision not in self.hub.repositories[name]:
            return self.refuse(404, "Invalid rev id", "RevisionNotFound")
        files = self.hub.repositories[name].get(revision, {})
        commit = self.hub.heads.get(name, {}).get(revision, "0" * 40)
        content = files.get("/".join(parts[at + 2 :]))
        if content is None:
            return self.refuse(404, "Entry not found", "EntryNotFound")
        return self.answer(content, ETag=f'"{hashlib.sha1(content).hexdigest()}"', X_Repo_Commit=commit)


@contextmanager
def serving():
    """A fake Hub on a free port of loopback."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
