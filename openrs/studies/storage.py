"""Where a study is kept: SQLite, PostgreSQL, or Optuna's journal."""

import re
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import SQLAlchemyError

from openrs.errors import Mistake
from openrs.records.masking import masked
from openrs.terminal import say

JOURNAL = "journal:"
SQLITE = "sqlite"
ATTEMPTS = 4
"""How often a database is tried before it counts as down."""
LOOK_SECONDS, LOCKED_SECONDS = 2.0, 60.0
"""Seconds to wait for a locked file: a reader's, and a writer's."""
HOPELESS = re.compile("locked|not a database|malformed|unable to open")
"""What SQLite says where trying again cannot help."""

optuna.logging.set_verbosity(optuna.logging.ERROR)


def address(storage: Any, folder: Path) -> str:
    """The URL of a sweep's storage: the given one, or SQLite in the sweep's folder.

    Raises:
        Mistake: the URL names a storage other than SQLite, PostgreSQL and a journal.
    """
    if storage is None:
        return f"sqlite:///{folder / 'study.db'}"
    url = str(storage)
    if url.split(":")[0].split("+")[0] not in ("sqlite", "postgresql", "journal"):
        raise Mistake(
            f"hydra.sweeper.storage={masked(url)}: is no storage of sweeps. Give sqlite:///PATH, "
            "postgresql+psycopg://USER@HOST/DATABASE, or journal:PATH (a file in a shared folder), or leave "
            "it out for SQLite under outputs/sweeps/."
        )
    return url


def open_storage(storage: Any, folder: Path) -> BaseStorage:
    """Opens the storage of a sweep.

    Args:
        storage: a database URL, `journal:PATH`, or None for SQLite in the folder.
        folder: the sweep's folder.

    Raises:
        Mistake: the storage is of another kind, or cannot be reached.
    """
    url = address(storage, folder)
    if storage is None:
        folder.mkdir(parents=True, exist_ok=True)
    return _journal(url) if url.startswith(JOURNAL) else _database(url)


def open_existing(storage: str) -> BaseStorage:
    """Opens a storage for a reader, without making a file.

    Raises:
        Mistake: no file lies there, or the storage cannot be opened.
    """
    file = storage.removeprefix(JOURNAL)
    if storage.startswith(SQLITE):
        file = storage.partition(":///")[2].partition("?")[0]
    kept_in_file = storage.startswith((SQLITE, JOURNAL)) and not file.startswith("file:")
    if kept_in_file and not Path(file).is_file():
        raise Mistake(f"--storage {masked(storage)}: no file lies at {file}. Check the path.")
    return open_storage(storage, Path())


def _database(url: str) -> BaseStorage:
    """A relational database. Workers that start together make its tables at once, and all but one of
    them are told that a table exists: they try again."""
    settings = None
    if url.startswith(SQLITE):
        read_only = "mode=ro" in url
        settings = {"connect_args": {"timeout": LOOK_SECONDS if read_only else LOCKED_SECONDS}}
        if not read_only:
            _say_where_locked(url)
    for attempt in range(ATTEMPTS):
        try:
            return RDBStorage(url, engine_kwargs=settings)
        except (SQLAlchemyError, StorageInternalError, ImportError) as error:
            problem = error
            if HOPELESS.search(_reason(error)):
                break
            time.sleep(0.5 * (attempt + 1 < ATTEMPTS))
    raise unusable(url, problem) from problem


def _say_where_locked(url: str) -> None:
    """Says at once what a worker would wait for: other workers lock the file for moments."""
    file = sqlalchemy.make_url(url).database
    if not file or not Path(file).is_file():
        return
    with suppress(sqlite3.Error), closing(sqlite3.connect(file, LOOK_SECONDS, isolation_level=None)) as probe:
        try:
            probe.execute("BEGIN EXCLUSIVE")
            probe.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                say(f"{file}: is locked by another program, waiting for it {LOCKED_SECONDS:g} s at most")


def _reason(error: BaseException) -> str:
    return masked(str(error.__cause__ or error).strip().splitlines()[0])


def unusable(url: str, error: BaseException) -> Mistake:
    """The mistake of a storage that cannot be used, with the remedy for its cause."""
    reason, at = _reason(error), f"hydra.sweeper.storage={masked(url)}"
    if not url.startswith(SQLITE):
        remedy = "Start the server, mend the URL, or leave it out for SQLite under outputs/sweeps/"
    elif "locked" in reason:
        remedy = "Another program holds the file: end it (a database viewer, a worker that stands still)"
    elif "open" not in reason and HOPELESS.search(reason):
        remedy = (
            "The file is damaged: move it away. The sweep then makes a new study, and runs that are done "
            "answer from their records"
        )
    else:
        remedy = "Give a file in a folder that can be written to"
    return Mistake(f"{at}: cannot be opened ({reason}). {remedy}.")


def _journal(url: str) -> BaseStorage:
    """Optuna's journal, a file that is only appended to."""
    try:
        return JournalStorage(JournalFileBackend(str(journal_file(url))))
    except OSError as error:
        raise Mistake(
            f"hydra.sweeper.storage={url}: cannot be opened ({error.strerror}). Give a file in a folder "
            "that exists and can be written to."
        ) from error


def journal_file(url: str) -> Path:
    """The file of a journal's URL."""
    return Path(url.removeprefix(JOURNAL).removeprefix("//"))


def trial_id(study: optuna.Study, storage: BaseStorage, number: int) -> int:
    """The storage's own number of a study's trial."""
    study_id = storage.get_study_id_from_name(study.study_name)
    return storage.get_trial_id_from_study_id_trial_number(study_id, number)


def trial_of(study: optuna.Study, storage: BaseStorage, number: int) -> optuna.Trial:
    """A study's trial, to be written by a process that did not start it."""
    return optuna.Trial(study, trial_id(study, storage, number))
