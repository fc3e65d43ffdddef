"""What an upload's body and address say, read strictly: nothing that a client sent is dropped or changed silently.

The platform's own reader of forms (``req.files``, ``req.form``) answers an unreadable form with an empty one, keeps the
first of two parts of a name, and puts U+FFFD where bytes are not UTF-8, so that two users become one. Here the bytes
themselves are read, and what cannot be kept is refused.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Event, Field, File, MultipartDecoder, NeedData, State

from shared_code.errors import InvalidRequest

FILE = "file"
#: the fields that mean something here; others are for somebody else, such as the platform's ``code``
FIELDS = ("companyID", "username", "branch", "licenceID", "model", "lines", "force", "evidence", "async")

_MULTIPART = "multipart/form-data"
_MOST_PARTS = 200
#: bytes that the decoder gets at once: it tries each place of a piece with a boundary, and a large file is many pieces
_PIECE = 1 << 15
#: what a part may declare as the encoding of its text, and what that means in Python
_ENCODINGS = {"": "utf-8", "utf-8": "utf-8", "us-ascii": "ascii", "ascii": "ascii", "iso-8859-1": "latin-1"}
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class SentFile:
    """The document of an upload. Name and content type are hints of the client, never trusted.

    :ivar data: a view into the body: uploads are large, and many wait at once.
    """

    data: memoryview = field(repr=False)
    name: str | None
    content_type: str


@dataclass(frozen=True, slots=True)
class Form:
    """What a form holds."""

    fields: Mapping[str, str]
    file: SentFile


def is_form(content_type: str) -> bool:
    """Whether this is the type of a form that can hold a file, however it is written."""
    return content_type.partition(";")[0].strip().lower() == _MULTIPART


def one_each(pairs: Iterable[tuple[str, str]], known: Collection[str] = FIELDS) -> dict[str, str]:
    """The fields that are ``known`` here, each with its one value; a blank one counts as not given.

    :raises InvalidRequest: a field has two different values.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known or not value.strip():
            continue
        if found.setdefault(name, value).strip() != value.strip():
            raise InvalidRequest(
                f"{name} is given more than once, with different values.", details={"field": name, "actual": 2}
            )
    return found


def read_form(body: bytes, content_type: str) -> Form:
    """Read a multipart form.

    :raises InvalidRequest: it is empty or cut, has no or another boundary, holds no file, two files or a field twice,
        or text that is not UTF-8; says which.
    """
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, SentFile]] = []
    for part, data in _parts(body, _boundary(content_type)):
        if not part.name:
            raise _refused("A part of the form has no name; each needs Content-Disposition: form-data; name=...")
        if isinstance(part, File):
            # Browsers send a part without name and content for a place where nobody chose a file.
            if part.filename or data:
                files.append((part.name, SentFile(data, part.filename, part.headers.get("content-type", ""))))
        else:
            fields.append((part.name, _text(part, data)))
    return Form(one_each(fields), _one_file(files, [name for name, _ in fields], len(body)))


def _one_file(files: Sequence[tuple[str, SentFile]], fields: Sequence[str], received: int) -> SentFile:
    if len(files) > 1:
        raise InvalidRequest(
            f"The form holds {len(files)} files ({_listed(name for name, _ in files)}); send one with each request.",
            details={"field": FILE, "limit": 1, "actual": len(files)},
        )
    if files and files[0][0] == FILE:
        return files[0][1]
    if FILE in fields:
        problem = 'The part named file is not sent as a file: its header has no filename="...".'
    else:
        sent = _listed([*fields, *(name for name, _ in files)]) or "none"
        problem = f"The form has no part named file ({received} bytes received, parts: {sent})."
    raise InvalidRequest(problem, details={"field": FILE, "received_bytes": received})


def _boundary(content_type: str) -> bytes:
    try:
        boundary = parse_options_header(content_type)[1].get("boundary", "").encode("ascii")
    except UnicodeEncodeError as error:
        raise _refused("The boundary in the Content-Type is not ASCII.") from error
    if not boundary:
        raise _refused(
            "The Content-Type has no boundary: leave this header to the library that makes the form, "
            "or write multipart/form-data; boundary=... ."
        )
    return boundary


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[Field | File, memoryview]]:
    """Each part with its content, as it lies in the body."""
    whole = memoryview(body)
    part: Field | File | None = None
    start = end = 0
    for event, position in _events(body, boundary):
        if isinstance(event, Field | File):
            # The decoder leaves the line break that ends the headers for the content to begin with.
            part = event
            start = end = position + (2 if body.startswith(b"\r\n", position) else 1)
        elif isinstance(event, Data):
            end += len(event.data)
            if part is not None and not event.more_data:
                yield part, whole[start:end]


def _events(body: bytes, boundary: bytes) -> Iterator[tuple[Event, int]]:
    """Each event with the place in the body behind it."""
    decoder = MultipartDecoder(boundary, max_parts=_MOST_PARTS)
    try:
        for start in range(0, len(body), _PIECE):
            decoder.receive_data(body[start : start + _PIECE])
            while not isinstance(event := decoder.next_event(), NeedData):
                yield event, min(start + _PIECE, len(body)) - len(decoder.buffer)
        if decoder.state is State.PREAMBLE:
            raise _refused(
                f"The boundary that the Content-Type names does not occur in the body ({len(body)} bytes received)."
            )
        if decoder.state is not State.EPILOGUE:
            raise _refused(f"The form is cut: {len(body)} bytes were received, without the boundary that closes it.")
    except RequestEntityTooLarge as error:
        raise _refused(f"The form has more than {_MOST_PARTS} parts.") from error
    except UnicodeDecodeError as error:
        raise _refused("The header of a part is not UTF-8: send names of fields and files in UTF-8.") from error
    except ValueError as error:
        raise _refused("A part of the form has no Content-Disposition header.") from error


def _text(part: Field, data: memoryview) -> str:
    """The value of a field that we know, in the encoding that its part declares, or UTF-8."""
    if part.name not in FIELDS:
        return ""
    declared = parse_options_header(part.headers.get("content-type"))[1].get("charset", "").lower()
    try:
        return str(data, _ENCODINGS[declared])
    except (KeyError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{part.name} is not UTF-8: characters would be lost, and it could be taken for another name.",
            details={"field": part.name},
        ) from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(ascii(name)[1:-1][:_SHOWN] for name in sorted(names))


def _refused(problem: str) -> InvalidRequest:
    return InvalidRequest(problem, details={"field": "body"})
