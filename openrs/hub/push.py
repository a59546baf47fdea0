"""Pushes a run's checkpoints to the Hugging Face Hub, each with its model card; off unless asked.

A repository holds one run. Every checkpoint is one commit on `main` (weights, tokenizer, card and
`openrs.json`, which names the run), and a branch `<run>-step-<n>` keeps the checkpoint under a name of its
own. The branch's card is rewritten when the checkpoint was scored. TRL's own push (`push_to_hub`) is not
used: it writes another card, commits the optimizer's state, and its failure ends a training.

    <run>/hub.json                              the repository, once `preflight` was through
    <run>/train/checkpoint-50/pushed.json       the commit that carries this checkpoint
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

from openrs.config.schema import Config
from openrs.errors import Mistake
from openrs.machine.hub_cache import silence
from openrs.records.checkpoints import PUSHED, published, whole_checkpoints
from openrs.records.files import read_record, write_record
from openrs.records.recipe import digest
from openrs.records.run import Run
from openrs.terminal import say

Card = Callable[[Run, int, str], str]
"""Makes the card of a run's checkpoint from the step and the name on the Hub (`user/name@branch`)."""

MANIFEST = "openrs.json"
"""File of a repository that names the run it belongs to."""

ADDRESS = "hub.json"
FAILURES = (OSError, httpx.HTTPError, ValueError)
"""What the Hub's client raises; a refusal (HfHubHTTPError) is an OSError."""


def preflight(config: Config, run: Run, card: Card) -> "Repository":
    """Checks before training starts that the Hub will take pushes: key, network, right to write.

    Creates the repository where there is none, and claims it for this run with a first commit.

    Raises:
        Mistake: there is no key or no network, a push is refused, or the repository holds other work.
    """
    name = config.hub.model_id or f"OpenRS-GRPO-{run.folder.name}"
    api = HfApi()
    try:
        api.whoami()
        repository = api.create_repo(name, private=config.hub.private, exist_ok=True).repo_id
        api.auth_check(repository, write=True)
        _claim(api, repository, run)
    except LocalTokenNotFoundError as error:
        raise Mistake(
            "hub.push=true: there is no Hub key on this machine. Log in with `hf auth login` or set "
            "HF_TOKEN, or leave hub.push off (push later: the same command with hub.push=true)."
        ) from error
    except HfHubHTTPError as error:
        raise Mistake(
            f"hub.push=true: {name} is refused by {api.endpoint}: {_sentence(error)}. Use a key that "
            "may write (`hf auth login --force`), another hub.model_id, or leave hub.push off."
        ) from error
    except HFValidationError as error:
        raise Mistake(
            f"hub.model_id={name}: {_sentence(error)}. Give `name` or `user/name`, as "
            "hub.model_id=OpenRS-GRPO."
        ) from error
    except (OSError, httpx.HTTPError) as error:
        raise Mistake(
            f"hub.push=true: {silence(error)}. Check the network (and "
            "HF_HUB_OFFLINE), or leave hub.push off (push later: the same command with hub.push=true)."
        ) from error
    write_record(run.folder / ADDRESS, {"repository": repository, "endpoint": api.endpoint})
    return Repository(run, repository, card)


def _claim(api: HfApi, repository: str, run: Run) -> None:
    """Writes the run's id into an empty repository; refuses one that holds anything else."""
    files = set(api.list_repo_files(repository)) - {".gitattributes", "README.md"}
    if not files:
        api.create_commit(
            repository, [CommitOperationAdd(MANIFEST, _manifest(run, 0))], commit_message="openrs: a new run"
        )
        return
    manifest = {}
    if MANIFEST in files:
        manifest = json.loads(Path(api.hf_hub_download(repository, MANIFEST)).read_text(encoding="utf-8"))
    if manifest.get("id") != run.id:
        content = f"the run {manifest['run']}" if manifest else "files that openrs did not push"
        raise Mistake(
            f"hub.model_id={repository}: holds {content}, and openrs overwrites nothing. Give another "
            "hub.model_id, or null for one repository a run."
        )


def _manifest(run: Run, step: int) -> bytes:
    content = {"run": run.folder.name, "id": run.id, "step": step, "recipe": run.recipe}
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def _sentence(error: Exception) -> str:
    """The first sentence of an error."""
    shown = getattr(error, "server_message", None) or str(error) or type(error).__name__
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__


