"""Signatures after Standard Webhooks: receivers verify them with a library in a dozen languages.

Source of the scheme: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md. A message has an id
that stays the same however often it is sent, and the moment of this sending; HMAC-SHA256 over both and the body makes
the signature. While a secret is changed for another one a message carries a signature of each.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable

PREFIX = "whsec_"
#: what the scheme allows
_LEAST_BYTES, _MOST_BYTES = 24, 64
_NEW_BYTES = 32


def new_secret() -> str:
    """A random secret, as receivers are given it."""
    return PREFIX + base64.b64encode(os.urandom(_NEW_BYTES)).decode()


def key_of(secret: str) -> bytes | None:
    """The bytes of a secret; None when it is none: ``whsec_`` and base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return None
    return key if secret.strip().startswith(PREFIX) and _LEAST_BYTES <= len(key) <= _MOST_BYTES else None


def signed_headers(secrets: Iterable[str], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one sending; without a secret there is no signature among them.

    :param timestamp: of this sending, in seconds since 1970.
    """
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    signatures = [_signature(key, message_id, timestamp, body) for secret in secrets if (key := key_of(secret))]
    return headers | {"webhook-signature": " ".join(signatures)} if signatures else headers


def _signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
