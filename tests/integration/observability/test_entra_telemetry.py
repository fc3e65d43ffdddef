"""Telemetry for a resource that takes none without a token: real azure-identity, real sockets, the platform's protocol."""

import logging
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from shared_code.azure_login import azure_credential
from shared_code.observability.background_writer import WriterLimits
from shared_code.observability.ingestion_login import read_login
from shared_code.observability.telemetry import configure_telemetry
from shared_code.settings import Settings
from tests.integration.identity_endpoint import IdentityEndpoint

CLIENT = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
QUICK = WriterLimits(items=200, interval_seconds=0.02, first_pause_seconds=0.01, longest_pause_seconds=0.05, batch=100)
log = logging.getLogger("shared_code.sample")


@pytest.fixture
def identity(monkeypatch):
    endpoint = IdentityEndpoint()
    for name, value in endpoint.variables.items():
        monkeypatch.setenv(name, value)
    azure_credential.cache_clear()
    yield endpoint
    azure_credential.cache_clear()
    endpoint.stop()


def turn_on(ingestion, authentication):
    log.setLevel(logging.INFO)
    settings = Settings(
        applicationinsights_connection_string=ingestion.connection_string,
        applicationinsights_authentication_string=authentication,
    )
    return configure_telemetry(settings, limits=QUICK, timeout_seconds=5.0)


def messages(ingestion):
    return [item["data"]["baseData"]["message"] for item in ingestion.of("MessageData")]


@pytest.mark.parametrize(
    ("authentication", "client"),
    [
        (f"ClientId={CLIENT};Authorization=AAD", CLIENT),
        (f"authorization=aad; clientid={CLIENT.upper()} ;", CLIENT),
        ("Authorization=AAD", None),
    ],
)
def test_telemetry_is_sent_with_a_token_of_the_identity(ingestion, identity, authentication, client):
    ingestion.takes_token = lambda token: token in identity.tokens
    made = turn_on(ingestion, authentication)
    for number in range(3):
        log.info("line %d", number)
        assert made.flush(10)
    assert messages(ingestion) == ["line 0", "line 1", "line 2"]
    (asked,) = identity.asked
    assert asked["resource"] == "https://monitor.azure.com/"
    assert asked["api-version"] == "2019-08-01"
    assert asked.get("client_id") == client


def test_without_a_token_such_a_resource_takes_nothing(ingestion, identity):
    ingestion.takes_token = lambda token: token in identity.tokens
    made = turn_on(ingestion, None)
    log.info("a line")
    assert not made.flush(0.5)
    assert not ingestion.envelopes


def test_a_token_is_replaced_before_it_ends(ingestion, identity):
    """azure-identity keeps no token that ends within five minutes."""
    identity.lifetime_seconds = 240.0
    ends = {}
    ingestion.takes_token = lambda token: ends.setdefault(token, time.monotonic() + 1.0) > time.monotonic()
    made = turn_on(ingestion, "Authorization=AAD")
    for number in range(2):
        log.info("line %d", number)
        assert made.flush(10)
        time.sleep(1.1)
    assert messages(ingestion) == ["line 0", "line 1"]
    assert len(identity.tokens) >= 2
    assert len(ends) >= 2


def test_a_token_service_that_is_away_costs_no_telemetry(ingestion, identity, caplog):
    identity.status = 400
    ingestion.takes_token = lambda token: token in identity.tokens
    made = turn_on(ingestion, f"ClientId={CLIENT};Authorization=AAD")
    began = time.perf_counter()
    log.info("before")
    assert time.perf_counter() - began < 0.5
    assert not made.flush(1)
    identity.status = 200
    assert made.flush(20)
    assert messages(ingestion)[0] == "before"
    told = [record for record in caplog.records if "no token of Microsoft Entra ID" in record.getMessage()]
    assert len(told) == 1
    assert not any(secret in caplog.text for secret in (*identity.tokens, "secret-of-the-token-service"))


def test_a_role_that_is_missing_is_waited_for(ingestion, identity):
    """A new role assignment takes minutes to be known everywhere; until then the answer is 403."""
    ingestion.status = 403
    made = turn_on(ingestion, "Authorization=AAD")
    log.info("before")
    assert not made.flush(0.5)
    ingestion.status = 200
    assert made.flush(10)
    assert messages(ingestion) == ["before"]


@pytest.mark.parametrize(
    "authentication", ["AAD", "ClientId=" + CLIENT, "Authorization=Basic", "Authorization=AAD;ClientId=secret-nonsense"]
)
def test_a_login_that_cannot_be_read_turns_telemetry_off_and_says_so(ingestion, caplog, authentication):
    assert not turn_on(ingestion, authentication).enabled
    assert "Telemetry is off: APPLICATIONINSIGHTS_AUTHENTICATION_STRING" in caplog.text
    assert "secret-nonsense" not in caplog.text


def test_a_token_goes_over_https_or_not_at_all(caplog):
    settings = Settings(
        applicationinsights_connection_string=f"InstrumentationKey={uuid.uuid4()};IngestionEndpoint=http://example.com",
        applicationinsights_authentication_string="Authorization=AAD",
    )
    assert not configure_telemetry(settings).enabled
    assert "not https" in caplog.text


def test_nothing_asks_for_a_token_where_none_is_wanted(ingestion, identity):
    made = turn_on(ingestion, None)
    log.info("a line")
    assert made.flush(10)
    assert messages(ingestion) == ["a line"]
    assert not identity.asked
    assert read_login(None) is None


def test_azure_identity_is_not_imported_until_something_is_sent():
    probe = (
        "import sys, shared_code.observability.telemetry as t; from shared_code.settings import Settings; "
        f"t.configure_telemetry(Settings(applicationinsights_connection_string='InstrumentationKey={uuid.uuid4()}', "
        "applicationinsights_authentication_string='Authorization=AAD')); "
        "print([n for n in ('azure', 'msal', 'opentelemetry') if n in sys.modules], t.telemetry().enabled)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=Path.cwd(), timeout=60)
    assert done.stdout.strip() == "[] True", done.stderr
