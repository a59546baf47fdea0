"""The command: `python -m openrs experiment=exp3 data=mixed`; `--help` lists every option."""

import os
import sys
import traceback

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from openrs.config import command_line, compose
from openrs.config.refusal import refusal
from openrs.cost import full_disk
from openrs.errors import Mistake
from openrs.paths import CONF
from openrs.pipeline import Session
from openrs.records.run import Run
from openrs.sweep import plugin
from openrs.sweep.outcome import Outcome
from openrs.terminal import replace_characters, say


def card(run: Run, step: int, name: str) -> str:
    """The card of a pushed checkpoint; only a push pays for importing the statistics in it."""
    from openrs.analysis import card

    return card.card(run, step, name)


def main() -> int:
    """Composes, runs and reports; returns the exit status."""
    replace_characters()
    compose.register()
    plugin.register()
    session = Session(card)
    # with it Hydra raises what it cannot compose, instead of printing twenty lines and leaving
    os.environ["HYDRA_FULL_ERROR"] = "1"

    @hydra.main(config_path=str(CONF), config_name="config")
    def job(composed: DictConfig) -> Outcome | None:
        try:
            return session.run(composed)
        except Exception as error:
            if not full_disk.is_cause(error):
                raise
            session.failed += 1
            reason = full_disk.explain(compose.to_config(composed))
            say(f"error: {reason}")
            return Outcome("failed", reason=reason)

    status = 0
    try:
        sys.argv[1:] = command_line.read(sys.argv[1:])
        job()
    except KeyboardInterrupt:
        say("interrupted: the same command goes on from the last checkpoint")
        return 130
    except SystemExit as ended:  # Hydra's way out; what was finished still gets its table
        status = ended.code if isinstance(ended.code, int) else 1
    except (Mistake, HydraException, OmegaConfBaseException) as error:
        say(f"error: {error if isinstance(error, Mistake) else refusal(error)}")
        return 1
    except Exception:
        traceback.print_exc()
        status = 1
    return session.finish() or status


if __name__ == "__main__":
    sys.exit(main())
