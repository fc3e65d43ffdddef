"""Signatures, as the library of the scheme verifies them."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from shared_code.webhooks.signature import key_of, new_secret, signed_headers

BODY = b'{"type":"extraction.done"}'


def headers(*secrets, timestamp=None):
    now = int(datetime.now(UTC).timestamp()) if timestamp is None else timestamp
    return signed_headers(secrets, message_id="msg_1", timestamp=now, body=BODY)


def test_a_receiver_verifies_a_message_with_its_secret():
    secret = new_secret()
    assert Webhook(secret).verify(BODY, headers(secret)) == {"type": "extraction.done"}


def test_while_secrets_change_either_verifies():
    new, old = new_secret(), new_secret()
    sent = headers(new, old)
    assert len(sent["webhook-signature"].split(" ")) == 2
    for secret in (new, old):
        Webhook(secret).verify(BODY, sent)


@pytest.mark.parametrize(
    "change",
    [{"webhook-id": "msg_2"}, {"webhook-timestamp": "1700000000"}, {"webhook-signature": "v1,AAAA"}, {"body": b"{}"}],
)
def test_what_is_changed_on_the_way_does_not_verify(change):
    secret = new_secret()
    sent = headers(secret) | {name: value for name, value in change.items() if name != "body"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(change.get("body", BODY), sent)


def test_the_example_of_the_scheme():
    """From spec/standard-webhooks.md and the libraries' own tests."""
    sent = signed_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert sent["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_without_a_secret_there_is_no_signature():
    assert set(headers()) == {"webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize("size", [0, 16, 23, 65])
def test_secrets_of_other_sizes_are_none(size):
    assert key_of("whsec_" + base64.b64encode(b"x" * size).decode()) is None


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_%%%", base64.b64encode(b"x" * 32).decode()])
def test_other_texts_are_no_secrets(text):
    assert key_of(text) is None
