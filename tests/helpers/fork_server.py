"""Commands of openrs as forks of one process that has imported torch, TRL and lighteval.

These imports cost 15 to 20 seconds a process, more than what most tests then do. A fork gets the arguments,
the working directory, the environment, the output files and the session of its own that a new process
would get, and nothing of openrs itself is imported before the fork. One server serves all workers of a test
session, starts with the first command, and ends with the session.
"""

import atexit
import fcntl
import gc
import importlib
import json
import logging
import multiprocessing.util
import os
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import weakref
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from openrs.paths import ROOT

FOLDER = "OPENRS_FORK_SERVER"
"""Environment variable: the folder of this session's server."""
LIBRARIES = ("openrs.train.trainer", "openrs.evaluate.stage", "openrs.sweep.sweeper", "scipy.stats")
"""What the server imports; openrs is then forgotten, and what it imported stays."""
READ_AT_IMPORT = (
    "ACCELERATE_", "HF_", "HOME", "HUGGINGFACE_", "LD_", "LIGHTEVAL_", "MKL_", "OMP_", "OPENBLAS_", "PYTHON",
    "TORCH", "TRANSFORMERS_", "TRL_", "XDG_",
)  # fmt: skip
"""Variables that Python and libraries read when they start, by how their names begin."""
QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}
"""What the pipeline of a nano run sets before it imports the libraries."""


def begin(environment: dict[str, str]) -> None:
    """Names the folder of the server of this test session, for its workers too; the server starts when asked.

    Args:
        environment: of most commands of the session; the server is started with it.
    """
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="openrs-forks-")
        _session().write_text(json.dumps([os.getpid(), environment]))


def serves(environment: dict[str, str]) -> bool:
    """Whether a fork reads this environment as a new process would."""
    if FOLDER not in os.environ:
        return False
    _, ours = json.loads(_session().read_text())
    return _read_at_import(environment) == _read_at_import(ours)


def _session() -> Path:
    return Path(os.environ[FOLDER], "session.json")


def _read_at_import(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_IMPORT)}


