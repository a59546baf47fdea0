"""The command: `python -m openrs experiment=exp3 data=mixed`; `--help` lists every option."""

import os
import sys
import traceback

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from openrs.collect import collect
from openrs.config import command_line, compose
from openrs.config.refusal import refusal
from openrs.cost import full_disk
from openrs.errors import Crashed, Mistake, Unfit
from openrs.paths import CONF
from openrs.pipeline import stages
from openrs.plan import Plan, describe, describe_cost, preview, resolve
from openrs.records.masking import masked
from openrs.records.run import Run
from openrs.sweep import plugin, trial
from openrs.sweep.outcome import Outcome
from openrs.terminal import plain, replace_characters, say, silence


def card(run: Run, step: int, name: str) -> str:
    """The card of a pushed checkpoint; only a push pays for importing the statistics in it."""
    from openrs.analysis import card

    return card.card(run, step, name)


class Session:
    """One command: one run, or the runs of a sweep, and the table at its end."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.greeted = False
        self.failed = 0

    def run(self, composed: DictConfig) -> Outcome | None:
        """Runs one job. A user's mistake is one line; in a sweep the other jobs go on.

        Returns:
            The outcome of a trial, for the sweep, which prints its own table.
        """
        try:
            config = compose.load(composed)
            if not self.greeted and not config.dry_run:
                self.greeted = True
                say(f"scale {config.scale.name}: {config.scale.reason}")
            plan = preview(config) if config.dry_run else resolve(config)
            study = trial.current()
            if study is not None:
                return trial.run(plan, study, card)
            if config.dry_run:
                if config.detect is not None:
                    raise Mistake(
                        f"detect={config.detect:g}: one run has nothing to differ from. Give a sweep, as "
                        "-m experiment=exp2,exp3 seed=1,2,3."
                    )
                print(plain("\n".join((*describe(plan), *describe_cost(plan)))))
            else:
                stages(plan, card)
            self.plans.append(plan)
        except Mistake as error:
            self.failed += 1
            reason = masked(str(error))  # a study keeps it
            say(f"error: {reason}")
            if isinstance(error, Unfit):
                return Outcome("unfit", reason=reason)
            return Outcome("failed", reason=reason, again=isinstance(error, Crashed))
        return None

    def finish(self) -> int:
        """Prints the table of all runs of this command; returns the exit status."""
        collected = [plan for plan in self.plans if "collect" in plan.config.stages]
        if collected and not collected[0].config.dry_run:
            try:
                collect(collected)
            except Mistake as error:
                say(f"error: {error}")
                return 1
        elif self.plans and self.plans[0].config.dry_run:
            print("nothing was run (dry_run=true)")
        return 1 if self.failed else 0


def main() -> int:
    """Composes, runs and reports; returns the exit status."""
    replace_characters()
    compose.register()
    plugin.register()
    session = Session()
    # with it Hydra raises what it cannot compose, instead of printing twenty lines and leaving
    os.environ["HYDRA_FULL_ERROR"] = "1"

    @hydra.main(config_path=str(CONF), config_name="config")
    def job(composed: DictConfig) -> Outcome | None:
        try:
            return session.run(composed)
        except BrokenPipeError:
            silence()  # Hydra would print the traceback
            raise
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
        say(f"error: {masked(str(error) if isinstance(error, Mistake) else refusal(error))}")
        return 1
    except BrokenPipeError:
        raise
    except Exception:
        traceback.print_exc()
        status = 1
    return session.finish() or status


def until_closed() -> int:
    """Runs the command; where its reader closes the output, as `head` does, it ends without a word."""
    try:
        return main()
    except BrokenPipeError:
        silence()
        return 1


if __name__ == "__main__":
    sys.exit(until_closed())
