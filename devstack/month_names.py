"""Makes the file of month names in all languages: ``python -m devstack.month_names`` after an update of babel."""

import json
from pathlib import Path
from typing import Any

from babel import localedata

from shared_code.invoices import month_names


def names_of_cldr() -> dict[str, list[int]]:
    """Folded names and abbreviations of the months, and the months (1 to 12) that each means in some language."""
    found: dict[str, set[int]] = {}
    for locale in localedata.locale_identifiers():
        for forms in localedata.load(locale)["months"].values():
            for width in ("wide", "abbreviated"):
                for month, name in _own(_own(forms).get(width)).items():
                    # "de novembre", "d'abril": the name itself is the last word
                    last = month_names.fold(name.replace("\u2019", "'").split()[-1].split("'")[-1]).rstrip(".")
                    if len(last) >= month_names.SHORTEST_NAME and not last.isdecimal():
                        found.setdefault(last, set()).add(month)
    return {name: sorted(months) for name, months in sorted(found.items())}


def _own(entry: Any) -> dict[Any, Any]:
    """What a language says itself: an entry is a dict, a reference to another one, or a reference and changes to it."""
    if isinstance(entry, tuple):
        entry = entry[1]
    return entry if isinstance(entry, dict) else {}


def main() -> None:
    """Write the file."""
    path = Path(month_names.__file__).with_name(month_names.CLDR_FILE)
    lines = (f"{json.dumps(name, ensure_ascii=False)}: {months}" for name, months in names_of_cldr().items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
