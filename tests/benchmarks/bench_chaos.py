"""KILLS kills with -9, each aimed at a write, and what the same command then makes of it.

About 15 minutes on 2 cores for 100 kills: a quarter strikes sweeps with two workers. Every write of an
uninterrupted command is listed, and the kills are spread evenly over the places, and over the writes of each.
After its kill a command is run again until it is done; weights, texts, scores, metrics, records, tables and
trials are then compared with those of the uninterrupted command.
"""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.chaos import JOB, SWEEP, Undisturbed

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

KILLS = int(os.environ.get("KILLS", "100"))
SEED = int(os.environ.get("SEED", "15"))


@pytest.fixture(autouse=True)
def cold():
    """Kills are counted and not timed, so that these commands are forks."""


def test_kills_that_are_aimed_at_every_write_change_nothing(tmp_path):
    chance, ended = random.Random(SEED), {}
    for kind, arguments, number, at_once in (
        ("job", JOB, KILLS - KILLS // 4, 2),
        ("sweep", SWEEP, KILLS // 4, 1),
    ):
        folders = [tmp_path / f"{kind}-{index}" for index in range(number)]
        for folder in (tmp_path / kind, *folders):
            folder.mkdir()
        calm = Undisturbed(arguments, tmp_path / kind)
        with ThreadPoolExecutor(at_once) as pool:
            ended[kind] = [*pool.map(calm.disturbed, calm.kills(chance, number), folders)]
    print(f"\n{'place':<50} kills  struck  identical")
    for kind, all_of_kind in ended.items():
        kills = Counter(one.kill.place for one in all_of_kind)
        struck = Counter(one.kill.place for one in all_of_kind if one.struck)
        identical = Counter(one.kill.place for one in all_of_kind if not one.different)
        for place in kills:
            print(
                f"{kind}: {place:<{48 - len(kind)}} {kills[place]:5} {struck[place]:7} {identical[place]:10}"
            )
    every = [one for all_of_kind in ended.values() for one in all_of_kind]
    struck, identical = sum(one.struck for one in every), sum(not one.different for one in every)
    print(f"{'all':<50} {len(every):5} {struck:7} {identical:10}")
    assert [one for one in every if not one.struck or one.different] == []
