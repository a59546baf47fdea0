"""Models, sources and benchmarks, bound to their files."""

from dataclasses import dataclass, field
from typing import Literal

from openrs.config.fields import option


@dataclass(kw_only=True)
class Model:
    """Where the weights of a model are, and what they need."""

    id: str = option(identity="recipe")
    """Hub id, or the name of a packaged model."""
    title: str = option(identity="neither")
    """How tables call it."""
    revision: str | None = option(None, identity="recipe")
    commit: str | None = option(None, identity="neither")
    """What the revision of a Hub id means, 40 hex digits; null asks the Hub once and holds all runs of
    `outputs` to the answer."""
    package: str | None = option(None, identity="neither")
    """Installed package that carries the weights; null loads from the Hub."""
    file: str | None = option(None, identity="neither")
    """Path inside the package: a folder as `save_pretrained` writes it, or a GGUF file."""
    parameters: int | None = option(None, identity="neither", above=0)
    """Number of weights, from which disk, memory and time are estimated; null reads it from packaged
    safetensors."""
    gated: bool = option(False, identity="neither")
    """The Hub asks for a token of a user who accepted the terms."""
    context: int = option(identity="neither", above=0, at_most=10**9)
    """Tokens of prompt and completion together, at most."""
    compute_dtype: Literal["float32", "bfloat16"] = option(identity="recipe")
    """Precision of training's forward pass; master weights are always float32."""
    evaluation_dtype: Literal["float64", "float32", "bfloat16"] = option(identity="evaluation")
    """Precision of evaluation. In float64 no token depends on the size of the batch."""

    @property
    def loaded_revision(self) -> str | None:
        """What libraries are told to load; None for the main branch."""
        return self.commit or self.revision


@dataclass(kw_only=True)
class SourceData:
    """A named set of training problems bound to real data."""

    id: str
    revision: str | None = None
    split: str = "train"
    problem: str = "problem"
    answer: str = "answer"
    """Column of the final answer, without a box."""
    solution: str = "solution"
    """Column of the worked solution, for the filters that read it."""
    difficulty: str | None = None


@dataclass(kw_only=True)
class BenchmarkData:
    """A named set of held-out problems bound to real data."""

    id: str
    title: str
    revision: str | None = None
    subset: str | None = None
    """One configuration of the set on the Hub; in a mirror a folder under the folder of the set."""
    split: str
    question: str
    gold: str
    gold_kind: Literal["expr", "latex", "letter"]
    """How the gold answer is read; `letter` is multiple choice, with `wrong` beside it."""
    wrong: list[str] = field(default_factory=list)
    """Columns of the wrong choices of a multiple-choice set."""
    instruction: str | None = None
    """Replaces evaluation.instruction where a set needs its own."""
    gated: bool = False
    """The Hub asks for a token, and nothing that is shared may show the questions."""
    held_out: bool = True
    """Training rows that share problems with this set are left out."""


@dataclass(kw_only=True)
class Catalog:
    """Binds source and benchmark names to data."""

    kind: Literal["nano", "mirror", "hub"]
    root: str | None = None
    """Folder of a mirror: <org>/<name>/<split>.jsonl or .parquet."""
    decontaminate_ngram: int | None = option(None, above=0)
    """Default of data.decontaminate_ngram for mixes from this catalog."""
    sources: dict[str, SourceData]
    benchmarks: dict[str, BenchmarkData]
