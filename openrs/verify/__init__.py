"""Answers -> verdicts, in bounded time and with the verdicts of math-verify.

`pool` asks worker processes, `worker` is one of them; the other modules are what math-verify, sympy and ANTLR
compute again and again, computed once or not at all.
"""

from openrs.verify.pool import Rule, Verdict, Verifier, shared_verifier

__all__ = ["Rule", "Verdict", "Verifier", "shared_verifier"]
