"""Benchmarks time whole processes: no command is a fork."""

import pytest

from tests.helpers import fork_server


@pytest.fixture(autouse=True)
def cold(monkeypatch):
    monkeypatch.delenv(fork_server.FOLDER, raising=False)
