"""Joining a stored study: one that searched over the seed is no study of replicates."""

import optuna
import pytest

from openrs.errors import Mistake
from openrs.sweep.joining import join

QUESTION = {"space": {}, "fixed": {}, "deletions": [], "grid": False, "objectives": ["average"]}


@pytest.mark.parametrize(
    ("stored", "asked", "message"),
    [
        ({}, {"replicates": [1, 2]}, "s searches over the seed, this command runs each proposal"),
        ({"replicates": [1, 2]}, {}, "s runs each proposal with every seed, this command searches"),
    ],
)  # fmt: skip
def test_a_study_that_searched_over_the_seed_is_refused_by_name(stored, asked, message):
    storage = optuna.storages.InMemoryStorage()
    join(storage, "s", QUESTION | stored, ["maximize"])
    assert join(storage, "s", QUESTION | stored, ["maximize"])[1] is False
    with pytest.raises(Mistake, match=f"seed: the study {message}"):
        join(storage, "s", QUESTION | asked, ["maximize"])
