"""What is printed: times in a unit for a person."""

import pytest

from openrs.terminal import duration


@pytest.mark.parametrize(
    ("seconds", "plain", "of_devices"),
    [
        ([0.0], "0 s", "0 device-seconds"),
        ([0.0384], "0.0384 s", "0.0384 device-seconds"),
        ([24, 96], "0.4 to 1.6 min", "0.4 to 1.6 device-minutes"),
        ([59], "59 s", "59 device-seconds"),
        ([120, 480], "2 to 8 min", "2 to 8 device-minutes"),
        ([86400], "24 h", "24 device-hours"),
        ([4_500_000], "1250 h", "1250 device-hours"),
    ],
)
def test_a_time_is_told_in_the_unit_of_its_length(seconds, plain, of_devices):
    assert duration(*seconds) == plain
    assert duration(*seconds, of_devices=True) == of_devices
