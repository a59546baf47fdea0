"""What sweep tests run: the stub application, and a PostgreSQL server of their own."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers import commands

STUB = Path(__file__).with_name("stub.py")


class Stub:
    """The stub application with one log and one sweep folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self._options = ("-m", f"log={self.log}", f"hydra.sweep.dir={folder}/sweep")

    def start(self, *arguments: str, **environment: str) -> commands.Process:
        """Starts a worker."""
        return commands.start(*self._options, *arguments, module=str(STUB), cwd=self.folder, **environment)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a worker to its end."""
        return commands.openrs(*self._options, *arguments, module=str(STUB), cwd=self.folder, **environment)

    def ran(self) -> list[str]:
        """The points that were run, in order, as "x y"."""
        if not self.log.exists():
            return []
        return [line.rsplit(" ", 1)[0] for line in self.log.read_text().splitlines()]

    def told(self) -> dict[str, str]:
        """Point -> value of the environment variable that the stub was asked to tell."""
        lines = self.log.with_suffix(".told").read_text().splitlines()
        return dict(line.split(" ", 1) for line in lines)

    @property
    def storage(self) -> str:
        """The default storage."""
        return f"sqlite:///{self.folder}/sweep/study.db"


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """A stub sweep in a folder of its own."""
    return Stub(tmp_path)


def _find(program: str) -> str | None:
    """A program of PostgreSQL; Debian keeps them off the path."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / program).exists():
            return str(folder / program)
    return shutil.which(program)


def _as_postgres(command: list[str]) -> list[str]:
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return command
    return ["runuser", "-u", "postgres", "--", *command]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Starts a PostgreSQL server on loopback and gives URLs of new databases on it."""
    initdb, control = _find("initdb"), _find("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the driver is not installed (the extra `postgres`)")
    sqlalchemy = pytest.importorskip("sqlalchemy")
    owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="openrs-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = str(folder / "data")
    subprocess.run(
        _as_postgres([initdb, "-D", data, "-A", "trust", "-U", owner, "--no-sync"]),
        check=True, capture_output=True, cwd="/",
    )  # fmt: skip
    options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run(
        _as_postgres([control, "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start"]),
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    server = f"postgresql+psycopg://{owner}@127.0.0.1:{port}"
    made = 0

    def database() -> str:
        nonlocal made
        made += 1
        engine = sqlalchemy.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE sweep{made}"))
        engine.dispose()
        return f"{server}/sweep{made}"

    yield database
    subprocess.run(
        _as_postgres([control, "-D", data, "-m", "immediate", "stop"]), capture_output=True, cwd="/"
    )
    shutil.rmtree(folder, ignore_errors=True)
