"""Which uploads are read later."""

import pytest

from shared_code.errors import InvalidRequest
from shared_code.web.prefer import prefers_async, wants_async


@pytest.mark.parametrize(
    "header",
    [
        "respond-async",
        "Respond-Async",
        "wait=10, respond-async",
        "respond-async; foo=bar",
        " respond-async , return=minimal",
    ],
)
def test_the_preference_is_found_wherever_it_stands(header):
    assert prefers_async(header)


@pytest.mark.parametrize(
    "header", [None, "", "return=minimal", "respond-asynchronous", "x=respond-async", ";respond-async"]
)
def test_other_preferences_are_none(header):
    assert not prefers_async(header)


@pytest.mark.parametrize(
    ("header", "field", "later"),
    [
        (None, "true", True),
        (None, "1", True),
        ("respond-async", "false", False),
        ("respond-async", None, True),
        (None, None, False),
        ("respond-async", "", True),
    ],
)
def test_the_field_overrules_the_header(header, field, later):
    assert wants_async(header, {"async": field}) is later


def test_a_field_that_is_neither_true_nor_false_is_refused():
    with pytest.raises(InvalidRequest):
        wants_async(None, {"async": "later"})
