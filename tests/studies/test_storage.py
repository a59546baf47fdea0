"""Studies that cannot be used: each says at once what mends it."""

import sqlite3
from contextlib import closing

import optuna
import pytest

from openrs.errors import Mistake
from openrs.studies import lock, storage
from openrs.studies.storage import open_storage


@pytest.fixture
def file(tmp_path):
    """A study with a trial."""
    study = optuna.create_study(storage=open_storage(None, tmp_path), study_name="a")
    study.tell(study.ask(), 1.0)
    return tmp_path / "study.db"


DAMAGED = {
    "no database": lambda content: b"no database" * 100,
    "half": lambda content: content[: len(content) // 2],
    "zeros inside": lambda content: content[:8192] + b"\0" * 8192 + content[16384:],
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_study_is_to_be_moved_away(file, kind):
    file.write_bytes(DAMAGED[kind](file.read_bytes()))
    with pytest.raises(Mistake) as error:
        optuna.load_study(study_name="a", storage=open_storage(None, file.parent))
    assert f"{file}: cannot be opened" in str(error.value)
    assert "move it away" in str(error.value)
    assert "answer from their records" in str(error.value)


@pytest.mark.slow
def test_a_locked_study_is_said_at_once(file, monkeypatch, capsys):
    monkeypatch.setattr(storage, "LOCKED_SECONDS", 0.5)
    monkeypatch.setattr(storage, "LOOK_SECONDS", 0.2)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Mistake, match=r"database is locked.*Another program holds the file: end it"):
            open_storage(None, file.parent)
        assert capsys.readouterr().err == (
            f"{file}: is locked by another program, waiting for it 0.5 s at most\n"
        )
    assert optuna.load_study(study_name="a", storage=open_storage(None, file.parent)).trials
    assert capsys.readouterr().err == ""


def test_a_folder_that_cannot_be_made_is_named(file):
    with pytest.raises(Mistake, match=f"hydra.sweeper.storage: {file} cannot be made"):
        lock.Lock(f"sqlite:///{file}/study.db", "a").acquire()
    with pytest.raises(Mistake, match="Give a file in a folder that can be written to"):
        open_storage(f"sqlite:///{file.parent}/none/study.db", file.parent)
