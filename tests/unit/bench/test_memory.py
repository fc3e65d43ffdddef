"""The trend that the memory bench prints."""

import pytest

from bench.memory import bytes_per_call


def test_the_trend_is_the_slope_in_bytes():
    assert bytes_per_call([100.0, 101.0, 102.0], 1000) == pytest.approx(1048.576)
    assert bytes_per_call([50.0, 50.0, 50.0], 10) == 0
    assert bytes_per_call([3.0, 2.0], 1) == pytest.approx(-1048576)
