"""Whose work the deployed app runs on, and on which terms: docs/third-party.md and the allow list behind it.

What a package says about its licence stands in one of three places of its metadata, and often in words of its own.
Runs in the project's environment: ``python -m devstack.setup.packaging.third_parties`` writes the page anew.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from devstack.setup.packaging.contents import LOCK
from devstack.setup.packaging.lock import Locked, normal_name, read_lock

PAGE = "docs/third-party.md"
#: SPDX identifiers that any package may have.
ALLOWED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MIT-CMU"),
        *("MPL-2.0", "PSF-2.0", "Unicode-3.0", "Zlib"),
    }
)
#: Packages under the LGPL: used unmodified, as a library of its own that can be replaced; never copied into the code.
LIBRARIES = {"psycopg": "LGPL-3.0-only", "psycopg-binary": "LGPL-3.0-only", "pi-heif": "LGPL-3.0-only",
             "python-stdnum": "LGPL-2.1-or-later"}  # fmt: skip
#: Where the metadata are missing, wrong or cannot be read by a program; looked up in the files of the package.
_LOOKED_UP = {
    "isodate": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    # Its own code is BSD-3-Clause; the libheif and libde265 in its wheels are LGPL-3.0.
    "pi-heif": "LGPL-3.0-only",
    "pyasn1-modules": "BSD-2-Clause",
    # "BSD-3-Clause, Apache-2.0, dependency licenses": its code under either, PDFium under BSD-3-Clause.
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",
    "python-stdnum": "LGPL-2.1-or-later",
}
_WORDS = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "PSFL": "PSF-2.0",
}
_CLASSIFIERS = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_HEAD = """\
# What the deployed app runs on

The packages of `requirements.lock` with their licences, as their metadata name them (SPDX). `python dev.py lock` writes
this page; a test compares it, and refuses licences that are not on the list in
`devstack/setup/packaging/third_parties.py`. There is no GPL and no AGPL.

Under the LGPL: {libraries}. They are used unmodified, as libraries that can be
replaced by others of the same name. Nothing of theirs is copied into this project.

| Package | Version | Licence |
|---|---|---|
"""


@dataclass(frozen=True)
class Component:
    """A package of the deployed app.

    :ivar licence: an SPDX expression; ``?`` and what the metadata say where they hold none.
    :ivar needs: names of the packages that it requires.
    """

    name: str
    version: str
    licence: str
    needs: tuple[str, ...] = ()


def components(locked: Sequence[Locked]) -> list[Component]:
    """The packages of the lock with what the installed ones say about themselves."""
    return [_component(one) for one in locked]


def refused(found: Iterable[Component]) -> list[str]:
    """Packages whose licence is not on the list, each with it."""
    return [f"{one.name}: {one.licence}" for one in found if not _allowed(one)]


def page(found: Sequence[Component]) -> str:
    """The text of docs/third-party.md."""
    rows = "".join(f"| {one.name} | {one.version} | {one.licence} |\n" for one in found)
    return _HEAD.format(libraries=", ".join(sorted(LIBRARIES))) + rows


def _allowed(component: Component) -> bool:
    if component.name in LIBRARIES:
        return component.licence == LIBRARIES[component.name]
    choices = component.licence.strip("()").split(" OR ")
    return any(all(part.strip("() ") in ALLOWED for part in choice.split(" AND ")) for choice in choices)


def _component(locked: Locked) -> Component:
    try:
        found = distribution(locked.name)
    except PackageNotFoundError:
        return Component(locked.name, locked.version, _LOOKED_UP.get(locked.name, "? not installed"))
    return Component(locked.name, locked.version, licence_of(locked.name, found), _needs(found))


def licence_of(name: str, found: Distribution) -> str:
    """The SPDX expression of an installed package: looked up, or by its metadata."""
    if name in _LOOKED_UP:
        return _LOOKED_UP[name]
    metadata = found.metadata
    expression: str | None = metadata.get("License-Expression")
    if expression:
        return expression
    text = (metadata.get("License") or "").strip().partition("\n")[0]
    text = _WORDS.get(text, text)
    if re.fullmatch(r"[A-Za-z0-9.-]+( (AND|OR) [A-Za-z0-9.-]+)*", text):
        return text
    names = [one.rpartition(" :: ")[2] for one in metadata.get_all("Classifier") or [] if one.startswith("License ::")]
    known = [_CLASSIFIERS[one] for one in names if one in _CLASSIFIERS]
    return " AND ".join(known) if known and len(known) == len(names) else f"? {text or ', '.join(names)}"


def _needs(found: Distribution) -> tuple[str, ...]:
    """What a package requires where the app runs, extras left out."""
    from packaging.requirements import Requirement

    there = {"platform_machine": "x86_64", "python_version": "3.13", "python_full_version": "3.13.0",
             "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": "",
             "implementation_name": "cpython", "platform_python_implementation": "CPython"}  # fmt: skip
    wanted = [Requirement(text) for text in found.requires or []]
    return tuple(sorted({normal_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate(there)}))


def main(root: Path) -> int:
    """Write the page; 1 when a licence is refused."""
    found = components(read_lock(root / LOCK))
    (root / PAGE).write_text(page(found), encoding="utf-8")
    wrong = refused(found)
    for line in wrong:
        print(f"third parties: not allowed: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
