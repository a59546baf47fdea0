"""What the tables import: a finished run prints its table again within two seconds."""

import json
import subprocess
import sys

import pytest

from openrs.paths import ROOT
from tests.helpers.result_files import old, put
from tests.helpers.run_folders import make_run

pytestmark = pytest.mark.slow
HEAVY = ("scipy.stats", "statsmodels", "pandas", "pyarrow", "matplotlib", "torch", "lighteval", "inspect_ai")
CODE = (
    "import json, runpy, sys\n"
    "sys.argv = ['analysis', *json.loads(sys.argv[1])]\n"
    "try:\n    runpy.run_module('analysis', run_name='__main__')\n"
    "except SystemExit as end:\n    assert not end.code, end.code\n"
    "print('HEAVY', json.dumps([name for name in json.loads(sys.argv_names) if name in sys.modules]))\n"
)


def heavy(*arguments, names=HEAVY):
    """Those of these modules that a command has imported when it ends."""
    code = CODE.replace("json.loads(sys.argv_names)", repr(names))
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(list(map(str, arguments)))],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.split("HEAVY ")[1])


@pytest.mark.parametrize("seeds", [1, 3])
def test_table1_imports_nothing_heavy(tmp_path, seeds):
    cells = {"aime24": [[1, 0] * 10] * (seeds - 1) + [[0, 0, 1, 1] * 5]}
    make_run(tmp_path, "base", {0: cells}, report_step=0)
    for seed in (1, 2):
        make_run(tmp_path, "exp1", {10: cells, 20: cells}, {"seed": seed})
    for kind in ("md", "html"):
        assert heavy("table1", tmp_path, "--reference", "sober", "--format", kind) == []


def test_imported_scores_need_neither_scipy_nor_the_schema(tmp_path):
    for step in (50, 100, 150, 200):  # from four on a caption says what the best of many is worth
        put(tmp_path / f"in/Exp1_{step}/results/m/results_{step}.json", old(outputs=f"a{step}"))
    unneeded = ("scipy", "openrs.config.schema", "openrs.rewards", "urllib.request", *HEAVY)
    for arguments in (
        ("import", tmp_path / "in", "--outputs", tmp_path / "out"),
        ("table1", tmp_path / "out", "--imported"),
    ):
        assert heavy(*arguments, names=unneeded) == []
