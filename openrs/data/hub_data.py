"""Data sets of the Hugging Face Hub: one revision becomes one commit, and its files rows.

The Hub's client keeps what it fetched (HF_HOME), so a set that was read once is read again without a
network, at the commit that its revision then meant.
"""

from functools import cache
from pathlib import Path
from typing import Any

from openrs.errors import Absent, Mistake, Unfetched
from openrs.machine.hub_cache import silence

MIRROR = "use catalog=mirror catalog.root=PATH"


@cache
def snapshot(id_: str, revision: str | None) -> Path:
    """The folder of a data set's files at one commit, fetched where they are not kept yet.

    A process asks for a revision once, so all rows that it reads and records are of one commit.

    Args:
        revision: branch, tag or commit; None is the main branch.

    Raises:
        Mistake: the set is gated or not there (`Absent`), lacks the revision, or cannot be reached.
    """
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    at = f"{id_}@{revision}" if revision else id_
    try:
        return Path(snapshot_download(id_, repo_type="dataset", revision=revision))
    except GatedRepoError as error:
        raise Absent(
            f"catalog=hub: {id_} is gated: its authors share it with people who accepted their terms. "
            f"Accept them at https://huggingface.co/datasets/{id_}, then log in with `hf auth login` or "
            "set HF_TOKEN to a token of that account."
        ) from error
    except RevisionNotFoundError as error:
        raise Mistake(
            f"catalog=hub: {id_} has no revision {revision}. Give a branch, a tag or a commit of it, or "
            "null for the main branch."
        ) from error
    except RepositoryNotFoundError as error:
        raise Absent(
            f"catalog=hub: the Hub has no data set {id_}, or it is private. Check its id; for a private one "
            "log in with `hf auth login` or set HF_TOKEN."
        ) from error
    except HFValidationError as error:
        raise Mistake(f"catalog=hub: {id_} is no id of a data set. Give it as ORGANISATION/NAME.") from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:  # no network, a proxy, a server that is down
        raise Unfetched(
            f"catalog=hub: {at} cannot be fetched: {silence(error)}. Check the network "
            f"(once fetched it is read without one), or {MIRROR}."
        ) from error


def commit(id_: str, revision: str | None) -> str:
    """The commit that a revision means, 40 hex digits: the client names its folders so."""
    return snapshot(id_, revision).name


def rows(id_: str, subset: str | None, split: str, revision: str | None) -> list[dict[str, Any]]:
    """Rows of one split.

    Args:
        subset: name of one configuration of the set; None is its only or default one.

    Raises:
        Mistake: the set cannot be had, or has no such split or subset.
    """
    folder = snapshot(id_, revision)
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    try:
        return list(load_dataset(str(folder), name=subset, split=split))
    except Exception as error:  # the readers raise many kinds; the user needs one sentence
        part = f"subset {subset}, split {split}" if subset else f"split {split}"
        raise Mistake(
            f"catalog=hub: {id_} ({part}) cannot be read: {' '.join(str(error).split())}. Check split, "
            f"subset and revision in the catalog, or {MIRROR}."
        ) from error
