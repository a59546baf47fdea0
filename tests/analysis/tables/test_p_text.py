"""p values as text: the side of 0.05 is seen."""

import pytest

from openrs.analysis.tables.table import p_text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0004, "p < 0.001"), (0.0123, "p 0.012"), (0.04961, "p 0.0496"), (0.05043, "p 0.0504"),
        (0.0512, "p 0.051"), (0.0995, "p 0.10"), (1.0, "p 1.00"),
    ],
)  # fmt: skip
def test_p_values(p, text):
    assert p_text(p) == text
