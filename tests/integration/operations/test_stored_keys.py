"""Health tells of keys that this process cannot open, by numbers only, and without opening them at each probe."""

import json

import pytest
from sqlalchemy import insert, update

from shared_code.bootstrap import build_services
from shared_code.database import key_cipher
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys import token_keys
from shared_code.database.tables import token_master
from shared_code.operations.health_checker import public_view
from shared_code.operations.health_checks import usable_keys_check
from shared_code.operations.stored_keys import StoredKeyLook, stored_keys_check

OLD, NEW = key_cipher.new_ring_entry("k1"), key_cipher.new_ring_entry("k9")


def add(database, ring, company):
    new = token_keys.NewToken(company, f"AIzaSy-{company}-0123456789abcdefghij", provider="Gemini")
    return database.run(lambda connection: token_keys.add_token(connection, KeyCipher(ring), new))


def look(database, ring, **options):
    return StoredKeyLook(database, KeyCipher(ring), **options)


def test_keys_of_a_ring_entry_that_is_missing_here_are_counted_and_named(database):
    opens = add(database, OLD, "A")
    closed = [add(database, f"{NEW},{OLD}", company) for company in ("B", "C")]
    found = stored_keys_check(look(database, OLD))()
    assert not found
    assert found.facts == {
        "looked_at": 3,
        "do_not_open": 2,
        "companies": 2,
        "token_ids": closed,
        "missing_ring_entries": ["k9"],
    }
    assert opens not in found.facts["token_ids"]
    assert stored_keys_check(look(database, f"{NEW},{OLD}"))()


@pytest.mark.parametrize(
    "ring", [None, "", "k1:short", key_cipher.new_ring_entry("k1")], ids=["absent", "empty", "malformed", "another"]
)
def test_a_ring_that_is_absent_malformed_or_another_one_opens_nothing(database, ring):
    token_id = add(database, OLD, "A")
    found = stored_keys_check(look(database, ring))()
    assert not found
    assert found.facts["token_ids"] == [token_id]


def test_keys_that_cannot_serve_anyway_and_plain_ones_do_not_count(database):
    add(database, NEW, "A")
    database.run(lambda c: c.execute(update(token_master).values(Status="Disabled")))
    database.run(lambda c: c.execute(insert(token_master).values(CompanyID="B", Status="Active", ApiKey=" plain ")))
    found = stored_keys_check(look(database, OLD))()
    assert found
    assert found.facts["looked_at"] == 1


def test_an_active_row_without_a_key_does_not_open(database):
    database.run(lambda c: c.execute(insert(token_master).values(CompanyID="B", Status="Active", ApiKey="  ")))
    assert look(database, OLD)().companies == 1


def test_keys_that_do_not_open_are_not_usable(database):
    add(database, NEW, "A")
    keys = look(database, OLD)
    check = usable_keys_check(database, do_not_open=lambda: len(keys().token_ids))
    assert not check()
    add(database, OLD, "B")
    assert check().facts == {"usable_keys": 1}


def test_ten_thousand_keys_are_opened_once_a_minute_at_most(database, statements):
    text = KeyCipher(OLD).encrypt("AIzaSy-0123456789abcdefghij", 1)
    rows = [{"CompanyID": f"C{number}", "Status": "Active", "ApiKey": text} for number in range(120)]
    database.run(lambda c: c.execute(insert(token_master), rows))
    now = [0.0]
    keys = look(database, OLD, most=100, clock=lambda: now[0])
    statements.clear()
    assert keys().looked_at == 100
    first = len(statements)
    for _ in range(50):
        keys()
    assert len(statements) == first
    now[0] = 61.0
    keys()
    assert len(statements) == 2 * first


def test_health_tells_strangers_the_status_only(database, database_url, make_settings):
    add(database, NEW, "A")
    services = build_services(make_settings(database_url, token_encryption_keys=OLD))
    try:
        health = services.health.run_checks()
        assert health["overall_status"] == "degraded"
        assert health["checks"]["stored_keys"]["result"]["do_not_open"] == 1
        shown = public_view(health)["checks"]
        assert shown["stored_keys"] == {"status": "unhealthy"}
        assert shown["usable_keys"] == {"status": "unhealthy"}
        assert "k9" not in json.dumps(public_view(health))
    finally:
        services.close()
