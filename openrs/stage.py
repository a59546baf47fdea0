"""One stage as a process of its own: `python -m openrs.stage FILE`, started by `openrs.processes.launch`.

The file holds the resolved config, so that what was planned once is what runs, in every process.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from openrs.config.compose import restore
from openrs.errors import Mistake
from openrs.machine import die_with_parent
from openrs.processes.launch import error_file
from openrs.records.files import write_file

REFUSED = 3
"""Exit status of a stage that ended with the user's mistake, which is in FILE's `.error`."""


def main(file: Path) -> int:
    """Runs the stage that the file describes; returns the exit status."""
    die_with_parent(signal.SIGKILL)
    told = json.loads(file.read_text(encoding="utf-8"))
    try:
        _run(told)
    except Mistake as error:
        write_file(error_file(file), f"{type(error).__name__}\n{error}")
        return REFUSED
    return 0


def _run(told: dict[str, Any]) -> None:
    from openrs.plan import resolve

    plan = resolve(restore(told["config"]))
    run = next((run for run in (plan.run, plan.base) if run.id == told["id"]), None)
    if run is None:
        raise Mistake(
            f"{told['id'][:8]}: weights or rows changed between the plan and the stage. "
            "Start the command again."
        )
    if told["stage"] == "train":
        from accelerate import PartialState

        from openrs.analysis.card import card
        from openrs.hub.push import cleared
        from openrs.processes.vllm_server import Server
        from openrs.sweep.early_stopping import build
        from openrs.train.trainer import train

        assert plan.mix is not None
        server = Server(**told["server"]) if told["server"] else None
        repository = cleared(run, card) if plan.config.hub.push else None
        train(plan.config, run, plan.mix, server, build(plan, told["study"]), repository)
        PartialState().destroy_process_group()
    else:
        from openrs.evaluate.stage import evaluate

        step = told["step"]
        evaluate(plan.config, run, step, told["weights"], plan.missing(step), plan.problems)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
