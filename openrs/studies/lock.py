"""The lock under which the workers of a study take its trials."""

import fcntl
import hashlib
from pathlib import Path
from typing import Any

import sqlalchemy

from openrs.errors import Mistake
from openrs.studies.storage import JOURNAL, journal_file


class Lock:
    """Held by one worker of a study at a time, while it takes a trial; free when its holder dies.

    On PostgreSQL the lock is the server's advisory lock, so it holds across machines. Elsewhere it is a file
    beside the database or journal file: workers that share the one share the other.

    Args:
        url: of the study's storage.
        name: of the study.
    """

    def __init__(self, url: str, name: str) -> None:
        self.name = f"openrs {name}"
        self.engine: sqlalchemy.Engine | None = None
        self.path = Path()
        if url.startswith("postgresql"):
            self.engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        else:
            file = journal_file(url) if url.startswith(JOURNAL) else sqlalchemy.make_url(url).database
            self.path = Path(file or "study").absolute().with_name(f".{name.replace('/', '_')}.lock")
        self.held: Any = None

    def acquire(self) -> None:
        """Waits for the lock."""
        assert self.held is None
        if self.engine is not None:
            connection = self.engine.connect()
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": self._key()})
            self.held = connection
        else:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise Mistake(
                    f"hydra.sweeper.storage: {self.path.parent} cannot be made ({error.strerror}). Give "
                    "another outputs, hydra.sweep.dir or storage."
                ) from error
            self.held = self.path.open("a")
            fcntl.flock(self.held, fcntl.LOCK_EX)

    def _key(self) -> int:
        digest = hashlib.sha256(self.name.encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    def release(self) -> None:
        """Frees the lock; nothing happens if it is free."""
        held, self.held = self.held, None
        if held is not None:
            held.close()  # without a pool the connection ends with it, and the server lets go
