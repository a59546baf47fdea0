"""What of a process's output its user sees, and what only its log holds."""

import subprocess
import sys

from openrs.processes.tracebacks import WithoutTracebacks

FAILS = """
import sys
print("step 1", file=sys.stderr)
try:
    1 / 0
except ZeroDivisionError as error:
    raise RuntimeError("the second") from error
"""

OF_TWO_RANKS = """\
exp3: step 2/6
[rank1]: Traceback (most recent call last):
exp3: step 3/6
[rank1]:   File "stage.py", line 83, in <module>
[rank1]:     main()

  | a line of another process
[rank1]: RuntimeError: Connection closed by peer
W1128 17:17:33.761000 4595 torch/distributed/elastic/multiprocessing/api.py:1028] Sending process 4742
E1128 23:27:13.179000 4552 .venv/lib/torch/distributed/elastic/multiprocessing/api.py:9] failed
Traceback (most recent call last):
  File "run.py", line 1032, in <module>
    main()
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
openrs.command.stage FAILED
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  exitcode  : 4 (pid: 4741)
============================================================
ended
"""


def shown(output):
    lines = []
    watch = WithoutTracebacks(lines.append)
    for line in output.splitlines():
        watch(line)
    return lines


def test_tracebacks_are_left_to_the_log():
    process = subprocess.run([sys.executable, "-c", FAILS], capture_output=True, text=True)
    assert process.stderr.count("Traceback") == 2
    assert shown(process.stderr) == ["step 1"]
    assert shown(process.stderr + "step 2\n\n  step 3\n") == ["step 1", "step 2", "", "  step 3"]


def test_lines_of_several_processes_are_told_apart():
    other = ["", "  | a line of another process"]
    assert shown(OF_TWO_RANKS) == ["exp3: step 2/6", "exp3: step 3/6", *other, "ended"]
