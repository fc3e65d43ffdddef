"""Writes the zip file: the same bytes for the same commit and the same Python."""

import hashlib
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.setup.console import SetupProblem
from devstack.setup.packaging import contents
from devstack.setup.packaging.bytecode import can_compile, compile_folder

#: the earliest moment that a zip file can hold
_MOMENT = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644


@dataclass(frozen=True)
class Package:
    """What was packed.

    :ivar files: name and size of each file before it is compressed, in order.
    :ivar unknown: files that the list names, left out because git does not know them.
    :ivar digest: SHA-256 of names and contents, whatever compressed them.
    :ivar compiled: whether bytecode is in it.
    """

    target: Path
    files: Mapping[str, int]
    unknown: tuple[str, ...]
    digest: str
    compiled: bool


def write_package(
    root: Path, plan: str, target: Path, *, python: Path | None = None, untracked: bool = False
) -> Package:
    """Write the zip file.

    :param python: compiles; None, or one that is not the target's: no bytecode.
    :param untracked: also pack files that git does not know.
    :raises SetupProblem: this is no app, the plan is unknown, or a module does not compile.
    """
    if plan not in contents.PLANS:
        raise SetupProblem(f"There is no plan {plan!r}; known: {', '.join(contents.PLANS)}.")
    found = contents.find_contents(root, untracked=untracked)
    files = {name: contents.content_of(root, name, plan) for name in found.names}
    files[contents.REQUIREMENTS] = contents.content_of(root, contents.LOCK, plan)
    compiled = python is not None and can_compile(python)
    if compiled:
        assert python is not None
        files |= _bytecode(files, python)
    files = dict(sorted(files.items()))
    _write(target, files)
    sizes = {name: len(content) for name, content in files.items()}
    return Package(target, sizes, found.unknown, _digest(files), compiled)


def _bytecode(files: Mapping[str, bytes], python: Path) -> dict[str, bytes]:
    """Compiled from a copy of what is packed: bytecode of anything else would not belong to its source."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            if path.endswith(".py") and "/" in path:  # a script at the top is never cached
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        return {path: (folder / path).read_bytes() for path in compile_folder(folder, python)}


def _write(target: Path, files: Mapping[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # One system's default would differ from another's.
            entry.create_system = 3
            entry.external_attr = _FILE_MODE << 16
            packed.writestr(entry, content)
    part.replace(target)


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
