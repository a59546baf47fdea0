"""Where a study is kept, and the lock under which trials are handed out."""

import fcntl
import hashlib
import time
import warnings
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from openrs.errors import Mistake
from openrs.sweep.heartbeat import GRACE, Database
from openrs.sweep.process import WORKER, host

ATTEMPTS = 4
"""How often a database is tried before it counts as down."""


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
        return _journal(storage)
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
                return Database(
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


def _journal(storage: str) -> BaseStorage:
    """Optuna's journal, a file that is only appended to: journal:PATH."""
    try:
        return JournalStorage(JournalFileBackend(storage.removeprefix("journal:").removeprefix("//")))
    except OSError as error:
        raise Mistake(
            f"hydra.sweeper.storage={storage}: cannot be opened ({error.strerror}). Give a file in a folder "
            "that is there and can be written to."
        ) from error


def _proxy(storage: str) -> BaseStorage:
    """Optuna's gRPC proxy: grpc://host:port."""
    from optuna.storages import GrpcStorageProxy

    host, _, port = storage.removeprefix("grpc://").partition(":")
    if not host or not (port or "13000").isdecimal():
        raise Mistake(f"hydra.sweeper.storage={storage}: is no address. Give it as grpc://HOST:PORT.")
    proxy = GrpcStorageProxy(host=host, port=int(port or 13000))
    try:
        proxy.wait_server_ready(timeout=10)
    except ConnectionError as error:
        raise Mistake(
            f"hydra.sweeper.storage={storage}: nothing answers there. Start it with "
            "`optuna storage grpc-proxy`, or give the database's own URL."
        ) from error
    return proxy


def one_machine(storage: BaseStorage, study: optuna.Study) -> None:
    """Refuses workers of another machine where the lock under which trials are taken is this machine's.

    Raises:
        Mistake: another machine runs a trial of the study through a gRPC proxy.
    """
    if not isinstance(storage, optuna.storages.GrpcStorageProxy):
        return
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        worker = trial.user_attrs.get(WORKER)
        if worker is not None and worker["host"] != host():
            raise Mistake(
                f"hydra.sweeper.storage: {worker['host'].split()[0]} runs trial {trial.number} of this "
                "study, and through a gRPC proxy one machine alone can take trials. Give both the database's "
                "own URL."
            )


def _hidden(url: str) -> str:
    """A URL without its password."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


class Lock:
    """Held by one worker of a study at a time, while it takes a trial; free when its holder dies.

    On PostgreSQL and MySQL it is the server's advisory lock, so it holds across machines. Elsewhere it
    is a file: beside the database or journal file, so that whoever shares that shares the lock, or else in
    the sweep's folder.
    """

    def __init__(self, storage: BaseStorage, name: str, folder: Path) -> None:
        self.name = f"openrs {name}"
        self.engine = getattr(storage, "engine", None)
        kept = _file(storage)
        self.path = (folder / "study" if kept is None else kept).with_name(f".{name.replace('/', '_')}.lock")
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


def _file(storage: BaseStorage) -> Path | None:
    """The file that a study is kept in, if it is one."""
    if isinstance(storage, JournalStorage) and isinstance(storage._backend, JournalFileBackend):
        return Path(storage._backend._file_path).absolute()
    engine = getattr(storage, "engine", None)
    if engine is not None and engine.dialect.name == "sqlite" and engine.url.database:
        return Path(engine.url.database).absolute()
    return None
