"""What is read out of an upload's body and address, and that nothing of it is dropped or changed silently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.errors import InvalidRequest
from shared_code.extraction.submission import read_caller
from shared_code.web.extract import upload_of

URL = "http://localhost:7071/api/extract"
TYPE = "multipart/form-data; boundary=edge"
PDF = b"%PDF-1.7\r\n--edg\r\n\x00\xff\r\n"


def part(name, value, *, file_name=None, content_type=None):
    """One part of a form. ``name`` and ``value`` may be bytes."""
    head = b'Content-Disposition: form-data; name="' + _bytes(name) + b'"'
    if file_name is not None:
        head += b'; filename="' + _bytes(file_name) + b'"'
    if content_type:
        head += b"\r\nContent-Type: " + content_type.encode()
    return b"--edge\r\n" + head + b"\r\n\r\n" + _bytes(value) + b"\r\n"


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode()


FILE = part("file", PDF, file_name="a.pdf", content_type="application/pdf")
COMPANY = part("companyID", "NT047")
FIELD_AFTER = part("username", "José")
END = b"--edge--\r\n"


def read(*parts, content_type=TYPE, query="", end=END):
    return upload_of(b"".join(parts) + end, content_type=content_type, url=f"{URL}{query}", principal=None)


def refusal(*parts, **options):
    with pytest.raises(InvalidRequest) as raised:
        read(*parts, **options)
    assert raised.value.http_status == 400
    return raised.value


@pytest.mark.parametrize(
    "content_type",
    [
        TYPE,
        "Multipart/Form-Data; Boundary=edge",
        'MULTIPART/FORM-DATA ; charset=utf-8; boundary="edge"',
    ],
)
def test_a_form_is_read_however_its_type_is_written(content_type):
    upload = read(COMPANY, part("username", "José"), FILE, content_type=content_type)
    assert (upload.data, upload.file_name, upload.content_type) == (PDF, "a.pdf", "application/pdf")
    assert upload.fields == {"companyID": "NT047", "username": "José"}
    assert upload.multipart


@given(st.binary(max_size=200_000).filter(lambda data: b"--edge" not in data))
def test_a_file_comes_out_byte_for_byte(data):
    assert read(part("file", data, file_name="x"), COMPANY).data == data


@pytest.mark.parametrize("size", [0, 1, 2, 3, *range(65_300, 65_545, 7), 131_071, 131_072, 200_001])
@pytest.mark.parametrize("filling", [b"\r\n", b"\n", b"\r", b"\r\n--edg", b"-"], ids=repr)
def test_a_file_of_line_breaks_and_half_boundaries_comes_out_whole_wherever_a_piece_ends(size, filling):
    data = (filling * (size // len(filling) + 1))[:size]
    assert read(COMPANY, part("file", data, file_name="x"), FIELD_AFTER).data == data
    assert read(part("file", data, file_name="x"), COMPANY).data == data


@pytest.mark.parametrize("data", [b"\n\r\nA\n", b"\nA\n\n", b"\rA", b"", b"A" * 70_000])
def test_a_form_with_bare_line_feeds_keeps_the_bytes_of_its_file(data):
    form = (COMPANY + part("file", b"HERE", file_name="x") + END).replace(b"\r\n", b"\n").replace(b"HERE", data)
    assert read(end=form).data == data


def test_text_is_read_as_its_part_declares_it():
    latin = part("username", "José".encode("latin-1"), content_type="text/plain; charset=ISO-8859-1")
    assert read(FILE, COMPANY, latin).fields["username"] == "José"


@pytest.mark.parametrize("name", ["companyID", "username", "branch", "licenceID", "model", "lines", "force"])
@pytest.mark.parametrize(
    "sent",
    [
        {"value": b"Jos\xe9"},
        {"value": b"Jos\xe9", "content_type": "text/plain; charset=utf-8"},
        {"value": b"Jos\xe9", "content_type": "text/plain; charset=us-ascii"},
        {"value": b"Jos\xe9", "content_type": "text/plain; charset=windows-1252"},
        {"value": "José".encode("utf-16"), "content_type": "text/plain; charset=utf-16"},
        {"value": b"\xed\xa0\x80"},
    ],
)
def test_a_field_that_is_not_utf_8_is_refused_by_name(name, sent):
    error = refusal(FILE, part(name, **sent))
    assert (error.details["field"], f"{name} is not UTF-8" in error.message) == (name, True)


@pytest.mark.parametrize("query", ["?companyID=NT047&username=Jos%E9", "?companyID=NT047&branch=%ed%a0%80", "?x=%ff"])
@pytest.mark.parametrize("content_type", ["application/pdf", TYPE])
def test_a_query_that_is_not_utf_8_is_refused(query, content_type):
    assert "not UTF-8" in refusal(FILE, content_type=content_type, query=query).message


def test_what_another_program_has_lost_already_is_refused_too():
    with pytest.raises(InvalidRequest, match="username is not UTF-8"):
        read_caller(read(FILE, COMPANY, part("username", "Jos\ufffd")).fields)


@pytest.mark.parametrize(
    ("parts", "query", "field"),
    [
        ((COMPANY, part("companyID", "OTHER"), FILE), "", "companyID"),
        ((COMPANY, part("username", "a"), part("username", "b"), FILE), "", "username"),
        ((COMPANY, FILE), "?companyID=OTHER", "companyID"),
        ((COMPANY, part("branch", "RUB"), FILE), "?branch=KAS", "branch"),
        ((COMPANY, FILE), "?model=a&model=b", "model"),
        ((COMPANY, part("force", "true"), FILE), "?force=false", "force"),
        ((COMPANY, FILE, part("file", PDF, file_name="b.pdf")), "", "file"),
        ((COMPANY, FILE, FILE), "", "file"),
        ((COMPANY, FILE, part("attachment", PDF, file_name="b.pdf")), "", "file"),
    ],
)
def test_two_values_of_one_thing_are_refused(parts, query, field):
    assert refusal(*parts, query=query).details["field"] == field


def test_the_same_value_twice_is_one_and_the_query_adds_what_the_form_leaves_out():
    upload = read(COMPANY, COMPANY, FILE, part("username", ""), query="?companyID=NT047&username=u&code=k&code=l")
    assert upload.fields == {"companyID": "NT047", "username": "u"}


def test_a_place_where_nobody_chose_a_file_is_no_second_file():
    assert read(COMPANY, FILE, part("attachment", b"", file_name="")).data == PDF


@pytest.mark.parametrize(
    ("parts", "options", "said"),
    [
        ((COMPANY, FILE), {"content_type": "multipart/form-data"}, "no boundary"),
        ((COMPANY, FILE), {"content_type": "multipart/form-data; boundary="}, "no boundary"),
        ((COMPANY, FILE), {"content_type": "multipart/form-data; boundary=é"}, "no boundary"),
        ((COMPANY, FILE), {"content_type": "multipart/form-data; boundary=other"}, "does not occur"),
        ((b"{}",), {"end": b""}, "does not occur"),
        ((COMPANY, FILE), {"end": b""}, "is cut"),
        ((COMPANY, FILE[:60]), {"end": b""}, "is cut"),
        ((COMPANY, b"--edge\r\n"), {"end": b""}, "is cut"),
        ((COMPANY,), {}, "no part named file"),
        ((), {}, "no part named file"),
        ((COMPANY, part("document", PDF, file_name="a.pdf")), {}, "parts: companyID, document"),
        ((COMPANY, part("file", PDF)), {}, "not sent as a file"),
        ((COMPANY, part("file", b"", file_name="")), {}, "no part named file"),
        ((COMPANY, b"--edge\r\nContent-Type: text/plain\r\n\r\nx\r\n", FILE), {}, "no Content-Disposition"),
        ((COMPANY, b"--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n", FILE), {}, "has no name"),
        ((COMPANY, part("file", PDF, file_name=b"Jos\xe9.pdf")), {}, "header of a part is not UTF-8"),
        ((part("x", "") * 300, FILE), {}, "more than 200 parts"),
    ],
)
def test_a_form_that_cannot_be_read_says_why(parts, options, said):
    assert said in refusal(*parts, **options).message


def test_an_empty_body_says_that_chunked_ones_arrive_so():
    for content_type in (TYPE, "application/pdf", "", "application/json"):
        assert "Content-Length" in refusal(content_type=content_type, end=b"").message


@given(st.binary(max_size=300), st.sampled_from([TYPE, "multipart/form-data; boundary=--", "multipart/form-data"]))
def test_any_bytes_are_a_form_or_refused(body, content_type):
    for sent in (body, b"--edge\r\n" + body + END, COMPANY + FILE[: len(body)] + body):
        try:
            upload_of(sent, content_type=content_type, url=URL, principal=None)
        except InvalidRequest as error:
            assert error.message  # noqa: PT017 - refused is one of the two good ends
