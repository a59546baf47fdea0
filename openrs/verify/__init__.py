"""Answers -> verdicts, in bounded time and with the verdicts of math-verify.

`pool` asks worker processes, `worker` is one; `caches` and `nonzero` make math-verify quick there.
"""

from openrs.verify.pool import Rule, Verdict, Verifier, shared_verifier

__all__ = ["Rule", "Verdict", "Verifier", "shared_verifier"]
