"""Keys in TokenMaster, on every backend."""

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from shared_code.database import key_cipher
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys import token_changes, token_keys, tokens
from shared_code.database.tables import company_settings, token_master, token_usage_logs, token_usage_summary
from shared_code.errors import ConfigurationError, InvalidRequest
from shared_code.records import KeyStatus, Provider

KEY = "AIzaSyTest0123456789abcdefghijklmnopqrs"
FIRST = key_cipher.new_ring_entry("k1")
SECOND = key_cipher.new_ring_entry("k2")


@pytest.fixture
def cipher():
    return KeyCipher(FIRST)


def add(database, cipher, company_id="NT047", api_key=KEY, **values):
    values = {"company_name": "Nord", "provider": "Gemini", "total_token_limit": 100_000, "threshold": 3000} | values
    return database.run(lambda c: token_keys.add_token(c, cipher, token_keys.NewToken(company_id, api_key, **values)))


def keys(database, company_id="NT047"):
    return database.read(lambda c: tokens.company_keys(c, company_id))


def stored(database, token_id):
    return database.read(
        lambda c: c.execute(select(token_master.c.ApiKey).where(token_master.c.TokenID == token_id)).scalar_one()
    )


def test_added_key_is_trimmed_encrypted_and_comes_back(database, cipher):
    token_id = add(database, cipher, api_key=f"  {KEY}\n", company_id="nt047", company_name="日本é 😀")
    (row,) = keys(database)
    key = row.decrypted(cipher)
    assert (key.secret, key.token_id, key.company_id) == (KEY, token_id, "NT047")
    assert (key.total_token_limit, key.remaining_tokens, key.reserved_tokens) == (100_000, 100_000, 0)
    assert (key.provider, key.status, key.has_summary) == (Provider.GEMINI, KeyStatus.ACTIVE, True)
    assert (row.company_name, row.hint, row.used_tokens) == ("日本é 😀", KEY[-4:], 0)
    assert stored(database, token_id).startswith("enc:v1:k1:")
    assert KEY not in repr(row)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api_key", " \n"),
        ("api_key", "two words"),
        ("api_key", "k" * 501),
        ("api_key", "ключ"),
        ("api_key", "enc:v1:k1:abcd"),
        ("company_id", "日本é"),
        ("company_id", "??é"),
        ("company_id", ""),
        ("company_id", "N" * 51),
        ("provider", "Claude"),
        ("status", "Aktiv"),
        ("total_token_limit", -1),
        ("threshold", -1),
        ("company_name", "n" * 201),
    ],
)
def test_malformed_values_are_refused_by_name(database, cipher, field, value):
    with pytest.raises(InvalidRequest, match=field):
        add(database, cipher, **{field: value})
    assert keys(database) == []


def test_the_same_key_twice_is_refused_per_company_only(database, cipher):
    add(database, cipher)
    with pytest.raises(InvalidRequest, match="already"):
        add(database, cipher, company_id="nt047", api_key=KEY + " ")
    assert add(database, cipher, company_id="OTHER")
    assert len(keys(database)) == 1


def test_a_key_typed_in_by_hand_counts_as_known(database, cipher):
    database.run(
        lambda c: c.execute(insert(token_master).values(CompanyID="nt047", ApiKey=f" {KEY} ", Status="active"))
    )
    with pytest.raises(InvalidRequest, match="already"):
        add(database, cipher)


