"""A user's own reward function: what is refused before training, and what while it is called."""

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from openrs.errors import Mistake
from openrs.paths import ROOT
from openrs.rewards import CustomReward, time_limit
from openrs.rewards.time_limit import Expired, limited

BREVITY = '''"""A reward of one's own."""


def brevity(completions, cap, **kwargs):
    """1 for an empty completion, 0 from `cap` characters on."""
    rewards = []
    for completion in completions:
        length = len(completion[0]["content"])
        rewards.append(max(0.0, 1 - length / cap))
    return rewards
'''
TEXTS = ("", "12345", "a long one")


def batch(*texts):
    """What TRL calls a reward function with."""
    return {
        "prompts": [[{"role": "user", "content": "?"}] for _ in texts],
        "completions": [[{"role": "assistant", "content": text}] for text in texts],
        "completion_ids": [[*range(len(text))] for text in texts],
        "id": [f"id{place}" for place in range(len(texts))],
        "draw": ["easy" for _ in texts],
        "problem": ["?" for _ in texts],
        "solution": ["$1$" for _ in texts],
        "trainer_state": SimpleNamespace(global_step=6),
        "log_extra": lambda *_: None,
        "log_metric": lambda *_: None,
    }


@pytest.fixture
def written(tmp_path):
    """Writes rewards.py and gives the term of its function."""

    def write(text, name="brevity", **fields):
        file = tmp_path / "rewards.py"
        file.write_text(text)
        return CustomReward(function=f"{file}:{name}", **fields).term("mine")

    return write


def body(lines, signature="completions, **kwargs"):
    return f"def brevity({signature}):\n    {lines}\n"


def test_a_function_gets_its_arguments(written):
    term = written(BREVITY, arguments={"cap": 10})
    assert term.__name__ == "mine"
    assert term(**batch(*TEXTS)) == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (body("return [None, 1, True]"), [None, 1.0, 1.0]),
        (body("import numpy; return numpy.array([0.5, 1, 2])"), [0.5, 1.0, 2.0]),
        pytest.param(
            body("import torch; return torch.tensor([0.5, 1, 2])"), [0.5, 1.0, 2.0], marks=pytest.mark.torch
        ),
        (body("yield from range(3)"), [0.0, 1.0, 2.0]),
        (body("return [len(ids) for ids in completion_ids]", "completion_ids, **_"), [0.0, 5.0, 10.0]),
        (body("return [float(d == 'easy') for d in batch['draw']]", "**batch"), [1.0, 1.0, 1.0]),
        (body("return [len(s) for s in solution]", "completions, solution, **_"), [3.0, 3.0, 3.0]),
        ("import asyncio\nasync " + body("await asyncio.sleep(0); return [1, 2, 3]"), [1.0, 2.0, 3.0]),
        ("class brevity:\n    def __init__(self): self.value = 4\n"
         "    def __call__(self, completions, **_): return [self.value] * len(completions)\n", [4.0] * 3),
        ("from functools import partial\ndef f(completions, x, **_): return [x] * 3\n"
         "brevity = partial(f, x=2)\n", [2.0] * 3),
    ],
)  # fmt: skip
def test_what_trl_takes_is_taken(written, text, values):
    term = written(text)
    for _ in range(2):
        assert term(**batch(*TEXTS)) == values


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (BREVITY, {}, r"function=.*: needs cap, and a row has id, draw, problem, solution\. Give it, as "
         r"'reward\.custom\.mine\.arguments=\{cap: VALUE\}'"),
        (BREVITY, {"capp": 1}, r"mine\.arguments\.capp=1: is no parameter of .*\.py:brevity\. Give cap"),
        (BREVITY, {"solution": 1}, r"arguments\.solution=1: is what training gives"),
        (body("return []", "completions"), {}, r"cannot be called as TRL calls it \(.*End its param"),
        (body("return []", "completion, **_"), {}, r"takes none of prompts, completions, completion_ids, so "
         r"brevity is taken for one that makes the reward, and cannot be called .*'completion'"),
        (body("return 3", ""), {}, r"what it makes is no reward function \(int\)"),
        ("brevity = 3\n", {}, r"brevity is no function\. Define it in"),
        ("def brevty(completions, **_): pass\n", {}, r"has no function brevity\. Give .*\.py:brevty\."),
        ("def brevity(:\n", {}, r"cannot be imported \(SyntaxError: invalid syntax, line 1\)"),
        ("\nimport nowhere\n", {}, r"\(ModuleNotFoundError: No module named 'nowhere', rewards\.py line 2\)"),
        ("raise SystemExit(2)\n", {}, r"cannot be imported \(SystemExit: 2, rewards\.py line 1\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_called_is_refused_before_training(written, text, arguments, message):
    with pytest.raises(Mistake, match=message) as refused:
        written(text, arguments=arguments)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("brevity", r"=brevity: is no FILE\.py:FUNCTION or PACKAGE\.MODULE:FUNCTION"),
        ("absent.py:brevity", r"absent\.py cannot be read \(No such file or directory, from the working dir"),
        ("nowhere.at_all:brevity", r"cannot be imported \(ModuleNotFoundError: No module named 'nowhere'\)"),
        ("math:cos", r"has no source file"),
    ],
)  # fmt: skip
def test_what_is_no_function_of_a_file_is_refused(function, message):
    with pytest.raises(Mistake, match=message):
        CustomReward(function=function).term("mine")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("return [1, 2]", r"rewards\.py:brevity returned 2 rewards for 3 completions, at step 7"),
        ("return 0.5", r"returned 0\.5, which is no list, at step 7"),
        ("return {'a': 1, 'b': 2, 'c': 3}", r"returned \{'a': 1, 'b': 2, 'c': 3\}, which is no list"),
        ("return [1, float('nan'), 1]", r"returned nan for completion 2 of 3 \(problem id1 of easy\), which "
         "is no finite number, at step 7"),
        ("return [1, 2, '3']", r"returned '3' for completion 3 of 3"),
        ("return [[1], 2, 3]", r"returned \[1\] for completion 1 of 3"),
        ("return [1e39, 2, 3]", r"returned 1e\+39 for completion 1 of 3"),
        ("return [1 / len(c[0]['content'] * (c[0]['content'] != '12345')) for c in completions[1:]] + [0]",
         r"raised ZeroDivisionError: division by zero, rewards\.py line 2, .*, at step 7\. Mend"),
        ("return [1 / (c[0]['content'] != '12345') for c in completions]",
         r"ZeroDivisionError: division by zero, rewards\.py line 2, at completion 2 of 3 \(problem id1 of"),
        ("return [1] * (6 // (len(completions) - 3))", r"with 3 completions together, of which the first is "
         r"completion 1 of 3 \(problem id0"),
        ("import sys; sys.exit('x')", r"raised SystemExit: x"),
    ],
)  # fmt: skip
def test_what_goes_wrong_names_function_and_row(written, lines, message):
    term = written(body(lines))
    with pytest.raises(Mistake, match=message) as refused:
        term(**batch(*TEXTS))
    assert str(refused.value).startswith("reward.custom.mine: ")
    assert "\n" not in str(refused.value)


