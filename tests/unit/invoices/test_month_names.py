"""Months have names in all languages, and looking one up costs no more than a small file."""

import json
from importlib import resources

from devstack.month_names import names_of_cldr
from shared_code.invoices import month_names
from shared_code.invoices.month_names import months_of


def test_the_file_holds_what_the_repository_of_languages_holds():
    text = resources.files("shared_code.invoices").joinpath(month_names.CLDR_FILE).read_text(encoding="utf-8")
    ours, theirs = json.loads(text), names_of_cldr()
    # An update of the repository may bring a few; `python -m devstack.month_names` takes them over.
    assert len(theirs.keys() - ours.keys()) <= len(theirs) // 50


def test_names_of_other_languages_are_known_when_asked_for():
    assert months_of("lapkritis") == ()
    assert months_of("lapkritis", all_languages=True) == (11,)
    assert months_of("noiembrie", all_languages=True) == (11,)
