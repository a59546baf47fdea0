"""Answers -> verdicts, in bounded time and with the verdicts of math-verify.

`pool` asks worker processes, `worker` is one of them, `caches` keeps what math-verify computed before.
"""

from openrs.verify.pool import Rule, Verdict, Verifier, shared_verifier

__all__ = ["Rule", "Verdict", "Verifier", "shared_verifier"]