def test_equal_keys_added_at_once_end_as_one_row(database, cipher):
    barrier, refused = threading.Barrier(4), []

    def one():
        barrier.wait()
        try:
            add(database, cipher)
        except InvalidRequest:
            refused.append(1)

    threads = [threading.Thread(target=one) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (len(keys(database)), len(refused)) == (1, 3)


def test_rows_typed_in_by_hand_are_found_in_any_case_with_their_time_zone(database, cipher):
    def work(connection):
        connection.execute(
            insert(token_master).values(
                CompanyID="Nt047", ApiKey=f"{KEY}\n", Status=" active ", Provider=None, TotalTokenLimit=500
            )
        )
        connection.execute(insert(company_settings).values(CompanyID="nt047", TimeZone="Asia/Kolkata"))
        connection.execute(insert(token_master).values(CompanyID="NT0477", ApiKey="k"))

    database.run(work)
    (row,) = keys(database)
    key = row.decrypted(cipher)
    assert (key.company_id, key.secret, key.status, key.provider) == ("NT047", KEY, KeyStatus.ACTIVE, Provider.GEMINI)
    assert (row.time_zone, row.has_summary, key.remaining_tokens) == ("Asia/Kolkata", False, 500)


def test_company_keys_are_one_statement(database, cipher, statements):
    add(database, cipher)
    statements.clear()
    keys(database)
    assert len([s for s in statements if not s.startswith("BEGIN")]) == 1


def test_equal_keys_have_different_ciphertexts_and_a_swapped_one_is_refused(database, cipher):
    first, second = add(database, cipher), add(database, cipher, company_id="OTHER")
    assert stored(database, first) != stored(database, second)
    database.run(
        lambda c: c.execute(
            update(token_master).where(token_master.c.TokenID == first).values(ApiKey=stored(database, second))
        )
    )
    with pytest.raises(ConfigurationError, match=f"token {first} does not open"):
        keys(database)[0].decrypted(cipher)


def test_status_changes_only_from_the_expected_one(database, cipher):
    token_id = add(database, cipher)
    assert not database.run(lambda c: tokens.set_status(c, token_id, KeyStatus.EXPIRED, expected=KeyStatus.BLOCKED))
    database.run(lambda c: c.execute(update(token_master).values(Status="below threshold")))
    assert database.run(lambda c: tokens.set_status(c, token_id, KeyStatus.EXPIRED, expected=KeyStatus.BELOW_THRESHOLD))
    assert keys(database)[0].status == "Expired"
    assert not database.run(lambda c: tokens.set_status(c, token_id + 99, KeyStatus.ACTIVE))


def test_cooldown_is_never_shortened_but_can_be_ended(database, cipher):
    token_id = add(database, cipher)
    late = datetime(2030, 1, 1, 12, 0, 0, 123_456)
    assert database.run(lambda c: tokens.set_cooldown(c, token_id, late))
    assert not database.run(lambda c: tokens.set_cooldown(c, token_id, late - timedelta(hours=1)))
    assert keys(database)[0].cooldown_until == late
    assert database.run(lambda c: tokens.set_cooldown(c, token_id, (late + timedelta(1)).replace(tzinfo=UTC)))
    assert database.run(lambda c: tokens.set_cooldown(c, token_id, None))
    assert keys(database)[0].cooldown_until is None


def test_a_changed_limit_moves_what_remains(database, cipher):
    token_id = add(database, cipher)
    database.run(
        lambda c: c.execute(update(token_usage_summary).values(TotalUsedTokens=40_000, TotalRemainingTokens=60_000))
    )
    assert database.run(lambda c: token_changes.set_limit(c, token_id, 30_000))
    assert keys(database)[0].remaining_tokens == -10_000
    assert database.run(lambda c: token_changes.set_limit(c, token_id, None))
    row = keys(database)[0]
    assert (row.total_token_limit, row.remaining_tokens) == (None, None)
    assert database.run(lambda c: token_changes.set_limit(c, token_id, 5_000_000_000))
    assert keys(database)[0].remaining_tokens == 4_999_960_000
    assert not database.run(lambda c: token_changes.set_limit(c, token_id + 99, 1))


def test_summary_row_of_a_hand_typed_key_counts_what_was_logged_before(database):
    def work(connection):
        token_id = connection.execute(
            insert(token_master).values(CompanyID="A", TotalTokenLimit=3_000_000_000)
        ).inserted_primary_key[0]
        connection.execute(insert(token_usage_logs), [{"TokenID": token_id, "TotalTokensUsed": 2_000_000_000}] * 2)
        return (
            token_id,
            token_changes.ensure_summary(connection, token_id, 3_000_000_000),
            token_changes.ensure_summary(connection, token_id, 9),
        )

    _, *made = database.run(work)
    assert made == [True, False]
    (row,) = keys(database, "A")
    assert (row.used_tokens, row.remaining_tokens) == (4_000_000_000, -1_000_000_000)


def test_suspended_project_blocks_its_usable_keys_of_that_company(database, cipher):
    first = add(database, cipher, provider_project="p1")
    add(database, cipher, api_key=KEY + "2", provider_project="p1", status="Disabled")
    add(database, cipher, api_key=KEY + "3", provider_project="p2")
    add(database, cipher, company_id="OTHER", provider_project="p1")
    assert database.run(lambda c: tokens.block_project(c, "NT047", "p1")) == 1
    assert {row.token_id for row in database.read(lambda c: tokens.list_tokens(c, status=KeyStatus.BLOCKED))} == {first}


def test_list_pages_by_id(database, cipher):
    ids = [add(database, cipher, api_key=f"{KEY}{n}") for n in range(5)]
    page = database.read(lambda c: tokens.list_tokens(c, company_id="NT047", limit=2))
    rest = database.read(lambda c: tokens.list_tokens(c, after_id=page[-1].token_id))
    assert [row.token_id for row in page + rest] == ids
    assert database.read(lambda c: tokens.get_token(c, ids[3])).token_id == ids[3]
    assert database.read(lambda c: tokens.get_token(c, ids[-1] + 1)) is None


def test_replaced_key_ends_the_cooldown_and_may_not_be_anothers(database, cipher):
    token_id = add(database, cipher)
    add(database, cipher, api_key=KEY + "2")
    database.run(lambda c: tokens.set_cooldown(c, token_id, datetime(2030, 1, 1)))
    with pytest.raises(InvalidRequest, match="already"):
        database.run(lambda c: token_keys.replace_key(c, cipher, token_id, KEY + "2"))
    assert database.run(lambda c: token_keys.replace_key(c, cipher, token_id, KEY))
    assert database.run(lambda c: token_keys.replace_key(c, cipher, token_id, KEY + "new\n"))
    row = database.read(lambda c: tokens.get_token(c, token_id))
    assert (row.decrypted(cipher).secret, row.cooldown_until) == (KEY + "new", None)
    assert not database.run(lambda c: token_keys.replace_key(c, cipher, token_id + 99, KEY))


def test_reencryption_takes_in_plain_keys_and_leaves_what_does_not_open(database, cipher, caplog):
    old = add(database, cipher)
    database.run(
        lambda c: c.execute(
            insert(token_master),
            [
                {"CompanyID": "b", "ApiKey": key}
                for key in ("plain-key-number-1 ", "plain-key-number-1", "enc:v1:lost:AAAA", " ", None)
            ],
        )
    )
    ring = KeyCipher(f"{SECOND},{FIRST}")
    last, changed, failed = 0, 0, []
    with caplog.at_level(logging.WARNING):
        while last is not None:
            batch = database.run(lambda c, after=last: token_keys.reencrypt_batch(c, ring, after, 2))
            last, changed = batch.last_id, changed + batch.changed
            failed += batch.failed
    assert (changed, failed) == (3, [old + 3])
    assert database.read(token_keys.count_plain_keys) == 0
    assert "same API key as another row" in caplog.text
    for row in (*keys(database), *keys(database, "B")[:2]):
        assert row.stored_key.startswith("enc:v1:k2:")
        assert row.decrypted(KeyCipher(SECOND)).secret in (KEY, "plain-key-number-1") if row.status else True
    again = database.run(lambda c: token_keys.reencrypt_batch(c, ring, 0, 100))
    assert (again.changed, again.failed) == (0, (old + 3,))


def test_ring_rotates_while_keys_are_read_and_replaced(database, cipher):
    ids = [add(database, cipher, api_key=f"{KEY}{n}") for n in range(20)]
    both = KeyCipher(f"{SECOND},{FIRST}")
    wrong, done = [], threading.Event()

    def traffic():
        turn = 0
        while not done.is_set() or turn < 3:
            turn += 1
            wrong.extend(row.token_id for row in keys(database) if not row.decrypted(both).secret.startswith(KEY))
            database.run(lambda c, n=turn: token_keys.replace_key(c, both, ids[n % 5], f"{KEY}-new-{n}"))

    thread = threading.Thread(target=traffic)
    thread.start()
    last = 0
    while last is not None:
        last = database.run(lambda c, after=last: token_keys.reencrypt_batch(c, both, after, 3)).last_id
    done.set()
    thread.join()
    assert wrong == []
    only_new = KeyCipher(SECOND)
    assert [row.decrypted(only_new).secret[: len(KEY)] for row in keys(database)] == [KEY] * 20
