"""The table at the end of a command."""

from dataclasses import replace

from openrs.analysis import run_records
from openrs.analysis.final_tables import measured_alike
from openrs.command.session import Session
from openrs.plan import resolve
from openrs.records.recipe import digest
from openrs.records.run import Run
from tests.helpers.run_folders import halves, make_run


def test_it_has_the_benchmarks_of_the_command_and_no_other(composed, tmp_path, capsys):
    plan = resolve(composed("experiment=exp2", "evaluation.benchmarks=[amc23]", f"outputs={tmp_path}"))
    measured = {"amc23": halves(40), "minerva": halves(40)}
    run = make_run(tmp_path, "exp2", {10: measured}, prefix="nano-")
    base = make_run(tmp_path, "base", {0: measured}, prefix="nano-")
    ids = {"amc23": (digest(["amc23", "p"]), "5" * 64)}  # as the helper measures
    session = Session()
    session.plans = [replace(plan, run=Run(run, "1", {}), base=Run(base, "2", {}), ids=ids)]
    assert session.finish() == 0
    table = capsys.readouterr().out
    assert "nano-AMC23" in table
    assert "nano-Minerva" not in table


def test_a_sweeps_table_leaves_out_what_others_measured_of_the_base_model(tmp_path):
    make_run(tmp_path, "exp2", {10: {"amc23": halves(40)}})
    make_run(tmp_path, "base", {0: {"amc23": halves(40), "minerva": halves(40)}})
    alike = measured_alike(run_records.load_all(tmp_path))
    assert [{score.benchmark for score in run.scores} for run in alike] == [{"amc23"}, {"amc23"}]
