"""Completions on their way: stored a line each, read back after a kill."""

from openrs.engines import Completion
from openrs.evaluate.unfinished import UnfinishedCompletions

MADE = {
    "a": Completion([1, 2, 3], False),
    "b": Completion([4], True),
    "c": Completion([], False, "a server's words\nin two lines é", 7),
}


def written(path):
    partial = UnfinishedCompletions(path)
    for problem, completion in MADE.items():
        partial.append(problem, completion, 0.5, "CPU")
    return partial


def test_what_is_appended_is_read_back(tmp_path):
    partial = written(tmp_path / "deep" / "seed-1.partial.jsonl")
    again = UnfinishedCompletions(partial.path)
    assert again.read() == MADE
    assert again.seconds == 1.5
    assert again.devices == {"CPU"}
    again.append("d", Completion([5], False), 0.5, "NVIDIA A40")
    assert again.devices == {"CPU", "NVIDIA A40"}
    partial.remove()
    assert UnfinishedCompletions(partial.path).read() == {}
    partial.remove()  # of nothing is nothing


def test_a_torn_line_costs_that_line_alone(tmp_path):
    partial = written(tmp_path / "seed-1.partial.jsonl")
    whole = partial.path.read_bytes()
    partial.path.write_bytes(whole[:-9])
    assert set(UnfinishedCompletions(partial.path).read()) == {"a", "b"}
    again = UnfinishedCompletions(partial.path)
    again.append("d", Completion([5], False), 0.25)
    found = again.read()
    assert set(found) == {"a", "b", "d"}
    assert again.seconds == 1.25
    assert partial.path.read_bytes().startswith(whole[:-9])


def test_a_line_without_a_device_is_of_an_older_version(tmp_path):
    path = tmp_path / "seed-1.partial.jsonl"
    path.write_text('{"id": "a", "tokens": [1], "truncated": false, "seconds": 1.0}\n')
    partial = UnfinishedCompletions(path)
    assert set(partial.read()) == {"a"}
    assert partial.devices == {""}


def test_the_length_is_the_servers_count_where_no_ids_are_told():
    assert [item.length for item in MADE.values()] == [3, 1, 7]
