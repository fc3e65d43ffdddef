"""A login to Azure SQL by access token, with the driver that hands it over."""

import struct

import pytest

from shared_code.azure_login import azure_credential
from shared_code.database import engines
from shared_code.database.connection import create_database
from shared_code.database.engines import build_engine, resolve_target
from shared_code.errors import DatabaseUnavailable
from shared_code.settings import Settings
from tests.integration.identity_endpoint import IdentityEndpoint

pyodbc = pytest.importorskip("pyodbc", reason="no ODBC driver manager is installed", exc_type=ImportError)


def test_access_token_is_handed_over_at_each_login(make_settings):
    settings = make_settings("mssql://h/d?driver=X")
    target = resolve_target(settings)
    tokens = iter(["first", "second"])
    engine = build_engine(target, settings, token_source=lambda: next(tokens))
    for token in ("first", "second"):
        parameters = {}
        # The listeners behind it open the connection.
        hand_over, *_ = engine.dialect.dispatch.do_connect
        hand_over(engine.dialect, None, [], parameters)
        (packed,) = parameters["attrs_before"].values()
        assert set(parameters["attrs_before"]) == {1256}
        assert packed == struct.pack("<I", 2 * len(token)) + token.encode("utf-16-le")
    assert pyodbc.pooling is False


def test_a_token_that_cannot_be_had_is_an_outage_and_asked_for_again(make_settings, monkeypatch):
    from azure.core.exceptions import ClientAuthenticationError

    def refuse(_client_id):
        raise ClientAuthenticationError("no identity endpoint")

    pauses = []
    monkeypatch.setattr(engines, "azure_credential", refuse)
    settings = make_settings("mssql://h/d?driver=X", db_retry_budget_seconds=6)
    database = create_database(settings, sleep=pauses.append, clock=lambda: sum(pauses))
    with pytest.raises(DatabaseUnavailable) as raised:
        database.read(lambda connection: None)
    assert pauses
    assert raised.value.retry_after


def test_the_token_is_that_of_the_managed_identity(make_settings, monkeypatch):
    """As the deployment sets it: a connection string without a login, and the client id beside it."""
    client = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    identity = IdentityEndpoint()
    for name, value in identity.variables.items():
        monkeypatch.setenv(name, value)
    azure_credential.cache_clear()
    try:
        settings = Settings(
            azure_sql_connection_string="Driver=X;Server=tcp:s.database.windows.net,1433;Database=d;Encrypt=yes",
            db_managed_identity_client_id=client,
        )
        target = resolve_target(settings)
        assert target.needs_token
        engine = build_engine(target, settings)
        hand_over, *_ = engine.dialect.dispatch.do_connect
        for _ in range(2):
            parameters = {}
            hand_over(engine.dialect, None, [], parameters)
            packed = parameters["attrs_before"][1256]
            assert packed[4:].decode("utf-16-le") == identity.tokens[0]
    finally:
        azure_credential.cache_clear()
        identity.stop()
    (asked,) = identity.asked
    assert asked["resource"] == "https://database.windows.net"
    assert asked["client_id"] == client
