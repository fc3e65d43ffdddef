"""Runs a blob function with a blob: its bytes (or what Azure makes of them) and what the trigger knows of it."""

import base64
import codecs
import json
import logging
from typing import TYPE_CHECKING, Any

from devstack.host.blobs.registration import BlobRegistration
from devstack.host.invocations import Invocations
from devstack.host.worker import datum

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties

_BLOB_TYPES = ("BlockBlob", "PageBlob", "AppendBlob")
_LEASE_STATES = ("available", "leased", "expired", "breaking", "broken")
_LEASE_STATUSES = ("locked", "unlocked")
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

log = logging.getLogger("devstack.host")


class BlobInvoker:
    """Downloads and runs."""

    def __init__(self, invocations: Invocations) -> None:
        self._invocations = invocations

    def run(self, registration: BlobRegistration, name: str, *, reason: str) -> bool:
        """Whether the function succeeded. Raises AzureError when the blob cannot be read."""
        download = registration.blob(name).download_blob()
        content = download.readall()
        return self._run(registration, name, content, download.properties, reason)

    def run_by_hand(self, registration: BlobRegistration, path: str) -> None:
        """Run for ``container/blob`` without receipt, queue or retry."""
        from azure.core.exceptions import AzureError

        container, _, name = path.strip("/").partition("/")
        if container.casefold() != registration.pattern.container or not name:
            log.error("'%s' is not a blob of container '%s'.", path, registration.pattern.container)
            return
        try:
            self.run(registration, name, reason="This function was programmatically called via the host APIs.")
        except AzureError as error:
            log.error("Blob '%s' cannot be read: %s", path, str(error).splitlines()[0])  # noqa: TRY400

    def _run(
        self, registration: BlobRegistration, name: str, content: bytes, properties: "BlobProperties", reason: str
    ) -> bool:
        trigger = registration.function.trigger
        value = (
            datum(content, "bytes") if trigger.data_type in {"binary", "stream"} else datum(as_text(content), "string")
        )
        container = registration.pattern.container
        metadata = {
            "BlobTrigger": datum(f"{container}/{name}", "string"),
            "Uri": datum(json.dumps(registration.blob(name).url), "json"),
            "Properties": datum(json.dumps(describe(properties)), "json"),
            "Metadata": datum(json.dumps(dict(properties.metadata or {})), "json"),
        }
        for key, part in (registration.pattern.match(container, name) or {}).items():
            metadata[key] = datum(part, "string")
        result = self._invocations.run(
            registration.function.name, [(trigger.name, value)], metadata=metadata, reason=reason
        )
        return result.ok


def as_text(content: bytes) -> str:
    """What becomes of a blob without ``dataType``: read as UTF-8 text, every byte that is none replaced."""
    for mark, encoding in _UTF16.items():
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="replace")


def describe(properties: "BlobProperties") -> dict[str, Any]:
    """The trigger's ``Properties`` as .NET writes them: enums as numbers, and the ETag as an empty object.

    The ETag is a structure without public members there, so its JSON is ``{}``: a function cannot learn it this way.
    """
    settings = properties.content_settings
    lease = properties.lease
    content_hash = settings.content_md5
    return {
        "LastModified": _moment(properties.last_modified),
        "CreatedOn": _moment(properties.creation_time),
        "Metadata": dict(properties.metadata or {}),
        "BlobType": _number(properties.blob_type, _BLOB_TYPES),
        "LeaseState": _number(lease.state, _LEASE_STATES),
        "LeaseStatus": _number(lease.status, _LEASE_STATUSES),
        "ContentLength": properties.size,
        "ContentType": settings.content_type,
        "ETag": {},
        "ContentHash": base64.b64encode(bytes(content_hash)).decode() if content_hash else None,
        "ContentEncoding": settings.content_encoding,
        "ContentDisposition": settings.content_disposition,
        "ContentLanguage": settings.content_language,
        "CacheControl": settings.cache_control,
        "IsServerEncrypted": bool(properties.server_encrypted),
        "AccessTier": str(properties.blob_tier) if properties.blob_tier else None,
    }


def _moment(value: Any) -> str | None:
    return value.isoformat() if value else None


def _number(value: Any, names: tuple[str, ...]) -> int:
    text = str(getattr(value, "value", value))
    return names.index(text) if text in names else 0
