"""Evaluations that may stand side by side: those on the same problems, measured in the same way."""

from collections.abc import Collection, Sequence
from functools import lru_cache

from openrs.analysis.devices import NOT_STATED as NOT_STATED
from openrs.analysis.run_records import Evaluation
from openrs.errors import Mistake
from openrs.records.recipe import digest
from openrs.records.scores import Score

TRAITS = {
    "problems": "the benchmark's problems",
    "verifier": "gold answers, scoring rule or verifier version",
    "engine": "generation engine",
    "dtype": "number format of the weights",
    "device": "kind of device",
    "tags": "whether reasoning tags are stripped before scoring",
    "shots": "examples in the prompt",
    "pass_k": "k of pass@k",
}
"""Name, as `--mixed` takes it -> what differs."""
VERIFIERS = ("math-verify", "latex2sympy2-extended")


def allowed(text: str) -> frozenset[str]:
    """Reads a comma-separated list of traits.

    Raises:
        Mistake: a name is not a trait.
    """
    names = frozenset(name for name in text.split(",") if name)
    if unknown := names - TRAITS.keys():
        raise Mistake(
            f"mixed={text}: {', '.join(sorted(unknown))} is none of {', '.join(TRAITS)}. Give some of these."
        )
    return names


def traits(item: Evaluation) -> dict[tuple[str, str], str]:
    """(trait, benchmark or "") -> its value in this evaluation."""
    values = {}
    for title, (first, *_) in item.scores.items():
        values["problems", title] = _problems(first)
        versions = " ".join(f"{name} {first.versions.get(name, NOT_STATED)}" for name in VERIFIERS)
        rule = str(first.imported["metric"]) if first.imported else f"rule {first.scoring_id[:8]}"
        values["verifier", title] = f"{rule}, {versions}"
    for trait in ("engine", "dtype", "device"):
        values[trait, ""] = str(item.settings.get(trait, NOT_STATED))
    values["shots", ""] = f"{item.settings.get('few_shots', 0)}-shot"
    values["pass_k", ""] = f"pass@{item.settings.get('pass_k', 1)}"
    values["tags", ""] = str(item.settings.get("remove_reasoning_tags", False))
    return values


def _problems(score: Score) -> str:
    if score.ids:
        return _set_of(tuple(score.ids))
    examples = (score.imported or {}).get("examples")
    return f"{score.n} problems" + (f" ({examples})" if examples else "")


@lru_cache(maxsize=256)  # thousands of checkpoints are measured on few sets of problems
def _set_of(ids: tuple[str, ...]) -> str:
    return digest(sorted(ids))[:8]


def _binding(item: Evaluation) -> dict[tuple[str, str], str]:
    """The traits in which its neighbours must be like it: a device that is not stated stands beside any."""
    return {key: value for key, value in traits(item).items() if (key[0], value) != ("device", NOT_STATED)}


def conflict(first: Evaluation, second: Evaluation) -> dict[str, tuple[str, str]]:
    """Trait -> the two values, where the evaluations differ in it and that sets them apart."""
    left, right = _binding(first), _binding(second)
    return {
        key[0]: (left[key], right[key]) for key in left if key in right and left[key] != right[key]
    }  # a benchmark that only one of them has tells nothing


def groups(evaluations: Sequence[Evaluation], mixed: Collection[str] = ()) -> list[list[Evaluation]]:
    """Evaluations that may share a table, in their order; each goes to the first group that takes it."""
    parts: list[tuple[list[Evaluation], dict[tuple[str, str], str]]] = []
    for item in evaluations:
        own = {key: value for key, value in _binding(item).items() if key[0] not in mixed}
        for members, common in parts:
            if all(common.get(key, value) == value for key, value in own.items()):
                members.append(item)
                common |= own
                break
        else:
            parts.append(([item], dict(own)))
    return [members for members, _ in parts]


def refuse(evaluations: Sequence[Evaluation], mixed: Collection[str] = ()) -> None:
    """Checks that evaluations may share a table.

    Raises:
        Mistake: some are on nano's benchmarks alone and others on real ones alone, or two of them differ in a
            trait that `mixed` does not name.
    """
    kinds = [{title.startswith("nano-") for title in item.scores} for item in evaluations if item.scores]
    if kinds and not set.intersection(*kinds):
        raise Mistake(
            "these runs have scores on nano and on real benchmarks, which are never put into one table. Keep "
            "them in two outputs folders (outputs=PATH)."
        )
    first, *others = groups(evaluations, mixed)
    if not others:
        return
    row = others[0][0]
    conflicts = ((other, conflict(other, row)) for other in first)
    other, values = next((o, v) for o, v in conflicts if v.keys() - set(mixed))
    names = sorted(values.keys() - set(mixed))
    left, right = values[names[0]]
    raise Mistake(
        f"{other.run.name} step {other.step} and {row.run.name} step {row.step} differ in "
        f"{TRAITS[names[0]]} ({left}; {right}), so their numbers are not comparable. Put them into "
        f"separate tables, or mix them with --mixed {','.join(names)}."
    )


def differing(evaluations: Sequence[Evaluation]) -> dict[str, list[str]]:
    """Trait -> its values over these evaluations, where there are several."""
    values: dict[tuple[str, str], set[str]] = {}
    for item in evaluations:
        for key, value in traits(item).items():
            values.setdefault(key, set()).add(value)
    several: dict[str, set[str]] = {}
    for (trait, _), members in values.items():
        if len(members) > 1:
            several.setdefault(trait, set()).update(members)
    return {trait: sorted(members) for trait, members in several.items()}
