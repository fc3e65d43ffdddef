"""Names of results, metadata and labels."""

import pytest

from shared_code.blobs.names import (
    LONGEST_NAME,
    alert_subject,
    error_name,
    label_metadata,
    read_labels,
    result_name,
    source_metadata,
    source_of,
)
from shared_code.errors import InvalidRequest
from shared_code.extraction.submission import read_caller

ODD = [
    "NT047/a b.pdf",
    "NT047/a#b%20c%.pdf",
    "NT047/a+b&c=d?.pdf",
    "NT047/\U0001f9fe.pdf",
    "NT047/चालान.pdf",
    "NT047/" + "न" * 900 + ".pdf",
    "../NT047/x.pdf",
    "NT047/../x.pdf",
    "x" * 1024,
    "न" * 1024,
    "\U0001f9fe" * 512,
    "q\"uo'te;,.pdf",
]


@pytest.mark.parametrize("name", ODD)
def test_source_name_survives_metadata_which_is_ascii_and_small(name):
    metadata = source_metadata(name)
    assert source_of(metadata) == name
    assert all(value.isascii() and value.isprintable() for value in metadata.values())
    assert sum(len(key) + len(value) for key, value in metadata.items()) < 7_500


def test_results_of_different_sources_never_meet():
    names = [*ODD, "inv.pdf", "inv.png", "inv.pdf.error", "inv.pdf.json", "inv.pdf.error.json", "inv", "x" * 1023]
    written = [maker(name) for name in names for maker in (result_name, error_name)]
    assert len(set(written)) == len(written)


def test_result_keeps_the_whole_source_name():
    assert result_name("NT047/inv.pdf") == "NT047/inv.pdf.json"
    assert error_name("NT047/inv.pdf") == "NT047/inv.pdf.error.json"


@pytest.mark.parametrize("length", [1012, 1013, 1018, 1019, 1020, 1024])
def test_names_that_would_be_too_long_are_hashed(length):
    name = "x" * length
    assert len(result_name(name)) <= LONGEST_NAME
    assert len(error_name(name)) <= LONGEST_NAME
    assert (result_name(name) == name + ".json") == (length <= 1019)
    assert (error_name(name) == name + ".error.json") == (length <= 1013)


@pytest.mark.parametrize(
    ("name", "metadata", "expected"),
    [
        ("NT047/a.pdf", {}, {"companyID": "NT047"}),
        ("NT047/RUB/a.pdf", {}, {"companyID": "NT047", "branch": "RUB"}),
        ("NT047/RUB/2026/a.pdf", {}, {"companyID": "NT047", "branch": "RUB"}),
        ("scans/a.pdf", {"companyid": "C1", "branch": "B"}, {"companyID": "C1", "branch": "B"}),
        ("scans/in/a.pdf", {"CompanyID": "C1"}, {"companyID": "C1"}),
        ("NT047/RUB/a.pdf", {"branch": "B", "username": "u"}, {"companyID": "NT047", "branch": "B", "username": "u"}),
        ("NT047/a.pdf", {"username": "100%25"}, {"companyID": "NT047", "username": "100%25"}),
        (
            "a.pdf",
            {"companyid": "C1", "labelencoding": "percent", "username": "J%C3%B6rg"},
            {"companyID": "C1", "username": "Jörg"},
        ),
    ],
)
def test_labels_come_from_the_metadata_else_from_the_path(name, metadata, expected):
    assert read_labels(name, metadata) == expected


def test_metadata_that_names_another_company_than_the_folder_is_refused_unless_allowed():
    with pytest.raises(InvalidRequest, match="BLOB_COMPANY_FROM_METADATA"):
        read_labels("NT047/a.pdf", {"companyid": "C1"}, other_company=False)
    assert read_labels("NT047/a.pdf", {"companyid": "C1"}, other_company=True) == {"companyID": "C1"}
    assert read_labels("NT047/a.pdf", {"companyid": "nt047"}, other_company=False) == {"companyID": "nt047"}
    assert read_labels("a.pdf", {"companyid": "C1"}, other_company=False) == {"companyID": "C1"}


@pytest.mark.parametrize("name", ["a.pdf", "/a.pdf", "//a.pdf"])
def test_a_file_of_nobody_is_refused_with_what_to_do(name):
    with pytest.raises(InvalidRequest, match="companyid"):
        read_labels(name, {"branch": "RUB"})


@pytest.mark.parametrize("name", ["José", "JosÃ©"])
def test_metadata_whose_encoding_nobody_knows_is_refused(name):
    with pytest.raises(InvalidRequest, match="labelencoding=percent"):
        read_labels("NT047/a.pdf", {"username": name})


@pytest.mark.parametrize("name", ["Jos%E9", "%ED%A0%80", "%FF"])
def test_percent_encoded_metadata_that_is_not_utf_8_is_no_name(name):
    fields = read_labels("NT047/a.pdf", {"username": name, "labelencoding": "percent"})
    with pytest.raises(InvalidRequest, match="username is not UTF-8"):
        read_caller(fields)


def test_labels_of_any_characters_survive_the_metadata():
    fields = {"companyID": "NT047", "branch": "झंडेवालान 100%", "username": "Zoë \U0001f9fe", "licenceID": None}
    metadata = label_metadata(fields)
    assert all(value.isascii() for value in metadata.values())
    assert read_labels("a.pdf", metadata) == {key: value for key, value in fields.items() if value}


def test_long_names_stay_apart_as_subjects_of_alerts():
    first, second = "न" * 900 + "1.pdf", "न" * 900 + "2.pdf"
    assert alert_subject(first) != alert_subject(second)
    assert all(len(alert_subject(name).encode("utf-16-le")) <= 400 for name in [*ODD, first])
    assert alert_subject("NT047/a.pdf") == "NT047/a.pdf"
