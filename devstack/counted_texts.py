"""Counts the texts that every call sends: ``python -m devstack.counted_texts`` writes the module that holds them.

To be run after each change of the prompt, the schema, or the package with the vocabularies; a test compares.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from shared_code.extraction.answer.prompt import SYSTEM, build_prompt
from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA
from shared_code.metering.estimates import digest_of
from shared_code.metering.vocabularies import VocabularyShelf
from shared_code.providers.vendors import all_vendors

ROOT = Path(__file__).parents[1]
FILE = ROOT / "shared_code" / "metering" / "counted_texts.py"
#: documents with so many pages have their prompt counted: MAX_PAGES, as it is unless somebody sets it
MOST_PAGES = 30
_HEAD = '''"""Tokens of the texts that every call sends, so that most processes never load a vocabulary.

One takes up to 0.8 s to load and 80 MB to keep. This module is written by ``python -m devstack.counted_texts``.
"""

VOCABULARIES = {names}
#: by the digest of a text, see :func:`.estimates.digest_of`: its tokens by each of the vocabularies, in their order
COUNTS: dict[str, tuple[int, ...]] = {{
{lines}
}}
'''


def main() -> None:
    """Write the module."""
    FILE.write_text(module(), encoding="utf-8")


def module() -> str:
    """What the module should hold."""
    shelf = VocabularyShelf()
    names = vocabularies()
    counters = [shelf.counter(name) for name in names]
    if None in counters:
        raise RuntimeError("A vocabulary cannot be loaded")
    lines = [
        f'    "{digest_of(text)}": ({", ".join(str(count(text)) for count in counters if count is not None)}),'
        for text in texts()
    ]
    return _HEAD.format(names=json.dumps(names).replace("[", "(").replace("]", ")"), lines="\n".join(lines))


def vocabularies() -> list[str]:
    """Of all models that have an entry of their own."""
    return sorted({model.vocabulary for vendor in all_vendors() for model in vendor.models.models})


def texts() -> Iterator[str]:
    """What is sent beside the document: instructions, schema, and the question about so many pages."""
    yield SYSTEM
    yield json.dumps(WIRE_SCHEMA, ensure_ascii=False)
    yield from (build_prompt(page_count=pages) for pages in range(1, MOST_PAGES + 1))


if __name__ == "__main__":
    main()
