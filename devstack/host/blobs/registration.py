"""A blob function with the account it watches, and the message that says "this blob is due"."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devstack.host.blobs.paths import BlobPattern
from devstack.host.discovery import FunctionDefinition
from devstack.host.storage import StorageAccount

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient


@dataclass(frozen=True)
class BlobRegistration:
    """One blob function, ready to be notified."""

    function: FunctionDefinition
    pattern: BlobPattern
    account: StorageAccount

    @property
    def function_id(self) -> str:
        """The name in receipts and messages."""
        return f"Host.Functions.{self.function.name}"

    def blob(self, name: str) -> "BlobClient":
        """A client for one blob of the watched container."""
        return self.account.blobs.get_blob_client(self.pattern.container, name)


@dataclass(frozen=True)
class BlobMessage:
    """What the internal queue and the poison queue hold: base64 of JSON in .NET's spelling."""

    function_id: str
    container: str
    name: str
    #: in quotes, as in the header
    etag: str
    blob_type: str = "BlockBlob"

    def encode(self) -> str:
        """The text of the queue message."""
        content = {
            "Type": "BlobTrigger",
            "FunctionId": self.function_id,
            "BlobType": self.blob_type,
            "ContainerName": self.container,
            "BlobName": self.name,
            "ETag": self.etag,
        }
        return base64.b64encode(json.dumps(content, ensure_ascii=False).encode()).decode()


def decode_message(text: str) -> BlobMessage:
    """Read a queue message. Raises ValueError for anything that is none of ours."""
    try:
        content = json.loads(base64.b64decode(text, validate=True))
        return BlobMessage(
            str(content["FunctionId"]),
            str(content["ContainerName"]),
            str(content["BlobName"]),
            str(content.get("ETag") or ""),
            str(content.get("BlobType") or "BlockBlob"),
        )
    except (binascii.Error, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a blob trigger message: {error!r}") from error


def quoted(etag: str) -> str:
    """An ETag as the header has it; listings leave the quotes out."""
    return f'"{etag.strip(chr(34))}"'
