"""What is masked by shape and by value, and that it costs the same whether one key is known or thousands."""

import base64
import re
import secrets
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.observability import redaction
from shared_code.observability.redaction import redact, remember_secret


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(redaction, "_known", redaction.KnownSecrets())


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("AIzaSyA-1234567890_x", "***"),
        ("xAIzaSyA-1234567890", "x***"),
        ("(AQ.Ab8RN6abcdefgh)", "(***)"),
        ("Incorrect API key provided: sk-proj-abcdefgh.", "Incorrect API key provided: ***."),
        ("api_key:abcdef1, x", "api_key:***, x"),
        ("BEARER abc.def-123", "BEARER ***"),
        ("/v1/models?KEY=abc&x=1", "/v1/models?KEY=***&x=1"),
        ("/api/extract?code=abc/==&x=1", "/api/extract?code=***&x=1"),
        ("{'X-Goog-Api-Key': 'abc def'}", "{'X-Goog-Api-Key': '***'}"),
        ("UID=u;PwD={a;}}b};x", "UID=u;PwD=***;x"),
        ("password=hunter2&x", "password=***&x"),
        # Long s and Kelvin sign are the same letters to a pattern that ignores case.
        ("pa\u017fsword=hunter2", "pa\u017fsword=***"),
        ("?\u212aey=abc", "?\u212aey=***"),
        ("AccountKey=abc+/==;x", "AccountKey=***;x"),
        ("sv=1&sig=abcdefghij%2B", "sv=1&sig=***"),
        ("postgresql://user:pa:ss@host/db", "postgresql://user:***@host/db"),
        ("nothing: key, code, bearer, sig, https://host/path", "nothing: key, code, bearer, sig, https://host/path"),
        ("", ""),
    ],
)
def test_masked_by_shape(text, masked):
    assert redact(text) == masked


@given(
    st.text(
        alphabet=st.sampled_from("aAiIzZqQsSkK\u017f\u212a\u0130=?&:;@/.-_'\" {}pwdorcbearxgmu0123456789"), max_size=80
    )
)
def test_the_sign_of_a_pattern_is_in_every_text_that_it_matches(text):
    for sign, pattern, _ in redaction._PATTERNS:
        if pattern.search(text):
            assert sign in text.casefold()


def test_thousands_of_known_keys_are_all_masked_and_nothing_else():
    known = [f"k{secrets.token_hex(12)}" for _ in range(5000)]
    for key in known:
        remember_secret(f" {key}\n")
    text = " ".join(f"<{key}>" for key in known)
    masked = redact(text)
    forgotten = re.findall(r"<(k\w+)>", masked)
    assert forgotten == known[: len(forgotten)], "the oldest have been forgotten, and no other"
    assert 904 - 256 <= len(forgotten) <= 904


def test_a_key_that_begins_with_another_leaves_no_rest():
    short = "0123456789abcdef"
    remember_secret(short)
    remember_secret(f"{short}-and-more")
    assert redact(f"{short}-and-more {short} {short}{short}") == "*** *** ******"


def test_known_keys_are_found_between_characters_of_any_width_and_half_ones():
    remember_secret("odd-secret-of-old")
    assert redact("\U0001f600odd-secret-of-old\u65e5") == "\U0001f600***\u65e5"
    assert redact("\ud800 odd-secret-of-old") == "\\ud800 ***"
    assert redact("\ud800 plain") == "\ud800 plain"


@pytest.mark.parametrize(
    "given_key", ["short", "", "   ", "FullyUtilized", "key-\ud800-half-of-a-pair", "clé-de-la-société"]
)
def test_what_is_no_key_is_not_remembered(given_key):
    remember_secret(given_key)
    assert redact(f"a {given_key.strip()} b") == f"a {given_key.strip()} b"


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=60),
    st.binary(max_size=20),
    st.binary(max_size=20),
)
def test_a_key_is_found_in_every_encoding_in_which_others_repeat_it(key, before, after):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_known", redaction.KnownSecrets())
        remember_secret(key)
        around = before + key.encode() + after
        for text in (
            quote(key, safe=""),
            re.sub("%..", lambda found: found[0].lower(), quote(key)),
            key.encode().hex(),
            key.encode().hex().upper(),
            base64.b64encode(around).decode(),
            base64.urlsafe_b64encode(around).decode().rstrip("="),
        ):
            masked = redact(f"refused: <{text}>")
            assert "***" in masked
            # What is left holds no more of the key than the characters at its edges that others share.
            assert len(masked) <= len(f"refused: <***{text}>") - len(key)


def test_text_that_holds_no_key_is_left_as_it_is():
    remember_secret("AIzaSyKnownKey0123456789")
    for text in (base64.b64encode(b"an answer that is quite long and holds no key").decode(), "ab" * 30, "%41%42" * 9):
        assert redact(text) == text