HANGING = {
    "sleeps": "import time; time.sleep(20)",
    "computes": "while True: pass",
    "swallows": "\n    while True:\n        try: pass\n        except Exception: pass",
    "matches": "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    "has math-verify's alarm": (
        "import signal, time; signal.signal(signal.SIGALRM, print); signal.alarm(5); signal.alarm(0)\n"
        "    time.sleep(20)"
    ),
    "awaits": "import asyncio; asyncio.run(asyncio.sleep(20))",
}


@pytest.mark.parametrize("lines", HANGING.values(), ids=HANGING)
def test_a_function_that_hangs_is_named(written, lines):
    term, began = written(body(lines), time_limit=0.3), time.monotonic()
    message = (
        r"mine\.time_limit=0\.3: .*rewards\.py:brevity did not return .* at step 7, .*, rewards\.py line \d"
    )
    with pytest.raises(Mistake, match=message):
        term(**batch(*TEXTS))
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_bare_except_takes_one_interrupt_only():
    def stubborn():
        try:
            time.sleep(20)
        except:  # noqa: E722
            time.sleep(20)

    with pytest.raises(Expired):
        limited(0.2, stubborn)


@pytest.mark.parametrize("seconds", [0, 20], ids=["done in time", "hung"])
def test_a_signal_that_comes_while_the_call_ends_leaves_nothing_behind(monkeypatch, seconds):
    """The thread's signal and the timer's may come together, or just as the call returns."""

    class Late(threading.Event):
        def set(self):
            time.sleep(0.2)
            signal.raise_signal(time_limit.SIGNAL)
            super().set()

    before = signal.getsignal(time_limit.SIGNAL)
    monkeypatch.setattr(time_limit, "threading", SimpleNamespace(**vars(threading) | {"Event": Late}))
    with pytest.raises(Expired):
        limited(0.1, lambda: time.sleep(seconds))
    assert signal.getsignal(time_limit.SIGNAL) is before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)


def test_code_that_sees_no_signal_ends_the_process_with_its_place():
    code = (
        "import itertools\nfrom openrs.rewards import time_limit\ntime_limit.GRACE = 0.2\n"
        "def brevity(): return sum(itertools.repeat(1, 10**12))\ntime_limit.limited(0.2, brevity)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert re.search(r"Timeout .*line 4 in brevity", ended.stderr, re.DOTALL)


def test_a_time_limit_holds_beside_the_main_thread():
    outcomes = []

    def work():
        outcomes.append(limited(10, lambda: 7))
        for call, error in ((lambda: time.sleep(20), Expired), (lambda: 1 / 0, ZeroDivisionError)):
            with pytest.raises(error):
                limited(0.2, call)
            outcomes.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert outcomes == [7, Expired, ZeroDivisionError]


def test_an_async_client_keeps_its_loop(written):
    term = written(
        "import asyncio\nloops = []\n"
        "async def brevity(completions, **_):\n    loops.append(asyncio.get_running_loop())\n"
        "    return [float(loops[0] is loops[-1])] * len(completions)\n"
    )
    assert term(**batch("a")) == term(**batch("b")) == [1.0]
    assert asyncio.iscoroutinefunction(term) is False


@pytest.mark.slow
def test_trls_own_functions_are_taken_as_they_are():
    arguments = {"max_completion_len": 10, "soft_punish_cache": 4}
    overlong = CustomReward(function="trl.rewards:get_soft_overlong_punishment", arguments=arguments)
    assert overlong.term("overlong")(**batch("12", "12345678", "123456789012")) == [0.0, -0.5, -1.0]
    thinks = CustomReward(function="trl.rewards:think_format_reward").term("thinks")
    assert thinks(**batch("<think>\na\n</think>\nb", "b")) == [1.0, 0.0]
    right = CustomReward(function="trl.rewards:accuracy_reward").term("right")
    assert right(**batch(r"\boxed{1}", r"\boxed{2}")) == [1.0, 0.0]
    (source,) = thinks.code.sources
    assert source.path.name == "format_rewards.py"