@dataclass(frozen=True)
class Repository:
    """The repository of a run, which `preflight` has checked."""

    run: Run
    name: str
    card: Card

    @property
    def saved(self) -> dict[int, Path]:
        """Step -> folder of every whole checkpoint, in order."""
        return dict(sorted(whole_checkpoints(self.run.folder / "train").items()))

    def record(self, step: int) -> dict[str, Any] | None:
        """The record of a checkpoint's push, or None where this repository does not have the checkpoint."""
        record = read_record(self.saved[step] / PUSHED)
        return record if record and record["repository"] == self.name else None

    def branch(self, step: int) -> str:
        """The name under which a checkpoint stays loadable (`revision=`)."""
        return f"{self.run.folder.name}-step-{step}"

    def lacks(self, step: int, config: Config) -> bool:
        """Whether the config asks for a push of this checkpoint that the repository does not have."""
        return (config.hub.strategy != "end" or step == config.stop_at) and not self.record(step)

    def push(self, step: int) -> None:
        """Commits one checkpoint with its card, to `main` and to its branch; records the commit.

        Raises:
            OSError, httpx.HTTPError, ValueError: the Hub did not take it.
        """
        api, folder = HfApi(), self.saved[step]
        text = self.card(self.run, step, f"{self.name}@{self.branch(step)}")

        def operations() -> list[CommitOperationAdd]:
            return [
                *(CommitOperationAdd(path.name, path) for path in published(folder)),
                CommitOperationAdd(MANIFEST, _manifest(self.run, step)),
                CommitOperationAdd("README.md", text.encode()),
            ]

        message = f"{self.run.folder.name}, step {step}"
        commit = api.create_commit(self.name, operations(), commit_message=message)
        try:
            api.create_branch(self.name, branch=self.branch(step), revision=commit.oid)
        except HfHubHTTPError as error:
            if error.response.status_code != 409:
                raise
            # the branch exists already, from a push that broke off or from before force=[train]
            commit = api.create_commit(
                self.name, operations(), commit_message=message, revision=self.branch(step)
            )
        self._write(step, commit.oid, text)

    def refresh(self, step: int) -> bool:
        """Rewrites the card of a pushed checkpoint where the records have changed it; True if they have."""
        record, api = self.record(step), HfApi()
        text = self.card(self.run, step, f"{self.name}@{self.branch(step)}")
        if record is None or record["card"] == digest(text):
            return False
        newest = max(n for n in self.saved if self.record(n))
        for revision in (self.branch(step), *(["main"] if step == newest else [])):
            api.create_commit(
                self.name,
                [CommitOperationAdd("README.md", text.encode())],
                commit_message=f"{self.run.folder.name}, step {step}: card",
                revision=revision,
            )
        self._write(step, record["commit"], text)
        return True

    def _write(self, step: int, commit: str, text: str) -> None:
        write_record(
            self.saved[step] / PUSHED,
            {
                "repository": self.name,
                "branch": self.branch(step),
                "commit": commit,
                "card": digest(text),
            },
        )


def cleared(run: Run, card: Card) -> Repository | None:
    """The repository that `preflight` has cleared for a run, or None."""
    record = read_record(run.folder / ADDRESS)
    return Repository(run, record["repository"], card) if record else None


def push_pending(config: Config, repository: Repository) -> bool:
    """Pushes what the repository does not have yet, oldest first; returns whether it has all now.

    A failed push loses nothing: the checkpoint stays, and the next save or start tries again.
    """
    for step in repository.saved:
        if not repository.lacks(step, config):
            continue
        try:
            repository.push(step)
        except FAILURES as error:
            say(
                f"warning: {repository.run.folder.name}: step {step} was not pushed to {repository.name} "
                f"({_sentence(error)}). It stays in {repository.saved[step]}; the next save or start tries "
                "again."
            )
            return False
        say(f"{repository.run.folder.name}: step {step} pushed to {repository.name}")
    return True


def deliver(config: Config, run: Run, card: Card) -> None:
    """Pushes what an earlier start left behind; a refusal is a warning and stops nothing."""
    repository, name = cleared(run, card), config.hub.model_id
    same = repository is not None and (name is None or name.split("/")[-1] == repository.name.split("/")[-1])
    if repository and same and not any(repository.lacks(step, config) for step in repository.saved):
        return  # nothing is missing, so the Hub is not asked
    try:
        push_pending(config, preflight(config, run, card))
    except Mistake as error:
        say(f"warning: {error}")


def refresh_cards(run: Run, card: Card) -> None:
    """Puts the scores that were measured since into the cards of the pushed checkpoints."""
    repository = cleared(run, card)
    if repository is None:
        return
    for step in repository.saved:
        try:
            if repository.refresh(step):
                say(f"{run.folder.name}: card of step {step} written to {repository.name}")
        except FAILURES as error:
            say(
                f"warning: {run.folder.name}: the card of step {step} was not written to "
                f"{repository.name} ({_sentence(error)}). The next start tries again."
            )
            return
