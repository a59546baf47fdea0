"""A command that trains and evaluates: `openrs experiment=exp3 data=mixed`, or a sweep of such runs."""

import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from openrs.command import usage
from openrs.command.plan_text import describe, describe_cost
from openrs.config import command_line, compose
from openrs.config.refusal import circle, refusal
from openrs.cost import full_disk
from openrs.errors import Crashed, Mistake, Unfit, denial
from openrs.paths import CONF
from openrs.pipeline import stages
from openrs.plan import Plan, preview, resolve, way_on
from openrs.processes import interruption
from openrs.records.masking import masked
from openrs.records.run import Run
from openrs.sweep import plugin, trial
from openrs.sweep.outcome import Outcome
from openrs.terminal import say, show, silence


def card(run: Run, step: int, name: str) -> str:
    """The card of a pushed checkpoint; only a push pays for importing the statistics in it."""
    from openrs.analysis import card

    return card.card(run, step, name)


def words_of_job() -> tuple[str, ...]:
    """The words of a command that makes this job alone; none where the command at hand does."""
    composed = HydraConfig.get()
    if composed.mode is not RunMode.MULTIRUN:
        return ()
    folder = usage.config_dir(sys.argv[1:])
    return (*(("--config-dir", folder) if folder else ()), *composed.overrides.task)


class Session:
    """One command: one run, or the runs of a sweep, and the table at its end."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.current: Plan | None = None
        """What a job is doing."""
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
            plan = replace(preview(config) if config.dry_run else resolve(config), job=words_of_job())
            self.current = None if config.dry_run else plan
            study = trial.current()
            if study is not None:
                outcome = trial.run(plan, study, card)
                self.current = None
                return outcome
            if config.dry_run:
                if config.detect is not None:
                    raise Mistake(
                        f"detect={config.detect:g}: one run has nothing to differ from. Give a sweep, as "
                        "-m experiment=exp2,exp3 seed=1,2,3."
                    )
                show("\n".join((*describe(plan), *describe_cost(plan))))
            else:
                stages(plan, card)
            self.plans.append(plan)
            self.current = None
        except Mistake as error:
            self.failed += 1
            reason = masked(str(error))  # a study keeps it
            say(f"error: {reason}")
            if isinstance(error, Unfit):
                return Outcome("unfit", reason=reason)
            return Outcome("failed", reason=reason, again=isinstance(error, Crashed))
        return None

    def way_on(self) -> str:
        """What the same command does after an interruption, in words."""
        return way_on(self.current) if self.current else "the same command does what is missing"

    def finish(self) -> int:
        """Prints the table of all runs of this command; returns the exit status."""
        collected = [plan for plan in self.plans if "collect" in plan.config.stages]
        if collected and not collected[0].config.dry_run:
            try:
                _tables(collected)
            except Mistake as error:
                say(f"error: {error}")
                return 1
        elif self.plans and self.plans[0].config.dry_run:
            print("nothing was run (dry_run=true)")
        return 1 if self.failed else 0


def _tables(plans: list[Plan]) -> None:
    """Table 1 of these runs and of their base models.

    Raises:
        Mistake: no run has a score.
    """
    from openrs.analysis import final_tables  # which a plan does not need

    folders = (run.folder for plan in plans for run in (plan.base, plan.run))
    ways = {(name, settings) for plan in plans for name, (settings, _) in plan.ids.items()}
    final_tables.of_command(folders, ways, Path(plans[0].config.outputs))


def main() -> int:
    """Composes, runs and reports; returns the exit status."""
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
            full = full_disk.is_cause(error)
            reason = full_disk.explain(compose.to_config(composed), error) if full else denial(error)
            if reason is None:
                raise
            session.failed += 1
            say(f"error: {reason}")
            return Outcome("failed", reason=reason)

    status = 0
    try:
        with interruption.heard():
            sys.argv[1:] = command_line.read(sys.argv[1:])
            job()
    except KeyboardInterrupt as end:
        say(f"interrupted: {session.way_on()}")
        return end.status if isinstance(end, interruption.Interrupted) else 130
    except SystemExit as ended:  # Hydra's way out; what was finished still gets its table
        status = ended.code if isinstance(ended.code, int) else 1
    except (Mistake, HydraException, OmegaConfBaseException) as error:
        say(f"error: {masked(str(error) if isinstance(error, Mistake) else refusal(error))}")
        return 1
    except BrokenPipeError:
        raise
    except Exception as error:
        reason = circle(error) if isinstance(error, RecursionError) else denial(error)
        if reason is not None:
            say(f"error: {reason}")
        else:
            traceback.print_exc()
        status = 1
    return session.finish() or status
