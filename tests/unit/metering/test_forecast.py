"""The day on which a limit ends at the pace of the last days."""

from datetime import date, timedelta

import pytest

from shared_code.metering.forecast import run_out_day

TODAY = date(2026, 11, 21)


def use(**days):
    """``d0=100`` is use of today, ``d3`` of three days ago."""
    return {TODAY - timedelta(days=int(name[1:])): tokens for name, tokens in days.items()}


STEADY = {TODAY - timedelta(days=days): 1_000 for days in range(30)}


@pytest.mark.parametrize(
    ("remaining", "tokens", "resets_on", "expected"),
    [
        pytest.param(None, STEADY, None, None, id="no limit"),
        pytest.param(10_000, {}, None, None, id="no use"),
        pytest.param(10_000, use(d20=5_000), None, None, id="no use within the window"),
        pytest.param(0, {}, None, TODAY, id="nothing left"),
        pytest.param(-5, STEADY, None, TODAY, id="overdrawn"),
        pytest.param(10_000, STEADY, None, date(2026, 12, 1), id="a steady pace"),
        pytest.param(10_999, STEADY, None, date(2026, 12, 1), id="a part of a day does not count"),
        pytest.param(999, STEADY, None, TODAY, id="less than a day's use"),
        pytest.param(14_000, use(d13=7_000, d0=7_000), None, date(2026, 12, 5), id="days without use count"),
        pytest.param(14_000, use(d14=9**9, d13=14_000), None, date(2026, 12, 5), id="the fifteenth day does not"),
        pytest.param(3_000, use(d0=1_000), None, date(2026, 11, 24), id="a key used since today"),
        pytest.param(3_000, use(d1=1_000, d0=1_000), None, date(2026, 11, 24), id="a key used since yesterday"),
        pytest.param(3_000, use(d1=-500, d0=1_000), None, date(2026, 11, 24), id="a day of corrections"),
        pytest.param(9**9, use(d0=1), None, None, id="beyond any horizon"),
        pytest.param(10_000, STEADY, date(2026, 12, 1), None, id="a reset comes first"),
        pytest.param(9_000, STEADY, date(2026, 12, 1), date(2026, 11, 30), id="it ends before the reset"),
        pytest.param(0, STEADY, date(2026, 12, 1), TODAY, id="used up until the reset"),
    ],
)
def test_run_out_day(remaining, tokens, resets_on, expected):
    assert run_out_day(remaining, tokens, today=TODAY, resets_on=resets_on) == expected
