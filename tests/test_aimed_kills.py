"""Killed with -9 at each kind of write and run again, a command leaves what an uninterrupted one leaves."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.chaos import JOB, PLACES, SWEEP, Undisturbed

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(1800)]

STUDY = [*PLACES][[*PLACES].index("the study is made") :]
"""Places that only a sweep has."""


@pytest.mark.parametrize(
    ("arguments", "at_once"), [(JOB, 2), (SWEEP, 1)], ids=["a job", "a sweep with two workers"]
)
def test_a_kill_at_any_write_changes_nothing(tmp_path, arguments, at_once):
    calm = Undisturbed(arguments, tmp_path)
    places = STUDY if arguments is SWEEP else [name for name in PLACES if name not in STUDY]
    assert set(places) <= calm.writes.keys()
    seed = random.randrange(10**6)
    print(f"random seed {seed}")
    kills = calm.kills(random.Random(seed), len(places), places)
    folders = [tmp_path / str(number) for number in range(len(kills))]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(at_once) as pool:
        ended = [*pool.map(calm.disturbed, kills, folders)]
    assert [one.kill for one in ended if not one.struck] == []
    assert [one for one in ended if one.different] == []
