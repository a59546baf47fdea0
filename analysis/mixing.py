"""Which rows may stand side by side: those measured on the same problems in the same way."""

from collections.abc import Collection

from openrs.analysis.records import Row
from openrs.errors import Mistake
from openrs.records.recipe import digest
from openrs.records.scores import Score

TRAITS = {
    "problems": "the benchmark's problems",
    "verifier": "gold answers, scoring rule or verifier version",
    "engine": "generation engine",
    "dtype": "number format of the weights",
    "tags": "whether reasoning tags are stripped before scoring",
}
"""Name, as `--mixed` takes it -> what differs."""
NOT_STATED = "not stated"
VERIFIERS = ("math-verify", "latex2sympy2-extended")


def allowed(text: str) -> frozenset[str]:
    """Reads a comma-separated list of traits.

    Raises:
        Mistake: a name that is none.
    """
    names = frozenset(name for name in text.split(",") if name)
    if unknown := names - TRAITS.keys():
        raise Mistake(
            f"mixed={text}: {', '.join(sorted(unknown))} is none of {', '.join(TRAITS)}. Give some of these."
        )
    return names


def traits(row: Row) -> dict[tuple[str, str], str]:
    """(trait, benchmark or "") -> its value in this row."""
    found = {}
    for title, (first, *_) in row.cells.items():
        found["problems", title] = _problems(first)
        versions = " ".join(f"{name} {first.versions.get(name, NOT_STATED)}" for name in VERIFIERS)
        rule = str(first.imported["metric"]) if first.imported else f"rule {first.scoring_id[:8]}"
        found["verifier", title] = f"{rule}, {versions}"
    for trait in ("engine", "dtype"):
        found[trait, ""] = str(row.settings.get(trait, NOT_STATED))
    found["tags", ""] = str(row.settings.get("remove_reasoning_tags", False))
    return found


def _problems(score: Score) -> str:
    if score.ids:
        return digest(sorted(score.ids))[:8]
    examples = (score.imported or {}).get("examples")
    return f"{score.n} problems" + (f" ({examples})" if examples else "")


def conflict(first: Row, second: Row) -> dict[str, tuple[str, str]]:
    """Trait -> the two values, where the rows differ in it."""
    left, right = traits(first), traits(second)
    return {
        key[0]: (left[key], right[key]) for key in left if key in right and left[key] != right[key]
    }  # a benchmark that only one row has tells nothing


def groups(rows: list[Row], mixed: Collection[str] = ()) -> list[list[Row]]:
    """Rows that may share a table, in the order given; each goes to the first group that takes it."""
    made: list[list[Row]] = []
    merged: list[dict[tuple[str, str], str]] = []
    for row in rows:
        mine = {key: value for key, value in traits(row).items() if key[0] not in mixed}
        for members, common in zip(made, merged, strict=True):
            if all(common.get(key, value) == value for key, value in mine.items()):
                members.append(row)
                common |= mine
                break
        else:
            made.append([row])
            merged.append(dict(mine))
    return made


def refuse(rows: list[Row], mixed: Collection[str] = ()) -> None:
    """Checks that rows may share a table.

    Raises:
        Mistake: two of them differ in a trait that `mixed` does not name.
    """
    first, *others = groups(rows, mixed)
    if others:
        row = others[0][0]
        told = ((other, conflict(other, row)) for other in first)
        other, found = next((o, f) for o, f in told if f.keys() - set(mixed))
        names = sorted(found.keys() - set(mixed))
        left, right = found[names[0]]
        raise Mistake(
            f"{other.run.name} step {other.step} and {row.run.name} step {row.step} differ in "
            f"{TRAITS[names[0]]} ({left}; {right}), so their numbers are not comparable. Put them into "
            f"separate tables, or mix them with --mixed {','.join(names)}."
        )


def differing(rows: list[Row]) -> dict[str, list[str]]:
    """Trait -> its values over these rows, where there are several."""
    values: dict[str, dict[tuple[str, str], set[str]]] = {}
    for row in rows:
        for (trait, title), value in traits(row).items():
            values.setdefault(trait, {}).setdefault((trait, title), set()).add(value)
    made = {}
    for trait, by_title in values.items():
        several = sorted({value for found in by_title.values() if len(found) > 1 for value in found})
        if several:
            made[trait] = several
    return made
