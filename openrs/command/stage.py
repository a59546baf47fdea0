"""One stage as a process of its own: `python -m openrs.command.stage FILE`.

`openrs.processes.launch` starts it. The file holds the resolved config, so that what was planned once is
what runs, in every process.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from openrs.config.compose import restore
from openrs.cost import full_disk
from openrs.errors import Mistake
from openrs.machine.processes import die_with_parent, runs
from openrs.processes.launch import COMMAND, DISK_FULL, SECRETS, error_file, stop_file
from openrs.records.files import write_file
from openrs.records.masking import uncover
from openrs.records.run import held

REFUSED = 3
"""Exit status of a stage that ended with the user's mistake, which is in FILE's `.error`."""


def main(file: Path) -> int:
    """Runs the stage that the file describes; returns the exit status."""
    die_with_parent(signal.SIGKILL)
    spec = json.loads(file.read_text(encoding="utf-8"))
    uncover(spec, os.environ.pop(SECRETS, "[]"))
    with held(file.parent.parent):
        if not runs(int(os.environ[COMMAND])):  # the command died before this process asked to die with it
            return REFUSED
        try:
            _run(spec, stop_file(file))
        except Mistake as error:
            write_file(error_file(file), f"{type(error).__name__}\n{error}")
            return REFUSED
        except Exception as error:
            if not full_disk.is_cause(error):
                raise
            return DISK_FULL
    return 0


def _run(spec: dict[str, Any], stop: Path) -> None:
    from openrs.plan import resolve

    plan = resolve(restore(spec["config"]))
    runs = [plan.run, plan.base, *([plan.reference[0]] if plan.reference else [])]
    run = next((run for run in runs if run.id == spec["id"]), None)
    if run is None:
        raise Mistake(
            f"{spec['id'][:8]}: weights, rows or a custom reward changed between the plan and the stage. "
            "Start the command again."
        )
    if spec["stage"] == "train":
        from accelerate import PartialState

        from openrs.analysis.card import card
        from openrs.hub.push import cleared
        from openrs.pipeline import stop_rule
        from openrs.processes.vllm_server import Server
        from openrs.sweep.link import StudyLink
        from openrs.sweep.trial import early_rules
        from openrs.train.trainer import train

        assert plan.mix is not None
        server = Server(**spec["server"]) if spec["server"] else None
        repository = cleared(run, card) if plan.config.hub.push else None
        early = early_rules(StudyLink(**spec["study"]), plan) if spec["study"] else []
        train(
            plan.config, run, plan.mix, server, stop_rule(plan, early), repository, stop_requested=stop.exists
        )
        PartialState().destroy_process_group()
    else:
        from openrs.evaluate.stage import evaluate

        step, part = spec["step"], plan.looks[spec["look"] - 1] if spec["look"] else plan
        evaluate(plan.config, run, step, spec["weights"], part.missing(step, run), part.problems)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
