"""What a curation leaves on disk: the curated set, its control arm, the verdicts, and a record.

outputs/curated/<name>/curated.jsonl    what the filters kept, a source of any mix
                       control.jsonl    as many problems, drawn before the filters
                       verdicts.jsonl   every problem: verdict, reason, rates
                       curation.json    settings, counts, fingerprints; written last
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from openrs.config.curation import Curation, Filter, Pool
from openrs.curate.pools import FilteredPool, control, curated
from openrs.data.mix import answer
from openrs.data.rows import Row
from openrs.errors import Mistake
from openrs.records.files import write_lines, write_record
from openrs.records.left_out import checked_record
from openrs.records.recipe import digest
from openrs.records.run import provenance


def identity(curation: Curation, outcomes: Mapping[str, FilteredPool], answers: Mapping[str, Any]) -> str:
    """Names all that decides the curated set: rows, filters, and who answers.

    Args:
        answers: title of a filter -> what decides its answers.
    """
    pools = {name: _stated(pool) for name, pool in curation.pools.items()}
    return digest(
        {
            "pools": list(pools.items()),
            "order": {name: list(pool["filters"]) for name, pool in pools.items()},
            "rows": {name: outcome.origin["fingerprint"] for name, outcome in outcomes.items()},
            "seeds": [curation.seed, curation.max_problems],
            "asked": dict(answers),
        }
    )


def _stated(pool: Pool) -> dict[str, Any]:
    """What a pool states beyond the defaults, so that a later field with one changes no id."""
    plain = {name: value for name, value in asdict(Pool()).items() if name != "filters"}
    stated = {name: value for name, value in asdict(pool).items() if plain.get(name, ...) != value}
    filters = {
        key: {name: value for name, value in item.items() if asdict(Filter(kind="boxed"))[name] != value}
        | {"kind": item["kind"]}
        for key, item in stated.pop("filters").items()
    }
    for group in (stated, *filters.values()):
        group.pop("published", None)
    return stated | {"filters": filters}


def read(folder: Path, id_: str) -> dict[str, Any] | None:
    """The record of a curation that is done, or None.

    Raises:
        Mistake: the folder holds another curation, or a damaged record.
    """
    record = checked_record(folder / "curation.json", _fault)
    if record is not None and record["id"] != id_:
        raise Mistake(
            f"curation.name={folder.name}: {folder} holds another curation ({record['id'][:8]}, not "
            f"{id_[:8]}: other rows, filters or models). Give this one another name, as curation.name=NAME."
        )
    return record


def write(folder: Path, id_: str, curation: Curation, outcomes: Mapping[str, FilteredPool]) -> dict[str, Any]:
    """Writes the files, the record last; returns the record.

    Raises:
        Mistake: the filters keep nothing.
    """
    kept = curated(outcomes)
    if not kept:
        raise Mistake(
            f"curation.name={curation.name}: the filters keep no problem. Loosen one; a dry run shows what "
            "each leaves out, and why."
        )
    arms = {"curated": kept, "control": control(outcomes, kept, curation.seed)}
    for name, rows in arms.items():
        write_lines(folder / f"{name}.jsonl", (_line(row, outcomes) for row in rows))
    lines = (
        _verdict(name, row, outcome)
        for name, outcome in outcomes.items()
        for row in outcome.raw
        if row["id"] in outcome.verdicts
    )
    write_lines(folder / "verdicts.jsonl", lines)
    record = {
        "name": curation.name,
        "id": id_,
        "curation": asdict(curation),
        "sources": {name: outcome.origin for name, outcome in outcomes.items()},
        "stages": {name: [asdict(stage) for stage in outcome.stages] for name, outcome in outcomes.items()},
        "rows": {name: len(rows) for name, rows in arms.items()},
        # as `catalog.origin` names the rows of a source that is read from the file
        "fingerprints": {
            name: digest([[row["problem"], row["solution"]] for row in rows]) for name, rows in arms.items()
        },
        "invocation": provenance(),
    }
    write_record(folder / "curation.json", record)
    return record


def _line(row: Row, outcomes: Mapping[str, FilteredPool]) -> dict[str, Any]:
    """A row of a source: what a draw and its filters read, and the pass rates."""
    verdicts = outcomes[row["pool"]].verdicts.get(row["id"], {})
    rates = {key: verdict.details["rate"] for key, verdict in verdicts.items() if "rate" in verdict.details}
    columns = {
        "problem": row["problem"],
        "answer": answer(row),
        "solution": row["worked"],
        "difficulty": row["difficulty"],
        "pool": row["pool"],
    }
    return columns | ({"rates": rates} if rates else {})


def _verdict(pool: str, row: Row, outcome: FilteredPool) -> dict[str, Any]:
    """The verdict on a problem, with what each filter said."""
    verdicts = outcome.verdicts[row["id"]]
    out = next(((key, verdict) for key, verdict in verdicts.items() if not verdict.kept), None)
    return {
        "id": row["id"],
        "pool": pool,
        "kept": out is None,
        "left_out_by": out[0] if out else None,
        "reason": out[1].reason if out else "passed every filter",
        "filters": {key: verdict.details for key, verdict in verdicts.items() if verdict.details},
    }


def _fault(record: dict[str, Any]) -> str | None:
    groups: Sequence[str] = ("curation", "stages", "rows", "fingerprints")
    lacking = [name for name in groups if not isinstance(record.get(name), dict)]
    if not isinstance(record.get("id"), str):
        return "id is no text"
    return f"{lacking[0]} is no group of fields" if lacking else None
