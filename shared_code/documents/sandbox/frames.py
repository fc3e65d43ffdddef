"""How the service and its sandbox process talk: one frame for a job, one for its answer.

A frame is a length (4 bytes, big-endian), a JSON header of that length, and the binary parts whose sizes the header
lists under ``parts``.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from shared_code.records import FileBytes

_LENGTH_BYTES = 4
_MAX_HEADER = 64 * 1_048_576
_MAX_PARTS = 512 * 1_048_576


class ConnectionLost(Exception):
    """The other side ended, or sent something that is not a frame."""


def write_frame(stream: BinaryIO, header: Mapping[str, Any], parts: Sequence[FileBytes] = ()) -> None:
    """Send one frame.

    :raises OSError: the other side is gone.
    """
    head = json.dumps({**header, "parts": [len(part) for part in parts]}).encode()
    stream.write(len(head).to_bytes(_LENGTH_BYTES) + head)
    stream.writelines(parts)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], list[bytes]]:
    """Receive one frame: header and parts.

    :raises ConnectionLost: the stream ended, or it holds something else than a frame.
    """
    size = int.from_bytes(_exactly(stream, _LENGTH_BYTES))
    if size > _MAX_HEADER:
        raise ConnectionLost("header too long")
    try:
        header = json.loads(_exactly(stream, size))
    except ValueError as error:
        raise ConnectionLost("header is not JSON") from error
    sizes = header.get("parts", [])
    if sum(sizes) > _MAX_PARTS:
        raise ConnectionLost("parts too long")
    return header, [_exactly(stream, part) for part in sizes]


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if data is None or len(data) < count:
        raise ConnectionLost("the stream ended")
    return data
