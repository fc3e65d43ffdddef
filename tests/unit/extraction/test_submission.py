"""The labels of a caller: stored composed, compared composed, and refused when something of them was lost."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.database.stores.keys.token_fields import checked_text
from shared_code.errors import InvalidRequest
from shared_code.extraction.submission import read_caller
from shared_code.labels import composed, problem_of, spellings
from shared_code.operations.quotas import checked_subject
from shared_code.records import Caller

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\ufffd"), max_size=20).map(str.strip).filter(bool)


def caller(**fields):
    return read_caller({"companyID": "NT047", **fields})


@given(NAMES.filter(lambda name: problem_of(composed(name)) is None))
def test_all_spellings_of_a_name_are_one_caller_and_one_subject(name):
    forms = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")} | {name}
    assert len({caller(username=form, branch=form, licenceID=form) for form in forms}) == 1
    assert {checked_subject("user", form) for form in forms} == {caller(username=name).username}
    assert caller(username=name).username in spellings(name)


def test_a_caller_from_anywhere_is_composed():
    assert Caller("NT047", "Jose\u0301", "Ko\u0308ln", "e\u0301") == Caller("NT047", "José", "Köln", "é")


@pytest.mark.parametrize("name", ["Jos\ufffd", "Jan\udce9"])
def test_a_name_that_lost_characters_is_refused_everywhere(name):
    for field in ("username", "branch", "licenceID"):
        with pytest.raises(InvalidRequest, match=f"{field} is not UTF-8"):
            caller(**{field: name})
    with pytest.raises(InvalidRequest, match="subject is not UTF-8"):
        checked_subject("user", name)


@pytest.mark.parametrize("name", ["a\nb", "a\x00", "a\u200bb"])
def test_a_name_that_cannot_be_printed_is_refused(name):
    with pytest.raises(InvalidRequest, match="cannot be printed"):
        caller(username=name)


def test_a_name_is_as_long_as_its_column_counts():
    """In UTF-16 units, after it was composed: Azure SQL would refuse the row otherwise."""
    assert caller(username="\U0001f9fe" * 50).username == "\U0001f9fe" * 50
    assert checked_text("label", "e\u0301" * 100, 100) == "é" * 100
    for read in (lambda name: caller(username=name), lambda name: checked_text("label", name, 100)):
        with pytest.raises(InvalidRequest):
            read("\U0001f9fe" * 51)
