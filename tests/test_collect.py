"""The table at the end of a command."""

from dataclasses import replace

from openrs.collect import collect
from openrs.plan import resolve
from openrs.records.run import Run
from tests.helpers.run_folders import halves, make_run


def test_it_has_the_benchmarks_of_the_command_and_no_other(composed, tmp_path, capsys):
    plan = resolve(composed("experiment=exp2", "evaluation.benchmarks=[amc23]", f"outputs={tmp_path}"))
    measured = {"amc23": halves(40), "minerva": halves(40)}
    run = make_run(tmp_path, "exp2", {10: measured}, prefix="nano-")
    base = make_run(tmp_path, "base", {0: measured}, prefix="nano-")
    collect([replace(plan, run=Run(run, "1", {}), base=Run(base, "2", {}))])
    table = capsys.readouterr().out
    assert "nano-AMC23" in table
    assert "nano-Minerva" not in table
