"""The console's static files: read once, compressed once, under addresses that change with their content.

The version stands in the path (``static/<version>/api.js``), so that a module that imports ``./dom.js`` gets the file
of the same version. One version counts for all files: what a browser has is right, or it asks for all anew.
"""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
#: smaller ones are sent as they are: packing would save less than a packet
_SMALLEST_PACKED = 1024


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; ``packed`` is None where compression does not pay."""

    content: bytes
    media_type: str
    etag: str
    packed: bytes | None


@dataclass(frozen=True, slots=True)
class Assets:
    """All files by their path below ``static``, and the version that they have together."""

    version: str
    files: Mapping[str, Asset]


@cache
def assets() -> Assets:
    """The files as they were at the first call."""
    files = dict(_read(FOLDER))
    digest = hashlib.sha256()
    for name, asset in files.items():
        digest.update(f"{name} {asset.etag}\n".encode())
    return Assets(digest.hexdigest()[:12], files)


def _read(folder: Path) -> Iterator[tuple[str, Asset]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in _TYPES:
            content = path.read_bytes()
            packed = gzip.compress(content, mtime=0) if len(content) >= _SMALLEST_PACKED else None
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            yield path.relative_to(folder).as_posix(), Asset(content, _TYPES[path.suffix], etag, packed)
