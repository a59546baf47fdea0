"""Checks of what a command does: the name of its run, its stages, and what belongs to sweeps alone."""

import re

from openrs.config.checks.numbers import LONGEST, short
from openrs.config.schema import Config
from openrs.errors import refuse

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""The name of a run is the name of its folder."""


def check(config: Config) -> None:
    """Checks the name of the run, its stages, and settings of a sweep.

    Raises:
        Mistake: naming the field, its value, the rule and the remedy.
    """
    if len(config.name) > LONGEST:
        refuse("name", short(config.name), f"is longer than {LONGEST} characters", "Give a shorter name")
    if not NAME.fullmatch(config.name):
        refuse(
            "name",
            short(config.name),
            "is the name of a folder, which holds letters, digits, `_`, `.` and `-` alone",
            "Give for example name=my_run",
        )
    if not config.stages:
        refuse("stages", "[]", "leaves nothing to do", "Give for example stages=[train], or dry_run=true")
    for field in ("detect", "spread"):
        if (points := getattr(config, field)) is not None and not config.dry_run:
            refuse(
                field, points, "is read by the dry run of a sweep alone", "Give dry_run=true, or leave it out"
            )
    if config.replicates > 1:
        refuse(
            "replicates",
            config.replicates,
            "is a setting of a sweep, and this is one run",
            "Give -m as well, or leave it out",
        )
    for stage in config.force:
        if stage not in config.stages:
            refuse(
                "force",
                f"[{stage}]",
                f"redoes a stage that is not in stages={config.stages}",
                f"Add {stage} to stages",
            )
