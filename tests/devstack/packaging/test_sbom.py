"""The bill of materials: valid CycloneDX, all packages of the lock, the same for the same package."""

import json
from pathlib import Path

from cyclonedx.schema import SchemaVersion

from devstack.setup.packaging.lock import direct_names, read_lock
from devstack.setup.packaging.sbom import bill
from devstack.setup.packaging.third_parties import components
from shared_code import __version__

ROOT = Path(__file__).resolve().parents[3]
DIGEST = "ab" * 32


def made(digest=DIGEST):
    locked = components(read_lock(ROOT / "requirements.lock"))
    return bill(__version__, locked, direct_names(ROOT / "requirements.txt"), digest)


def test_it_is_valid_and_names_every_package_of_the_lock():
    from cyclonedx.validation.json import JsonStrictValidator  # takes seconds

    text = made()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    parts = {(one["name"], one["version"]) for one in document["components"]}
    assert parts == {(one.name, one.version) for one in read_lock(ROOT / "requirements.lock")}
    assert all(one["licenses"] and one["purl"].startswith("pkg:pypi/") for one in document["components"])
    app = document["metadata"]["component"]
    assert (app["name"], app["version"]) == ("invoice-extraction", __version__)
    assert app["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]


def test_it_says_who_needs_what():
    needs = {one["ref"].partition("==")[0]: one.get("dependsOn", []) for one in json.loads(made())["dependencies"]}
    assert len(needs["invoice-extraction"]) == len(direct_names(ROOT / "requirements.txt"))
    assert "starlette" in {one.partition("==")[0] for one in needs["fastapi"]}


def test_the_same_package_has_the_same_bill():
    assert made() == made()
    assert made() != made("cd" * 32)
