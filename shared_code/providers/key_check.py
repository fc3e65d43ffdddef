"""The last look at a key before an SDK sees it: an empty one would make the SDK use somebody else's."""

import re

from shared_code.providers import verdicts
from shared_code.redaction import remember_secret

#: printable ASCII: anything else cannot stand in a header, and the transport's complaint would quote it
_SHAPE = re.compile(r"[\x21-\x7e]+")


def checked_key(api_key: str) -> str:
    """The key without blanks around it, made known to the redaction.

    :raises ModelCallFailed: when it is empty or cannot be a key; another key is to be tried.
    """
    key = (api_key or "").strip()
    if not _SHAPE.fullmatch(key):
        raise verdicts.KEY_UNUSABLE.failure()
    remember_secret(key)
    return key
