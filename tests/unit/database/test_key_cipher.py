"""Encryption of keys at rest."""

import base64
import os

import pytest

from shared_code.database.key_cipher import KeyCipher, fingerprint, hint, new_ring_entry
from shared_code.errors import ConfigurationError

KEY = "AIzaSyCipher0123456789abcdefghijklmnopq"
OLD, NEW = new_ring_entry("old"), new_ring_entry("new")


def test_round_trip_differs_each_time_and_names_the_newest_key():
    cipher = KeyCipher(f" {NEW} , {OLD} ")
    first, second = cipher.encrypt(KEY, 7), cipher.encrypt(KEY, 7)
    assert first != second
    assert first.startswith("enc:v1:new:")
    assert KEY not in first
    assert cipher.decrypt(first, 7) == cipher.decrypt(second + "\n", 7) == KEY
    assert len(cipher.encrypt("k" * 500, 2**31)) < 1000


def test_old_key_of_the_ring_still_opens():
    stored = KeyCipher(OLD).encrypt(KEY, 7)
    cipher = KeyCipher(f"{NEW},{OLD}")
    assert cipher.decrypt(stored, 7) == KEY
    assert not cipher.current(stored)
    assert cipher.current(cipher.encrypt(KEY, 7))


def test_plain_key_of_before_passes_without_any_ring():
    assert KeyCipher(None).decrypt(f" {KEY}\r\n", 7) == KEY


def test_another_row_another_key_and_another_text_are_refused():
    stored = KeyCipher(OLD).encrypt(KEY, 7)
    with pytest.raises(ConfigurationError, match="token 8 does not open"):
        KeyCipher(OLD).decrypt(stored, 8)
    with pytest.raises(ConfigurationError, match="does not hold"):
        KeyCipher(NEW).decrypt(stored, 7)
    with pytest.raises(ConfigurationError, match="another key under 'old'"):
        KeyCipher(new_ring_entry("old")).decrypt(stored, 7)
    for damaged in (stored[:-8], stored[:-4] + "AAAA", "enc:v1:old:", "enc:v1:old:%%%"):
        with pytest.raises(ConfigurationError, match="does not open"):
            KeyCipher(OLD).decrypt(damaged, 7)


@pytest.mark.parametrize("ring", [None, "", " "])
def test_missing_ring_is_named_at_first_use(ring):
    cipher = KeyCipher(ring)
    for use in (lambda: cipher.encrypt(KEY, 1), lambda: cipher.decrypt("enc:v1:old:AAAA", 1), cipher.check):
        with pytest.raises(ConfigurationError, match="TOKEN_ENCRYPTION_KEYS is not set"):
            use()


@pytest.mark.parametrize(
    "ring", ["nonsense", "k1:short", f"k1:{'A' * 44}!", f"{OLD},{OLD}", f"{OLD},,", "k 1:" + OLD[4:]], ids=range(6)
)
def test_malformed_ring_is_refused_without_showing_it(ring):
    with pytest.raises(ConfigurationError, match="TOKEN_ENCRYPTION_KEYS") as raised:
        KeyCipher(ring).check()
    assert OLD[6:20] not in str(raised.value)


def test_url_safe_base64_is_taken_too():
    raw = os.urandom(29) + b"\xfb\xff\xff"
    stored = KeyCipher("k:" + base64.urlsafe_b64encode(raw).decode()).encrypt(KEY, 7)
    assert KeyCipher("k:" + base64.b64encode(raw).decode()).decrypt(stored, 7) == KEY


def test_fingerprint_and_hint():
    assert fingerprint(f" {KEY}\n") == fingerprint(KEY) != fingerprint(KEY + "x")
    assert (hint(KEY), hint("short")) == (KEY[-4:], "")
