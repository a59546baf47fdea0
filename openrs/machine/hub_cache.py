"""Models and data sets of the Hub, as its cache has them or the Hub itself."""

import re
from pathlib import Path

from openrs.errors import Mistake, causes
from openrs.machine.services import PATIENCE, reaches, within

COMMIT = re.compile(r"[0-9a-f]{40}")
"""A commit of a repository of the Hub."""


def hub_file(id_: str, name: str, revision: str | None) -> Path | None:
    """A file of a model, from the Hub's cache or the Hub; None where neither has it.

    Raises:
        Mistake: the Hub has no such model, or no such revision of it.
    """
    return _cached(id_, name, revision) or _downloaded(id_, name, revision)


def hub_snapshot(id_: str, revision: str | None) -> Path | None:
    """The folder of a model in the Hub's cache; None where it is not there."""
    file = _cached(id_, "config.json", revision)
    return file.parent if file else None


def hub_commit(id_: str, revision: str | None) -> str | None:
    """The commit that a revision of a model means now, by the Hub or else by its cache; None where neither
    tells.

    Raises:
        Mistake: the Hub has no such model, or no such revision of it.
    """
    if revision is not None and COMMIT.fullmatch(revision):
        return revision
    # a download, as it notes in the cache what the revision means, for days without a network
    file = _downloaded(id_, "config.json", revision) or _cached(id_, "config.json", revision)
    return file.parent.name if file else None


def _cached(id_: str, name: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        file = try_to_load_from_cache(id_, name, revision=revision)
    except HFValidationError:  # no id
        return None
    return Path(file) if isinstance(file, str) else None


def _downloaded(id_: str, name: str, revision: str | None) -> Path | None:
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if constants.HF_HUB_OFFLINE or not reaches(constants.ENDPOINT, PATIENCE):
        return None  # the client would try for half a minute
    try:
        return Path(hf_hub_download(id_, name, revision=revision))
    except GatedRepoError:  # its terms are said with what else a run needs
        return None
    except RevisionNotFoundError as error:
        raise Mistake(
            f"model.revision={revision}: {id_} has no such revision. Give a branch, a tag or a commit of it, "
            "or null for the main branch."
        ) from error
    except RepositoryNotFoundError as error:
        raise Mistake(
            f"model={id_}: the Hub has no such model, or it is private. Check its id; for a private one "
            "log in with `hf auth login` or set HF_TOKEN."
        ) from error
    except Exception:  # no such file, no permission, a server that is down: the client raises many kinds
        return None


def silence(error: BaseException) -> str:
    """Why the Hub did not give what was asked of it, in words for a person."""
    import httpx
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    for one in causes(error):
        if isinstance(one, OfflineModeIsEnabled):
            return "HF_HUB_OFFLINE is set"
        if isinstance(one, httpx.TimeoutException):
            return f"{constants.ENDPOINT} does not answer in time"
        if isinstance(one, httpx.TransportError):  # no network, no such host, a proxy, a line that breaks
            return f"no network reaches {constants.ENDPOINT}"
        if isinstance(one, HfHubHTTPError) and one.response is not None:
            return f"{constants.ENDPOINT} answers with HTTP status {one.response.status_code}"
        if isinstance(one, OSError) and one.errno is not None:
            return one.strerror or type(one).__name__
    return " ".join(str(error).split()).rstrip(".")


def newest_commit(id_: str, revision: str | None) -> str | None:
    """The commit that a revision of a model has on the Hub; None where it does not tell. The cache stays."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

    if constants.HF_HUB_OFFLINE or not reaches(constants.ENDPOINT, PATIENCE):
        return None
    url = hf_hub_url(id_, "config.json", revision=revision)
    return within(PATIENCE, lambda: get_hf_file_metadata(url).commit_hash)


def in_hub_cache(kind: str, id_: str, commit: str | None = None) -> bool:
    """Whether the Hub's cache holds a repository (`kind` is models or datasets), of models the weights.

    Args:
        commit: None is any.
    """
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"{kind}--{id_.replace('/', '--')}"
    files = folder.glob(f"snapshots/{commit or '*'}/*")
    return any(kind != "models" or file.suffix in (".safetensors", ".bin") for file in files)
