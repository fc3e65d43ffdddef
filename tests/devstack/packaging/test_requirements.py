"""What the app requires: all that it imports and nothing else, locked by digest, on terms that we can keep."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from devstack.setup.packaging.commands import missing_from_lock
from devstack.setup.packaging.lock import normal_name, read_lock
from devstack.setup.packaging.third_parties import PAGE, Component, components, page, refused
from tests.structure.house import House, imported_names

ROOT = Path(__file__).resolve().parents[3]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = {one.name: one for one in read_lock(ROOT / "requirements.lock")}
#: Required and never imported by name.
NOT_IMPORTED = {
    "azure-functions-runtime-v1": "the platform's worker, which a pinned version here chooses",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}
#: Imported where they are there; see requirements-ocr.txt.
OPTIONAL = {"rapidocr", "onnxruntime", "numpy", "cv2"}
#: Imported where the app itself exports by OpenTelemetry, and asked for before; see requirements-otel.txt.
OPTIONAL_PARTS = ("opentelemetry.sdk", "opentelemetry.exporter")
#: Packages that share one name of a module: which of them has what the app imports.
NAMESPACES = {
    "azure.core": "azure-core",
    "azure.functions": "azure-functions",
    "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob",
    "azure.storage.queue": "azure-storage-queue",
    "google.genai": "google-genai",
    "opencensus.ext.azure": "opencensus-ext-azure",
    "opentelemetry": "opentelemetry-api",
}
#: Come with the package that is required, and are a part of it for its users.
COME_WITH = {"azure-core": "azure-storage-blob"}


def requirements(name="requirements.txt"):
    lines = (line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


REQUIRED = {normal_name(one.name): one for one in requirements()}


def imported_packages():
    """Names of packages that the product imports, wherever in its modules."""
    house = House(ROOT)
    names = {each.name for each in house.imports if not each.target}
    for path in (ROOT / "shared_code" / "database" / "migrations" / "versions").glob("*.py"):
        names.update(name for name, _ in imported_names(ast.parse(path.read_text(encoding="utf-8"))))
    owners = importlib.metadata.packages_distributions()
    found = {}
    for name in names:
        top = name.partition(".")[0]
        if name.startswith(OPTIONAL_PARTS):
            continue
        if top in sys.stdlib_module_names or top in {"shared_code", *OPTIONAL, *house.function_folders}:
            continue
        shared = [package for prefix, package in NAMESPACES.items() if f"{name}.".startswith(f"{prefix}.")]
        package = shared[0] if shared else normal_name(owners.get(top, [top])[0])
        found.setdefault(COME_WITH.get(package, package), name)
    return found


def test_what_is_imported_is_required_and_what_is_required_is_imported():
    imported = imported_packages()
    assert {name: example for name, example in imported.items() if name not in REQUIRED} == {}
    assert set(REQUIRED) - set(imported) == set(NOT_IMPORTED)


def test_every_requirement_has_a_bound_above():
    """A new major version must not come in by itself. Of tzdata a newer one is never a change of its interface."""
    open_ended = [
        name for name, one in REQUIRED.items() if not {"<", "=="} & {clause.operator for clause in one.specifier}
    ]
    assert open_ended == ["tzdata"]


def test_the_lock_satisfies_the_requirements():
    assert missing_from_lock(ROOT) == []
    wrong = [
        f"{name} {LOCKED[name].version}"
        for name, one in REQUIRED.items()
        if not one.specifier.contains(LOCKED[name].version)
    ]
    assert wrong == []


def test_the_lock_is_complete():
    """Whatever a locked package requires is locked as well, at a version that it takes."""
    there = {"platform_machine": "x86_64", "python_version": "3.13", "python_full_version": "3.13.0", "extra": "",
             "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix",
             "implementation_name": "cpython", "platform_python_implementation": "CPython"}  # fmt: skip
    looked_at, wrong = 0, []
    for one in LOCKED.values():
        try:
            installed = importlib.metadata.distribution(one.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if installed.version != one.version:
            continue
        looked_at += 1
        for needed in map(Requirement, installed.requires or []):
            if needed.marker is None or needed.marker.evaluate(there):
                found = LOCKED.get(normal_name(needed.name))
                if found is None or not needed.specifier.contains(found.version, prereleases=True):
                    wrong.append(f"{one.name} needs {needed}, locked: {found and found.version}")
    assert wrong == []
    assert looked_at or sys.platform != "linux"


def test_every_locked_package_has_digests_and_no_index_is_named():
    assert [one.name for one in LOCKED.values() if not one.sha256] == []
    assert len(LOCKED) == LOCK.count("==")
    assert not re.search(r"https?:|--(extra-)?index-url|--find-links|file:", LOCK)
    assert re.search(r"Python 3\.13", LOCK.splitlines()[0])


def test_all_licences_are_on_the_list():
    assert refused(components(list(LOCKED.values()))) == []


@pytest.mark.parametrize(
    ("name", "licence", "allowed"),
    [
        ("a", "MIT", True),
        ("a", "MIT OR GPL-3.0-only", True),
        ("a", "MIT AND GPL-3.0-only", False),
        ("a", "AGPL-3.0-or-later", False),
        ("a", "LGPL-3.0-only", False),
        ("psycopg", "LGPL-3.0-only", True),
        ("psycopg", "GPL-3.0-only", False),
        ("a", "? Proprietary", False),
    ],
)
def test_a_licence_that_is_not_on_the_list_is_refused(name, licence, allowed):
    assert (refused([Component(name, "1", licence)]) == []) is allowed


def test_the_page_of_third_parties_is_up_to_date():
    """`python dev.py lock` writes it. Another version of a package may be installed here than is locked."""
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(components(list(LOCKED.values())))
