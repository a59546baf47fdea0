"""Files of which values or bytes are others than those that were written."""

import json
import random
from collections.abc import Iterator
from typing import Any

ODD = (None, True, "", "x", "9" * 5000, -1, 0, 7.5, 1e308, 10**30, [], [1], {}, {"a": 1}, "\ud800")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a JSON value."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in children:
        yield (*path, key)
        yield from places(item, (*path, key))


def mutated(document: Any, chance: random.Random) -> str:
    """A document of which one to three values are others or absent."""
    document = json.loads(json.dumps(document))
    for _ in range(chance.randint(1, 3)):
        *path, last = chance.choice(list(places(document)) or [("results",)])
        parent = document
        for key in path:
            parent = parent[key]
        if isinstance(parent, dict) and chance.random() < 0.2:
            parent.pop(last, None)
        else:
            parent[last] = chance.choice(ODD)
    return json.dumps(document)


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Bytes that are cut, or of which some are others."""
    changed = bytearray(content)
    if chance.random() < 0.3:
        return bytes(changed[: chance.randrange(len(changed))])
    for _ in range(chance.randint(1, 5)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)
