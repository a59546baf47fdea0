"""A process that has imported the heavy packages once and forks for every command of the tests.

    python -m tests.helpers.fork_server SOCKET OWNER

Importing torch, TRL and lighteval costs 15 to 20 s of CPU, and the tests start about a hundred commands. A
fork runs a command as a new interpreter would: with its own arguments, working directory, environment,
standard streams, session and exit status. `fork_client` is the process that a test sees in the command's
place. Where the client ends, the server kills its fork, so `kill -9` strikes the fork. The server ends with
the process OWNER.
"""

import atexit
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress

IMPORTED = (
    "torch", "transformers", "trl", "lighteval.pipeline", "datasets", "optuna", "wandb", "scipy.stats",
    "matplotlib.pyplot", "hydra_plugins.hydra_optuna_sweeper.config",
    "openrs.train.trainer", "openrs.evaluate.stage", "openrs.sweep.sweeper", "openrs.analysis.commands",
)  # fmt: skip
MESSAGE = 1 << 20
"""Bytes that one request may have."""


def run(request: dict, streams: list[int]) -> int:
    """Runs one command in this process, which a fork has made; returns its exit status."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    module, arguments = request["module"], request["arguments"]
    script = module.endswith(".py")
    sys.argv = [module, *arguments]
    sys.orig_argv = [sys.executable, *([] if script else ["-m"]), module, *arguments]
    sys.path[0] = os.path.dirname(module) if script else request["cwd"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = open(number, "r" if number == 0 else "w", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    if "COVERAGE_PROCESS_CONFIG" in os.environ or "COVERAGE_PROCESS_START" in os.environ:
        import coverage

        coverage.process_startup(force=True)
    status = 0
    try:
        if script:
            runpy.run_path(module, run_name="__main__")
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    with suppress(BaseException):
        threading._shutdown()
    atexit._run_exitfuncs()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    return status


class Server:
    """Accepts clients, forks for each, and tells each its fork's end."""

    def __init__(self, path: str, owner: int) -> None:
        self.owner = owner
        self.clients: dict[int, socket.socket] = {}
        """Process id of a fork -> its client."""
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{path}.starting")
        self.listener.listen(64)
        os.rename(f"{path}.starting", path)  # a socket that is there can be connected to
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.woken, waker = socket.socketpair()
        for end in (self.woken, waker):
            end.setblocking(False)
        self.selector.register(self.woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.waker = waker

    def serve(self) -> None:
        """Serves until the owner has ended."""
        while _lives(self.owner):
            for key, _ in self.selector.select(timeout=1.0):
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj is self.woken:
                    self.woken.recv(4096)
                else:
                    self._hear(key.fileobj)
            self._reap()
        for fork in self.clients:
            _kill(fork, signal.SIGKILL)

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        message, streams, _, _ = socket.recv_fds(client, MESSAGE, 3)
        if len(streams) < 3:
            client.close()
            return
        request = json.loads(message)
        fork = os.fork()
        if fork == 0:
            self._become(request, streams)
        for stream in streams:
            os.close(stream)
        self.clients[fork] = client
        self.selector.register(client, selectors.EVENT_READ)

    def _become(self, request: dict, streams: list[int]) -> None:
        """Turns this fork into the command; does not return."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.selector.close()
            for end in (self.listener, self.woken, self.waker, *self.clients.values()):
                end.close()
            status = run(request, streams)
        finally:
            os._exit(status)

    def _hear(self, client: socket.socket) -> None:
        """Passes a client's signal on, or kills the fork of a client that is gone."""
        fork = next(pid for pid, known in self.clients.items() if known is client)
        try:
            heard = client.recv(1)
        except OSError:
            heard = b""
        _kill(fork, heard[0] if heard else signal.SIGKILL)
        if not heard:
            self.selector.unregister(client)
            client.close()

    def _reap(self) -> None:
        while self.clients:
            try:
                fork, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if fork == 0:
                return
            client = self.clients.pop(fork)
            with suppress(OSError, KeyError, ValueError):
                self.selector.unregister(client)
            with suppress(OSError):
                client.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            client.close()


def _kill(fork: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(fork, number)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    Server(sys.argv[1], int(sys.argv[2])).serve()
