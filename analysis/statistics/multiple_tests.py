"""The correction of p values where many tests are made."""


def holm(ps: list[float], tests: float | None = None, weights: list[float] | None = None) -> list[float]:
    """Holm's step-down adjustment (Holm 1979, Scand. J. Statist. 6:65), with weights (its section 4).

    Args:
        ps: p values.
        tests: the weight of the whole family where more tests were open than are given.
        weights: of each test's importance; a test of weight 2 is allowed twice the level. All 1 where None.
    """
    weights = weights or [1.0] * len(ps)
    left = sum(weights) if tests is None else tests
    adjusted, running = [0.0] * len(ps), 0.0
    for index in sorted(range(len(ps)), key=lambda i: ps[i] / weights[i]):
        running = max(running, min(1.0, left * ps[index] / weights[index]))
        adjusted[index] = running
        left -= weights[index]
    return adjusted
