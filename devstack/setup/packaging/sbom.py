"""The bill of materials beside the package: its packages in CycloneDX, as tools that look for weak spots read it.

The same for the same package: no moment and no random number is in it. Runs in the project's environment:
``python -m devstack.setup.packaging.sbom OUTPUT DIGEST``.
"""

import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devstack.setup.packaging.contents import LOCK, REQUIREMENTS
from devstack.setup.packaging.lock import direct_names, read_lock
from devstack.setup.packaging.third_parties import Component, components

_APP = "invoice-extraction"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, _APP)


def bill(version: str, found: Sequence[Component], direct: Sequence[str], digest: str) -> str:
    """The document, as JSON of CycloneDX 1.6.

    :param version: of the app.
    :param direct: names of the packages that the app itself asks for.
    :param digest: SHA-256 of the package's contents.
    """
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component as Part
    from cyclonedx.model.component import ComponentType
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from packageurl import PackageURL

    licences = LicenseFactory()
    app = Part(name=_APP, version=version, type=ComponentType.APPLICATION, bom_ref=_APP,
               licenses=[licences.make_from_string("MIT")],
               hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)])  # fmt: skip
    parts = {
        one.name: Part(
            name=one.name,
            version=one.version,
            type=ComponentType.LIBRARY,
            bom_ref=f"{one.name}=={one.version}",
            purl=PackageURL("pypi", name=one.name, version=one.version),
            licenses=[licences.make_from_string(one.licence)],
        )
        for one in found
    }
    made = Bom(components=parts.values(), serial_number=uuid.uuid5(_NAMESPACE, digest))
    made.metadata.component = app
    made.register_dependency(app, [parts[name] for name in direct if name in parts])
    for one in found:
        made.register_dependency(parts[one.name], [parts[name] for name in one.needs if name in parts])
    text = make_outputter(made, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    document: dict[str, Any] = json.loads(text)
    document["metadata"].pop("timestamp")
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the document for the project in the current folder."""
    from shared_code import __version__

    root = Path.cwd()
    found = components(read_lock(root / LOCK))
    output, digest = arguments
    Path(output).write_text(bill(__version__, found, direct_names(root / REQUIREMENTS), digest), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
