"""Models, sources and benchmarks, bound to their files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from openrs.config.fields import option
from openrs.paths import is_path

Kind = Literal["nano", "mirror", "hub", "file", "lighteval"]
"""Where rows are: built in, in a folder that is laid out like the Hub, on the Hub, in one file; or that a
task of lighteval's words them."""

AnswerKind = Literal["math", "exact", "choice", "none"]
"""How an answer is judged: by math-verify, by its text, by its letter, or by rewards of one's own alone."""

GoldKind = Literal["expr", "latex", "letter", "exact", "choice"]

LIGHTEVAL = "lighteval:"

TABLES = (".jsonl", ".parquet", ".csv")
"""Files of rows."""


@dataclass(kw_only=True)
class Shape:
    """The sizes of a model of the layout that Llama, Mistral and Qwen share."""

    layers: int = option(above=0)
    hidden: int = option(above=0)
    inner: int = option(above=0)
    """Width inside the layers' feed-forward part."""
    heads: int = option(above=0)
    key_value_heads: int = option(above=0)
    head_size: int = option(above=0)
    vocabulary: int = option(above=0)

    @property
    def linear(self) -> dict[str, list[int]]:
        """Name -> rows and columns of each linear layer of one layer."""
        queries, keys = self.heads * self.head_size, self.key_value_heads * self.head_size
        return {
            **{"self_attn.q_proj": [queries, self.hidden], "self_attn.o_proj": [self.hidden, queries]},
            **{f"self_attn.{name}_proj": [keys, self.hidden] for name in "kv"},
            **{f"mlp.{name}_proj": [self.inner, self.hidden] for name in ("gate", "up")},
            "mlp.down_proj": [self.hidden, self.inner],
        }


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
    shape: Shape | None = option(None, identity="neither")
    """Its sizes, from which the memory of a device is estimated; null reads them from its config.json, where
    that is on this machine."""
    gated: bool = option(False, identity="neither")
    """The Hub asks for a token of a user who accepted the terms."""
    context: int = option(identity="neither", at_least=2, at_most=10**9)
    """Tokens of prompt and completion together, at most."""
    compute_dtype: Literal["float32", "bfloat16"] = option(identity="recipe")
    """Precision of training's forward pass; master weights are always float32."""
    evaluation_dtype: Literal["float64", "float32", "bfloat16"] = option(identity="evaluation")
    """Precision of evaluation. In float64 no token depends on the size of the batch."""
    template_arguments: dict[str, Any] = option(factory=dict, identity="recipe")
    """Arguments of the chat template, as enable_thinking=false of Qwen3's, in training and evaluation."""

    attention: Literal["eager", "sdpa", "flash_attention_2", "flash_attention_3"] | None = option(
        None, identity="recipe"
    )
    """How training computes attention, by transformers' names; null is its own choice, sdpa where it can."""

    @property
    def loaded_revision(self) -> str | None:
        """What libraries are told to load; None for the main branch."""
        return self.commit or self.revision


@dataclass(kw_only=True)
class Columns:
    """The rows of a data set that are training problems, and their columns."""

    revision: str | None = option(None, identity="neither")
    subset: str | None = option(None, identity="neither")
    """One configuration of the set on the Hub; in a mirror a folder under the folder of the set."""
    split: str = option("train", identity="neither")
    problem: str = option("problem", identity="neither")
    answer: str = option("answer", identity="neither")
    """Column of the final answer, without a box."""
    answer_kind: AnswerKind = option("math", identity="neither")
    """How a completion is judged by it (`answer.kind` on the command line). It counts with the rows."""
    solution: str = option("solution", identity="neither")
    """Column of the worked solution, for the filters that read it."""
    difficulty: str | None = option(None, identity="neither")


@dataclass(kw_only=True)
class SourceData(Columns):
    """A named set of training problems bound to real data."""

    id: str = option(identity="neither")
    """Id of a data set, or the path of a file of rows."""
    kind: Kind | None = option(None, identity="neither")
    """Where it is; null follows the id and the catalog (`Catalog.kind_of`)."""


@dataclass(kw_only=True)
class BenchmarkData:
    """A named set of held-out problems bound to real data."""

    id: str
    """Id of a data set, the path of a file of rows, or `lighteval:TASK` (`lighteval:TASK|5`: five shots)."""
    kind: Kind | None = None
    """As of a source."""
    metric: str | None = None
    """lighteval: the metric of the task that is the score; null is the first that scores one generated answer
    by a share from 0 to 1."""
    title: str = ""
    """How tables call it; its name unless it is stated."""
    revision: str | None = None
    subset: str | None = None
    """One configuration of the set on the Hub; in a mirror a folder under the folder of the set."""
    split: str = "test"
    question: str = "problem"
    gold: str = "answer"
    gold_kind: GoldKind = "latex"
    """How the gold answer is read: `letter` is multiple choice, with `wrong` beside it; `exact` and `choice`
    are as a source's `answer_kind`."""
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

    kind: Literal["nano", "mirror", "hub"] = option(identity="neither")
    root: str | None = option(None, identity="neither")
    """Folder of a mirror: <org>/<name>/<split>.jsonl or .parquet."""
    decontaminate_ngram: int | None = option(None, identity="neither", above=0)
    """Default of data.decontaminate_ngram for mixes from this catalog."""
    sources: dict[str, SourceData]
    benchmarks: dict[str, BenchmarkData] = option(identity="neither")

    def kind_of(self, data: SourceData | BenchmarkData) -> Kind:
        """Where an entry's rows are: what it states, a file if its id is one's path, else as the catalog.

        The nano catalog has its own ids alone; other ids are read from `root` if there is one, or the Hub.
        """
        if data.kind is not None:
            return data.kind
        if data.id.startswith(LIGHTEVAL):
            return "lighteval"
        if is_table(data.id):
            return "file"
        if self.kind != "nano" or data.id.startswith("openrs-nano/"):
            return self.kind
        return "mirror" if self.root else "hub"


def is_table(id_: str) -> bool:
    """Whether an id can only be the path of a file of rows."""
    return Path(id_).suffix.lower() in TABLES or is_path(id_)
