import pytest

from shared_code.errors import InvalidRequest
from shared_code.exports.formats import MEDIA_TYPES, Format, chosen_format

XLSX = MEDIA_TYPES[Format.XLSX]
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"


@pytest.mark.parametrize(
    ("name", "accept", "form"),
    [
        (None, None, "json"), (None, "", "json"), (None, "*/*", "json"), (None, "text/*", "json"),
        (None, FIREFOX, "json"), (None, CHROME, "json"), (None, "image/png", "json"), (None, "text/plain", "json"),
        (None, "text/csv", "csv"), (None, "Text/CSV; charset=utf-8", "csv"), (None, XLSX, "xlsx"),
        (None, "application/json, text/csv", "json"), (None, "text/csv, application/json", "csv"),
        (None, "text/csv;q=0.5, application/json", "json"), (None, f"text/csv;q=0.5,{XLSX};q=0.9,*/*", "xlsx"),
        (None, "text/csv;q=0", "json"), (None, "text/csv;q=much", "json"), (None, "text/csvx, xtext/csv", "json"),
        ("json", "text/csv", "json"), ("csv", "application/json", "csv"), ("XLSX", None, "xlsx"),
    ],
)  # fmt: skip
def test_only_the_parameter_or_exactly_a_media_type_chooses(name, accept, form):
    assert chosen_format(name, accept) == form


@pytest.mark.parametrize("name", ["", "xls", "pdf", "text/csv"])
def test_another_name_is_refused(name):
    with pytest.raises(InvalidRequest, match="format is json, csv, xlsx"):
        chosen_format(name, None)
