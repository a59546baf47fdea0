"""Estimates, intervals, tests and power, as pure functions of arrays; shares lie between 0 and 1."""
