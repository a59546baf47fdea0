"""Where a study is kept, and the lock under which trials are handed out."""

import fcntl
import hashlib
import os
import socket
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from openrs.mistake import Mistake

ATTEMPTS = 4
"""How often a database is tried before it counts as down."""

GRACE = 4
"""Missed heartbeats after which a trial's process counts as dead."""


def open_storage(storage: Any, folder: Path, heartbeat: int | None = None) -> BaseStorage:
    """Opens the storage of a sweep.

    Args:
        storage: a database URL, `journal:PATH`, a storage object, or None for SQLite in the folder.
        folder: the sweep's folder.
        heartbeat: seconds between signs of life, where the storage can keep them; None for none.

    Raises:
        Mistake: it cannot be reached.
    """
    if isinstance(storage, BaseStorage):
        return storage
    if storage is None:
        folder.mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{folder / 'study.db'}"
    if storage.startswith("journal:"):
        return JournalStorage(JournalFileBackend(storage.removeprefix("journal:").removeprefix("//")))
    if storage.startswith("grpc://"):
        return _proxy(storage)
    return _database(storage, heartbeat)


def _database(url: str, heartbeat: int | None) -> BaseStorage:
    """A relational database. Workers that start together make its tables at once, and all but one of
    them are told that a table exists: they look again."""
    for attempt in range(ATTEMPTS):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                return RDBStorage(
                    url,
                    heartbeat_interval=heartbeat,
                    grace_period=GRACE * heartbeat if heartbeat else None,
                    engine_kwargs={"connect_args": {"timeout": 60}} if url.startswith("sqlite") else None,
                )
        except (SQLAlchemyError, StorageInternalError, ImportError) as error:
            problem = error
            time.sleep(0.5 * (attempt + 1 < ATTEMPTS))
    told = str(problem.__cause__ or problem).strip().splitlines()[0]
    raise Mistake(
        f"hydra.sweeper.storage={_hidden(url)}: cannot be opened ({told}). Start the server, mend the URL, "
        "or leave it out for SQLite under outputs/sweeps/."
    )


def _proxy(storage: str) -> BaseStorage:
    """Optuna's gRPC proxy: grpc://host:port."""
    from optuna.storages import GrpcStorageProxy

    host, _, port = storage.removeprefix("grpc://").partition(":")
    return GrpcStorageProxy(host=host, port=int(port or 13000))


def _hidden(url: str) -> str:
    """A URL without its password."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


class Lock:
    """Held by one worker of a study at a time, while it takes a trial; free when its holder dies.

    On PostgreSQL and MySQL it is the server's advisory lock, so it holds across machines. Elsewhere it
    is a file in the sweep's folder, so it holds on one machine, or over a shared folder.
    """

    def __init__(self, storage: BaseStorage, name: str, folder: Path) -> None:
        self.name = f"openrs {name}"
        self.engine = getattr(storage, "engine", None)
        self.path = folder / f".{name}.lock"
        self.held: Any = None

    def acquire(self) -> None:
        """Waits for the lock."""
        assert self.held is None
        dialect = self.engine.dialect.name if self.engine is not None else ""
        if dialect == "postgresql":
            self._connect("SELECT pg_advisory_lock(:key)", self._key())
        elif dialect in ("mysql", "mariadb"):
            self._connect("SELECT GET_LOCK(:key, -1)", self.name[:64])
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.held = self.path.open("a")
            fcntl.flock(self.held, fcntl.LOCK_EX)

    def _key(self) -> int:
        digest = hashlib.sha256(self.name.encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    def _connect(self, statement: str, key: int | str) -> None:
        assert self.engine is not None
        connection = self.engine.connect()
        connection.execute(sqlalchemy.text(statement), {"key": key})
        self.held = connection

    def release(self) -> None:
        """Frees the lock; nothing happens if it is free."""
        held, self.held = self.held, None
        if held is None:
            return
        if isinstance(held, sqlalchemy.Connection):
            held.invalidate()  # closes it for good, and with it the server lets go
        held.close()


def me() -> dict[str, Any]:
    """This process, so that others on the machine can see whether it lives."""
    process = psutil.Process()
    return {"host": _host(), "pid": process.pid, "began": process.create_time()}


def _host() -> str:
    """The machine, and the space in which its process numbers count."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()} {space}".strip()


def dead(worker: dict[str, Any]) -> bool:
    """Whether the process is on this machine and gone."""
    if worker["host"] != _host():
        return False
    try:
        process = psutil.Process(worker["pid"])
        return abs(process.create_time() - worker["began"]) > 1 or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