class Fork:
    """A running command; its methods are those of subprocess.Popen.

    Args:
        command: what follows the interpreter: a script or `-m` and a module, and the arguments.
    """

    def __init__(self, command: list[str], cwd: Path, environment: dict[str, str]) -> None:
        self.args, self.returncode = command, None
        self._outputs = [tempfile.TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115
        self._server = _connect()
        request = json.dumps([command, str(cwd), environment]).encode()
        with open(os.devnull) as nothing:
            files = [nothing.fileno(), *(file.fileno() for file in self._outputs)]
            socket.send_fds(self._server, [len(request).to_bytes(8, "big")], files)
        self._server.sendall(request)
        self.pid = self._answer(None)

    def _answer(self, timeout: float | None) -> int:
        """The next number that the server sends.

        Raises:
            TimeoutError: none came in time.
        """
        self._server.settimeout(timeout)
        answer = b""
        with suppress(ConnectionResetError):
            answer = self._server.recv(4)
        if not answer:
            log = Path(os.environ[FOLDER], "log").read_text()
            raise RuntimeError(f"the fork server ended: {log[-2000:]}")
        return int.from_bytes(answer, "big", signed=True)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end; returns the exit status, or the negative number of the signal."""
        if self.returncode is None:
            try:
                self.returncode = self._answer(timeout)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._server.close()  # the server reaps the process
        return self.returncode

    def poll(self) -> int | None:
        """The exit status, or None while the process runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for the end; returns what was written to standard output and standard error."""
        self.wait(timeout)
        for file in self._outputs:
            file.seek(0)
        out, err = (file.read() for file in self._outputs)
        return out, err

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless the process has been waited for."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _connect() -> socket.socket:
    """A connection to the server, which the first caller of a session starts."""
    folder = Path(os.environ[FOLDER])
    address = str(folder / "socket")
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not Path(address).exists():
            with socket.socket(socket.AF_UNIX) as listener, open(folder / "log", "w") as log:
                listener.bind(address)
                listener.listen(64)
                _, environment = json.loads(_session().read_text())
                environment.pop("COVERAGE_PROCESS_CONFIG", None)
                subprocess.Popen(
                    [sys.executable, "-m", "tests.helpers.fork_server", str(listener.fileno()), " " * 4000],
                    cwd=ROOT, env=environment | QUIET | {FOLDER: str(folder)},
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    pass_fds=[listener.fileno()], start_new_session=True,
                )  # fmt: skip
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    return connection


class Server:
    """The parent of all commands: forks on request, and reports how each ended."""

    def __init__(self, listener: socket.socket, session: int) -> None:
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ, self._fork)
        self.selector.register(os.pidfd_open(session), selectors.EVENT_READ, self._end)
        self.listener = listener
        self.running: dict[int, socket.socket | None] = {}
        """Process -> connection of its client; None once the client has closed the connection."""
        self.ended: set[int] = set()
        """Those whose end was reported, and which were not reaped yet."""

    def serve(self) -> list[Any] | None:
        """Serves until the session ends; in a fork, returns the request at once."""
        while True:
            for key, _ in self.selector.select():
                request = key.data(key.fileobj)
                if request is not None:
                    return request or None

    def _end(self, _: int) -> list[Any]:
        for process in self.running:
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
        return []

    def _fork(self, listener: socket.socket) -> list[Any] | None:
        connection, _ = listener.accept()
        head, files, _, _ = socket.recv_fds(connection, 8, 3)
        request = connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
        process = os.fork()
        if process == 0:
            os.setsid()
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            connection.sendall(os.getpid().to_bytes(4, "big", signed=True))
            self.selector.close()
            for inherited in (connection, self.listener, *filter(None, self.running.values())):
                inherited.close()
            return json.loads(request)
        for file in files:
            os.close(file)
        self.running[process] = connection
        ended, released = partial(self._ended, process), partial(self._released, process)
        self.selector.register(os.pidfd_open(process), selectors.EVENT_READ, ended)
        self.selector.register(connection, selectors.EVENT_READ, released)
        return None

    def _ended(self, process: int, descriptor: int) -> None:
        """The process is left unreaped until its client has heard of its end, as a child of the client is."""
        self.selector.unregister(descriptor)
        os.close(descriptor)
        end = os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        status = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
        connection = self.running[process]
        if connection is None:
            self._reap(process)
        else:
            self.ended.add(process)
            with suppress(BrokenPipeError):
                connection.sendall(status.to_bytes(4, "big", signed=True))

    def _released(self, process: int, connection: socket.socket) -> None:
        """The client has closed its connection."""
        self.selector.unregister(connection)
        connection.close()
        self.running[process] = None
        if process in self.ended:
            self._reap(process)

    def _reap(self, process: int) -> None:
        os.waitpid(process, 0)
        self.ended.discard(process)
        del self.running[process]


def _become(command: list[str], cwd: str, environment: dict[str, str], imported: dict[str, str]) -> int:
    """Makes this fork the process that `python COMMAND` would be; returns its exit status."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(imported | environment)
    _forget_exits()
    sys.orig_argv = [sys.executable, *command]
    _show(sys.orig_argv)
    import numpy

    numpy.random.seed()
    if environment.get("COVERAGE_PROCESS_CONFIG"):
        import coverage

        coverage.process_startup(force=True)
    gc.enable()
    try:
        if command[0] == "-m":
            sys.path[0], sys.argv = cwd, command[1:]
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            sys.path[0], sys.argv = str(Path(command[0]).parent), command
            runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, int | None):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(status: int) -> None:
    """Ends this fork as an interpreter ends, but for freeing a gigabyte of modules, which takes a second."""
    threading._shutdown()
    atexit._run_exitfuncs()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _forget_exits() -> None:
    """What imports have left to do at the end, as to remove a temporary folder, is left to the server."""
    atexit._clear()
    for finalizer in list(weakref.finalize._registry):
        finalizer.detach()
    weakref.finalize._registered_with_atexit = False
    atexit.register(logging.shutdown)
    atexit.register(multiprocessing.util._exit_function)


def _show(command: list[str]) -> None:
    """Writes the command over the server's, for `ps` and whoever reads it."""
    import ctypes

    start, end = map(int, Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[45:47])
    line = b"".join(os.fsencode(argument) + b"\0" for argument in command)[: end - start - 1]
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, line, len(line))


def main() -> None:
    """Imports the libraries, then serves."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    session, _ = json.loads(_session().read_text())
    before = dict(os.environ)
    for name in LIBRARIES:
        importlib.import_module(name)
    imported = {name: value for name, value in os.environ.items() if before.get(name) != value}
    for name in [name for name in sys.modules if name.split(".")[0] == "openrs"]:
        del sys.modules[name]
    threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    if len([name for name in threads if name != "jemalloc_bg_thd"]) > 1:  # jemalloc provides for forks
        raise RuntimeError(f"these threads run after the imports, and a fork would lack them: {threads}")
    gc.disable()
    gc.freeze()
    server = Server(listener, session)
    request = server.serve()
    if request is None:
        shutil.rmtree(os.environ[FOLDER], ignore_errors=True)
    else:
        _end(_become(*request, imported))


if __name__ == "__main__":
    main()
