"""The documents of a folder that can be evaluated, from whatever describes them there."""

from dataclasses import dataclass
from pathlib import Path

from shared_code.errors import InvalidRequest
from shared_code.evaluation import manifest
from shared_code.evaluation.known_values import EXPECTED, KnownDocument, read_expected

#: what stands beside documents without being one
_NO_DOCUMENTS = {".json", ".md", ".txt"}


@dataclass(frozen=True, slots=True)
class KnownFolder:
    """Documents with known values, in the order of their names, and the names of those without."""

    path: Path
    documents: tuple[KnownDocument, ...]
    without: tuple[str, ...]


def read_folder(folder: Path) -> KnownFolder:
    """All documents that are described, by the manifest and by files of their own.

    :raises InvalidRequest: nothing is described, two descriptions of one document, or a mistake in one.
    """
    listing = folder / manifest.NAME
    known, without = manifest.read_manifest(listing) if listing.is_file() else ([], [])
    described = {document.path: listing.name for document in known}
    for path in sorted(folder.glob(f"*{EXPECTED}")):
        document = read_expected(path)
        if document.path in described:
            raise InvalidRequest(
                f"{path.name}: {document.path.name} is described in {described[document.path]} as well.",
                details={"file": str(path)},
            )
        described[document.path] = path.name
        if document.invoices or document.outcomes:
            known.append(document)
        else:
            without.append(document.path.name)
    without += [
        path.name
        for path in folder.iterdir()
        if path.is_file() and path not in described and path.suffix.lower() not in _NO_DOCUMENTS
    ]
    if not known:
        what = "no known values" if any(folder.iterdir()) else "nothing in it"
        advice = f"put a {manifest.NAME} there, or ID{EXPECTED} beside each ID.pdf (docs/evaluation.md)"
        raise InvalidRequest(
            f"{folder} has {what}: {advice}.",
            details={"folder": str(folder)},
        )
    return KnownFolder(folder, tuple(sorted(known, key=lambda one: one.path.name)), tuple(sorted(set(without))))
