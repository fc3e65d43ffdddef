"""Encrypts the companies' provider keys and webhook secrets at rest, bound to the place that they stand in.

AES-256-GCM with the place as associated data: a ciphertext copied into another row does not open. A stored value is
``enc:v1:<key id>:<base64 of nonce, ciphertext and tag>``; for a provider key anything else is a plain one from before
encryption and passes as it is. Refuses to guess: a value that does not open is an error, never a garbled key.
"""

import base64
import binascii
import hashlib
import os
import re
from functools import cached_property
from typing import TYPE_CHECKING

from shared_code.errors import ConfigurationError, InvalidRequest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "enc:v1:"

_SETTING = "TOKEN_ENCRYPTION_KEYS"
_KEY_ID = re.compile(r"[A-Za-z0-9_.\-]{1,32}")
_KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyCipher:
    """Encryption by a ring of keys, newest first: the first one encrypts, each opens what it closed.

    :param ring: ``kid:base64 of 32 bytes`` pairs joined by commas, or None. Read on first use, so that a service
        without encrypted keys starts without it.
    """

    def __init__(self, ring: str | None) -> None:
        self._text = ring

    def encrypt(self, plain: str, token_id: int) -> str:
        """Close a key for one row; equal keys give different texts.

        :raises ConfigurationError: no ring, or a malformed one.
        """
        return self.seal(plain, _bound_to(token_id))

    def decrypt(self, stored: str, token_id: int) -> str:
        """Open a stored key; a legacy plain one passes, without blanks around it.

        :raises ConfigurationError: the ring lacks the key, holds another one under its id, or the text belongs to
            another row.
        """
        if not stored.startswith(PREFIX):
            return stored.strip()
        return self.unseal(stored, _bound_to(token_id), what=f"The API key of token {token_id}")

    def seal(self, plain: str, place: str) -> str:
        """Close a secret for one place, such as a column and a row's key.

        :raises ConfigurationError: no ring, or a malformed one.
        """
        key_id = next(iter(self._ring))
        nonce = os.urandom(_NONCE_BYTES)
        closed = self._ring[key_id].encrypt(nonce, plain.encode(), place.encode())
        return f"{PREFIX}{key_id}:{base64.b64encode(nonce + closed).decode()}"

    def unseal(self, stored: str, place: str, *, what: str) -> str:
        """Open what was closed for a place.

        :param what: names the secret in an error.
        :raises ConfigurationError: it is plain, the ring lacks the key or holds another one under its id, or the text
            belongs to another place.
        """
        key_id, _, body = stored.removeprefix(PREFIX).strip().partition(":")
        if not stored.startswith(PREFIX):
            raise ConfigurationError(f"{what} is not encrypted")
        if key_id not in self._ring:
            raise ConfigurationError(f"{what} was encrypted with key {key_id!r}, which {_SETTING} does not hold")
        from cryptography.exceptions import InvalidTag

        try:
            sealed = base64.b64decode(body, validate=True)
            plain = self._ring[key_id].decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError(
                f"{what} does not open: {_SETTING} holds another key under {key_id!r}, "
                "or the stored text was changed or copied from another row"
            ) from error
        return plain.decode()

    def opens(self, stored: str | None, token_id: int) -> bool:
        """Whether a stored key opens and holds something; False too when the ring is missing or malformed."""
        try:
            return bool(self.decrypt(stored or "", token_id))
        except ConfigurationError:
            return False

    def holds(self, key_id: str) -> bool:
        """Whether the ring has an entry of that id; False too when there is no ring, or a malformed one."""
        try:
            return key_id in self._ring
        except ConfigurationError:
            return False

    def current(self, stored: str) -> bool:
        """Whether a stored key is encrypted with the newest key of the ring.

        :raises ConfigurationError: no ring, or a malformed one.
        """
        return stored.startswith(f"{PREFIX}{next(iter(self._ring))}:")

    def check(self) -> None:
        """Read the ring now.

        :raises ConfigurationError: no ring, or a malformed one.
        """
        _ = self._ring

    @cached_property
    def _ring(self) -> "dict[str, AESGCM]":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if not (self._text or "").strip():
            raise ConfigurationError(f"{_SETTING} is not set; API keys cannot be encrypted or read without it")
        ring: dict[str, AESGCM] = {}
        for position, part in enumerate((self._text or "").split(","), 1):
            key_id, _, encoded = part.strip().partition(":")
            if not _KEY_ID.fullmatch(key_id):
                raise ConfigurationError(f"{_SETTING}: entry {position} is not of the form kid:base64")
            if key_id in ring:
                raise ConfigurationError(f"{_SETTING}: the id {key_id!r} stands there twice")
            ring[key_id] = AESGCM(_key_bytes(encoded, key_id))
        return ring


def closed_by(stored: str | None) -> str | None:
    """The id of the ring's entry that a stored key was encrypted with; None for a plain one."""
    if not (stored or "").startswith(PREFIX):
        return None
    return (stored or "")[len(PREFIX) :].strip().partition(":")[0]


def fingerprint(plain: str) -> str:
    """SHA-256 of a trimmed key, in hex: tells equal keys without opening them.

    Keys are long and random, so that no search through all of them finds one by its digest.
    """
    return hashlib.sha256(plain.strip().encode()).hexdigest()


def hint(plain: str) -> str:
    """The last four characters, by which people recognise a key; nothing of a key too short to spare them."""
    trimmed = plain.strip()
    visible = 4
    return trimmed[-visible:] if len(trimmed) >= 4 * visible else ""


def new_ring_entry(key_id: str) -> str:
    """A fresh ``kid:base64`` entry.

    :raises InvalidRequest: an id that could not be read back.
    """
    if not _KEY_ID.fullmatch(key_id):
        raise InvalidRequest(
            f"key_id must be 1 to 32 characters of A-Z a-z 0-9 . _ -; not {key_id[:40]!r}.", details={"field": "key_id"}
        )
    return f"{key_id}:{base64.b64encode(os.urandom(_KEY_BYTES)).decode()}"


def _bound_to(token_id: int) -> str:
    return f"TokenMaster.ApiKey:{token_id}"


def _key_bytes(encoded: str, key_id: str) -> bytes:
    try:
        raw = base64.b64decode(encoded.translate(str.maketrans("-_", "+/")), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise ConfigurationError(f"{_SETTING}: the entry {key_id!r} is not base64 of {_KEY_BYTES} bytes")
    return raw
