"""Table 5, the trainer's hyper-parameters: the paper's values beside those of the composed config."""

from openrs.analysis.tables.text_table import TextTable
from openrs.analysis.tables.trainer_parameters import Parameter, parameters, shown
from openrs.config.compose import compose_config
from openrs.config.schema import Config

COLUMNS = ("settings", "parameter", "paper", "openrs", "handed over as", "note")
CAPTION = (
    "Paper: arXiv 2503.16219 v2, Table 5. openrs: the composed config at paper scale. Handed over as: the "
    "argument of TRL 1.16's GRPOConfig, where it is none, what has it instead; – where nothing takes it.",
    "The last block is not in Table 5: the paper left these to the defaults of its TRL (69ad852), which TRL "
    "has changed since, so they are pinned.",
)


def table5(config: Config) -> TextTable:
    """The whole table for one experiment."""
    rows = tuple(_row(item) for item in parameters(config))
    return TextTable(f"Table 5: hyper-parameters of the GRPO trainer, {config.name}", COLUMNS, rows, CAPTION)


def _row(item: Parameter) -> tuple[str, ...]:
    note = item.note
    if item.differs:
        note = f"differs: {note or 'another option or the command line says so'}"
    taker = item.argument or item.elsewhere
    return (item.settings, item.name, item.paper, shown(item.value), taker, note or "same")


def for_command(experiment: str, overrides: list[str]) -> TextTable:
    """The table of an experiment at paper scale, with changes as the command line of openrs takes them.

    Raises:
        Mistake: an option or a value is wrong.
    """
    return table5(compose_config(f"experiment={experiment}", "scale=paper", *overrides))
