"""Regular expressions of many words that are quick to say that none of them stands at a place.

Python's engine tries the alternatives of a pattern one after the other. Words with the same first character are brought
together, so that it tries a few characters and not hundreds of words. What a pattern matches stays the same: words with
different first characters never compete, and the others keep their order.
"""

from collections.abc import Iterable


def by_first_character(words: Iterable[str]) -> str:
    """An alternation of patterns, each of which begins with a plain letter that must be there."""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(word[0], []).append(word[1:])
    return "|".join(f"{first}(?:{'|'.join(rests)})" for first, rests in groups.items())
