"""How a dropped file and its result find each other, and whose file it is. Pure functions on text, without I/O.

The result of ``inv.pdf`` is ``inv.pdf.json`` and its failure ``inv.pdf.error.json``: the whole source name stays in
it, so that ``inv.pdf`` and ``inv.png`` never meet.
"""

import base64
import hashlib
from collections.abc import Mapping
from urllib.parse import quote, unquote

from shared_code.errors import InvalidRequest

RESULT_SUFFIX = ".json"
ERROR_SUFFIX = ".error.json"
#: the service's limit, counted as it counts: UTF-16 units
LONGEST_NAME = 1024
#: says that the labels in a blob's metadata are percent-encoded, because metadata holds ASCII only
ENCODED_LABELS = "labelencoding"
_PERCENT = "percent"
#: a blob's metadata holds 8 KiB in all; three bytes of UTF-8 take nine characters percent-encoded and four in base64
_LONGEST_PERCENT = 4096
_ALERT_SUBJECT = 200
#: metadata name -> name of the upload form
_LABELS = {field.lower(): field for field in ("companyID", "branch", "username", "licenceID", "model", "lines")}
_WITH_BRANCH = 3


def result_name(source: str) -> str:
    """Name of the result of a source."""
    return _beside(source, RESULT_SUFFIX)


def error_name(source: str) -> str:
    """Name of the failure of a source."""
    return _beside(source, ERROR_SUFFIX)


def _beside(source: str, suffix: str) -> str:
    """The source name with a suffix; hashed where that is too long, or would be the error file of another source."""
    name = source + suffix
    if _units(name) <= LONGEST_NAME and not source.endswith(".error"):
        return name
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest() + suffix


def source_metadata(source: str) -> dict[str, str]:
    """A source name as metadata, which is ASCII: percent-encoded, or base64 where that would not fit."""
    encoded = quote(source, safe="/", errors="surrogatepass")
    if len(encoded) <= _LONGEST_PERCENT:
        return {"sourcename": encoded}
    return {"sourcename64": base64.b64encode(source.encode("utf-8", "surrogatepass")).decode()}


def source_of(metadata: Mapping[str, str]) -> str | None:
    """The source name that a result's metadata holds, or None."""
    if "sourcename64" in metadata:
        return base64.b64decode(metadata["sourcename64"]).decode("utf-8", "surrogatepass")
    return unquote(metadata["sourcename"], errors="surrogatepass") if "sourcename" in metadata else None


def read_labels(name: str, metadata: Mapping[str, str], *, other_company: bool = True) -> dict[str, str | None]:
    """Whose file it is, as fields of the upload form.

    Metadata (``companyid``, ``branch``, ``username``, ...) says it; without ``companyid`` the path does:
    ``COMPANY/file``, ``COMPANY/BRANCH/file``. Folders below the branch have no meaning. Labels in the metadata are
    taken as they stand, or percent-decoded where ``labelencoding`` says ``percent``.

    :param other_company: metadata may name another company than the first folder; else that is refused, because who
        may write into one company's folder could book on another one.
    :raises InvalidRequest: neither of them names a company, they name two, or metadata is not ASCII.
    """
    given = {key.lower(): value for key, value in metadata.items()}
    encoded = given.get(ENCODED_LABELS, "").lower() == _PERCENT
    fields: dict[str, str | None] = {}
    for key, field in _LABELS.items():
        value = given.get(key)
        if value is not None and not value.isascii():
            raise InvalidRequest(
                f"The blob's metadata {key} holds other characters than ASCII, and nothing says in which encoding: "
                f"percent-encode its UTF-8, and add the metadata {ENCODED_LABELS}={_PERCENT}.",
                details={"field": field},
            )
        if value is not None:
            # Bytes that are no UTF-8 become U+FFFD here, which no name may hold.
            fields[field] = unquote(value) if encoded else value
    folders = name.split("/")[:-1]
    if not other_company:
        _refuse_two_companies(fields.get("companyID"), folders)
    if not fields.get("companyID"):
        if not folders or not folders[0]:
            raise InvalidRequest(
                "Nothing says whose file this is: set the blob's metadata companyid, or put it into a folder "
                "COMPANY/ or COMPANY/BRANCH/.",
                details={"field": "companyID"},
            )
        fields["companyID"] = folders[0]
        if len(folders) + 1 >= _WITH_BRANCH:
            fields.setdefault("branch", folders[1])
    return fields


def _refuse_two_companies(named: str | None, folders: list[str]) -> None:
    if named and folders and folders[0] and named.strip().upper() != folders[0].strip().upper():
        raise InvalidRequest(
            "The blob's metadata names another company than the folder that the file lies in. Put it into that "
            "company's folder, or let an operator set BLOB_COMPANY_FROM_METADATA=true.",
            details={"field": "companyID"},
        )


def company_of(name: str, metadata: Mapping[str, str]) -> str:
    """Whose file it is, in upper case; '' when nothing says it."""
    try:
        return (read_labels(name, metadata)["companyID"] or "").strip().upper()
    except InvalidRequest:
        return ""


def label_metadata(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Fields of the upload form as metadata that :func:`read_labels` reads back, whatever characters they hold."""
    labels = {key: quote(fields[field] or "", safe=" ") for key, field in _LABELS.items() if fields.get(field)}
    return {**labels, ENCODED_LABELS: _PERCENT}


def version_label(name: str, etag: str) -> str:
    """The request id of every run over one version of a blob: the same at each try, so that its rows are found."""
    digest = hashlib.sha256(f"{name}\0{plain_etag(etag)}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"blob-{digest[:40]}"


def alert_subject(name: str) -> str:
    """The name as the subject of an alert; a long one is cut and told apart by a digest."""
    if _units(name) <= _ALERT_SUBJECT:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{name[: _ALERT_SUBJECT // 2 - len(digest)]}~{digest}"


def is_addressable(name: str) -> bool:
    """Names with dot segments can be listed but not asked for: every HTTP client resolves them."""
    return bool(name) and not {".", ".."}.intersection(name.split("/"))


def plain_etag(etag: str) -> str:
    """An ETag without its quotes: headers have them, listings do not."""
    return etag.strip('"')


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
