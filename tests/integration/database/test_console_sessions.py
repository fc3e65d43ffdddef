"""Sessions and links of the console, on every database: when they count, and that a link is used once."""

import pytest
from sqlalchemy import update

from shared_code.database.clock import utc_in
from shared_code.database.stores.operations import admin_keys, console_sessions
from shared_code.database.stores.operations.admin_keys import AdminRole

table = console_sessions.table


@pytest.fixture
def key_id(database):
    return database.run(lambda connection: admin_keys.create_admin_key(connection, role=AdminRole.OPERATOR))[0]


@pytest.fixture
def begin(database, key_id):
    return lambda: database.run(lambda connection: console_sessions.start_session(connection, key_id))


def find(database, secret):
    return database.read(lambda connection: console_sessions.find_session(connection, secret))


def change(database, **values):
    database.run(lambda connection: connection.execute(update(table).values(values)))


def test_a_session_is_found_by_its_secret_alone(database, begin, key_id):
    secret = begin()
    found = find(database, secret)
    assert (found.key.key_id, found.key.role, found.is_stale) == (key_id, AdminRole.OPERATOR, False)
    assert find(database, secret + "x") is None
    assert find(database, console_sessions.digest_of(secret)) is None


def test_it_ends_when_it_is_old_or_idle_and_its_use_is_noted(database, begin):
    secret = begin()
    change(database, LastUsedAt=utc_in(-90))
    assert find(database, secret).is_stale
    database.run(lambda connection: console_sessions.stamp_session(connection, secret))
    assert not find(database, secret).is_stale
    change(database, LastUsedAt=utc_in(-console_sessions.IDLE_SECONDS - 1))
    assert find(database, secret) is None
    change(database, LastUsedAt=utc_in(0), ExpiresAt=utc_in(-1))
    assert find(database, secret) is None


def test_it_ends_with_its_key(database, begin, key_id):
    secret = begin()
    database.run(lambda connection: admin_keys.revoke_admin_key(connection, key_id))
    assert find(database, secret) is None


def test_it_ends_once(database, begin, key_id):
    secret = begin()
    assert database.run(lambda connection: console_sessions.end_session(connection, secret)) == key_id
    assert database.run(lambda connection: console_sessions.end_session(connection, secret)) is None
    assert find(database, secret) is None


def test_a_link_is_used_once(database, key_id):
    secret = "l" * 43
    digest = console_sessions.digest_of(secret)
    database.run(lambda connection: console_sessions.add_link(connection, digest, key_id))
    assert find(database, secret) is None
    assert database.run(lambda connection: console_sessions.use_link(connection, "m" * 43)) is None
    assert database.run(lambda connection: console_sessions.use_link(connection, secret)).key_id == key_id
    assert database.run(lambda connection: console_sessions.use_link(connection, secret)) is None


def test_an_old_link_and_one_of_a_revoked_key_are_nothing(database, key_id):
    for secret in ("a" * 43, "b" * 43):
        digest = console_sessions.digest_of(secret)
        database.run(lambda connection, digest=digest: console_sessions.add_link(connection, digest, key_id))
    change(database, ExpiresAt=utc_in(-1))
    assert database.run(lambda connection: console_sessions.use_link(connection, "a" * 43)) is None
    change(database, ExpiresAt=utc_in(60))
    database.run(lambda connection: admin_keys.revoke_admin_key(connection, key_id))
    assert database.run(lambda connection: console_sessions.use_link(connection, "b" * 43)) is None
