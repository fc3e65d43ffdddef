"""What Azure SQL does to its clients, through Microsoft's driver: no row doubled, none missing, or a clear refusal."""

import os
import urllib.parse

import pytest
from sqlalchemy import func, insert, select

from shared_code.database import key_cipher
from shared_code.database.connection import create_database, repeatable
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.schema import HEAD, current, ensure_schema, upgrade
from shared_code.database.stores.keys import token_changes, token_keys, tokens
from shared_code.database.tables import claims, metadata, token_master, token_usage_summary
from shared_code.errors import DatabaseUnavailable
from shared_code.records import KeyStatus
from tests.conftest import running_standin

KEY = "AIzaSyFault0123456789abcdefghijklmnopqr"
CIPHER = KeyCipher(key_cipher.new_ring_entry("k1"))
OUTAGES = (40613, 40501, 40197, 10928, 10929, 49918)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def clock(self):
        return self.now


@pytest.fixture
def moments():
    return Time()


@pytest.fixture(scope="module")
def _migrated(mssql_standin, make_settings):
    database = create_database(make_settings(mssql_standin.url()))
    ensure_schema(database, auto_migrate=True)
    database.close()
    return mssql_standin


@pytest.fixture
def server(_migrated):
    yield _migrated
    _migrated.clear()


@pytest.fixture
def faulty(server, make_settings, moments):
    database = create_database(make_settings(server.url(), db_pool_size=2), sleep=moments.sleep, clock=moments.clock)
    with database.transaction() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(insert(token_master).values(CompanyID="OLD", ApiKey="plain-key-of-before", Status="Active"))
    yield database
    server.clear()
    database.close()


def old_id(connection):
    return connection.execute(select(token_master.c.TokenID).where(token_master.c.CompanyID == "OLD")).scalar_one()


def add(connection):
    return token_keys.add_token(
        connection, CIPHER, token_keys.NewToken("NT047", KEY, total_token_limit=10, threshold=1)
    )


def find_added(connection):
    rows = tokens.company_keys(connection, "NT047")
    return rows[0].token_id if rows else None


def state(database):
    def read(connection):
        return (
            sorted(connection.execute(select(token_master.c.CompanyID)).scalars()),
            connection.execute(select(func.count(token_usage_summary.c.SummaryID))).scalar_one(),
            tokens.company_keys(connection, "OLD")[0],
        )

    return database.read(read)


def check_added(database, token_id):
    companies, summaries, _ = state(database)
    assert (companies, summaries) == (["NT047", "OLD"], 1)
    (row,) = database.read(lambda c: tokens.company_keys(c, "NT047"))
    assert (row.token_id, row.decrypted(CIPHER).secret) == (token_id, KEY)


#: name: work, look-up after a lost COMMIT, statement to break, check
WORK = {
    "add": (add, find_added, "INSERT INTO.*TokenMaster", check_added),
    "encrypt": (add, find_added, "UPDATE.*TokenMaster", check_added),
    "summary of new key": (add, find_added, "INSERT INTO.*TokenUsageSummary", check_added),
    "ensure summary": (
        lambda c: token_changes.ensure_summary(c, old_id(c), 100),
        repeatable,
        "INSERT INTO.*TokenUsageSummary",
        lambda database, _result: state(database)[1] == 1 or pytest.fail("one summary row"),
    ),
    "rotate": (
        lambda c: token_keys.replace_key(c, CIPHER, old_id(c), KEY + "new"),
        repeatable,
        "UPDATE.*TokenMaster",
        lambda database, _result: state(database)[2].decrypted(CIPHER).secret == KEY + "new" or pytest.fail("new key"),
    ),
    "status": (
        lambda c: tokens.set_status(c, old_id(c), KeyStatus.EXPIRED),
        repeatable,
        "UPDATE.*TokenMaster",
        lambda database, _result: state(database)[2].status == "Expired" or pytest.fail("status"),
    ),
    "limit": (
        lambda c: token_changes.set_limit(c, old_id(c), 77),
        repeatable,
        "UPDATE.*TokenUsageSummary",
        lambda database, _result: state(database)[2].remaining_tokens == 77 or pytest.fail("remaining"),
    ),
    "reencrypt": (
        lambda c: token_keys.reencrypt_batch(c, CIPHER, 0, 10),
        repeatable,
        "UPDATE.*TokenMaster",
        lambda database, _result: (
            state(database)[2].decrypted(CIPHER).secret == "plain-key-of-before" or pytest.fail("key")
        ),
    ),
}


@pytest.mark.parametrize("close", [False, True], ids=["open", "closing"])
@pytest.mark.parametrize(
    ("name", "number"),
    [("add", number) for number in (*OUTAGES, 1205)]
    + [(name, number) for name in list(WORK)[1:] for number in (40613, 1205)],
)
def test_error_within_a_statement(faulty, server, moments, name, number, close):
    work, lookup, pattern, check = WORK[name]
    server.fault(match=pattern, number=number, times=2, drop=close)
    check(faulty, faulty.run(work, on_unknown=lookup))
    assert len(moments.slept) == 2
    assert sum(moments.slept) <= 20.0
    if number in OUTAGES:
        assert 5.0 <= moments.slept[0] <= 6.25


@pytest.mark.parametrize("number", [3906, 9002, 1105, 976, 701, 8645, 3935])
def test_a_server_that_refuses_to_write_is_tried_again_and_then_unavailable(faulty, server, moments, number):
    server.fault(match="INSERT INTO.*TokenMaster", number=number, times=2)
    check_added(faulty, faulty.run(add, on_unknown=find_added))
    assert len(moments.slept) == 2
    server.fault(match="UPDATE", number=number, times=1000)
    with pytest.raises(DatabaseUnavailable) as raised:
        faulty.run(lambda c: tokens.set_status(c, old_id(c), KeyStatus.EXPIRED))
    assert raised.value.retry_after


@pytest.mark.parametrize("number", [33333, 17197, 18401, 10936, 8628, 14355])
def test_an_error_at_login_that_nobody_knows_is_an_outage(faulty, server, moments, number):
    faulty.close()
    server.fault(number=number, times=2, when="login")
    check_added(faulty, faulty.run(add, on_unknown=find_added))
    assert len(moments.slept) == 2


def test_sessions_that_only_read_leave_the_pool_at_once(faulty, server, moments):
    with faulty.reading() as first, faulty.reading() as second:
        assert find_added(first) is find_added(second) is None
    server.fault(match="INSERT INTO.*TokenMaster", number=3906)
    logged = len(server.log())
    check_added(faulty, faulty.run(add, on_unknown=find_added))
    assert moments.slept[0] < 0.2
    refused, *later = [entry[0] for entry in server.log(logged) if "INSERT INTO" in entry[2]]
    assert refused not in later


@pytest.mark.parametrize("number", OUTAGES)
def test_error_at_login(faulty, server, moments, number):
    faulty.close()
    server.fault(number=number, times=2, when="login")
    check_added(faulty, faulty.run(add, on_unknown=find_added))
    assert len(moments.slept) == 2


@pytest.mark.parametrize("name", WORK)
def test_socket_dropped_within_a_statement(faulty, server, moments, name):
    work, lookup, pattern, check = WORK[name]
    server.fault(match=pattern, drop=True)
    check(faulty, faulty.run(work, on_unknown=lookup))
    assert len(moments.slept) == 1
    assert moments.slept[0] < 0.2


@pytest.mark.parametrize("name", WORK)
def test_answer_of_commit_is_lost_after_it_was_done(faulty, server, name):
    work, lookup, _, check = WORK[name]
    server.fault(match="^COMMIT$", when="after", drop=True)
    check(faulty, faulty.run(work, on_unknown=lookup))


@pytest.mark.parametrize("name", WORK)
def test_commit_never_arrives(faulty, server, name):
    work, lookup, _, check = WORK[name]
    server.fault(match="^COMMIT$", when="before", drop=True)
    check(faulty, faulty.run(work, on_unknown=lookup))


def test_lost_commit_without_a_look_up_is_told_and_not_repeated(faulty, server):
    server.fault(match="^COMMIT$", when="after", drop=True)
    with pytest.raises(DatabaseUnavailable):
        faulty.run(add)
    assert state(faulty)[0] == ["NT047", "OLD"]


def test_all_sockets_dropped(faulty, server, moments):
    with faulty.reading() as first, faulty.reading() as second:
        assert find_added(first) is find_added(second) is None
    server.drop_all()
    check_added(faulty, faulty.run(add, on_unknown=find_added))

    def cut(connection):
        if not moments.slept:
            server.drop_all()
        return add(connection)

    faulty.run(lambda c: c.execute(token_master.delete().where(token_master.c.TokenID == -1)), on_unknown=repeatable)
    faulty.run(lambda c: c.execute(token_usage_summary.delete()), on_unknown=repeatable)
    faulty.run(
        lambda c: c.execute(token_master.delete().where(token_master.c.CompanyID == "NT047")), on_unknown=repeatable
    )
    check_added(faulty, faulty.run(cut, on_unknown=find_added))
    assert len(moments.slept) == 1


@pytest.mark.parametrize(
    "fault", [{"number": 40613}, {"number": 40613, "drop": True}, {"drop": True}, {"number": 1205}]
)
def test_fault_that_stays_ends_with_the_budget_and_nothing_written(faulty, server, moments, fault):
    server.fault(match="INSERT INTO.*TokenUsageSummary", times=1000, **fault)
    with pytest.raises(DatabaseUnavailable) as raised:
        faulty.run(add, on_unknown=find_added)
    assert raised.value.retry_after > 0
    assert sum(moments.slept) == pytest.approx(20.0)
    server.clear()
    assert state(faulty)[:2] == (["OLD"], 0)


def test_short_budget_still_makes_a_last_try(faulty, server, moments):
    server.fault(match="INSERT INTO.*TokenMaster", number=40613)
    check_added(faulty, faulty.run(add, on_unknown=find_added, budget_seconds=1.0))
    assert moments.slept == [1.0]


def test_reads_are_repeated_too(faulty, server, moments):
    server.fault(match="SELECT.*TokenMaster", number=40197, drop=True)
    server.fault(match="SELECT.*TokenMaster", drop=True)
    assert faulty.read(find_added) is None
    assert len(moments.slept) == 2


def test_database_that_cannot_be_opened_is_tried_twice_again(faulty, server, moments):
    faulty.close()
    server.fault(number=4060, times=10, when="login")
    with pytest.raises(DatabaseUnavailable):
        faulty.run(add)
    assert len(moments.slept) == 2


def test_wrong_password_is_not_tried_again_and_not_shown(server, make_settings, moments, caplog):
    text = urllib.parse.unquote_plus(server.url().partition("odbc_connect=")[2]).replace("Standin#1", "geheim")
    database = create_database(
        make_settings(None, azure_sql_connection_string=text), sleep=moments.sleep, clock=moments.clock
    )
    with pytest.raises(DatabaseUnavailable) as raised:
        database.read(find_added)
    database.close()
    assert moments.slept == []
    assert "18456" in caplog.text
    for said in (caplog.text, str(raised.value), str(raised.value.__cause__)):
        assert "geheim" not in said


def test_transaction_and_reading_raise_ours(faulty, server):
    server.fault(match="INSERT INTO.*TokenMaster", number=40501)
    with pytest.raises(DatabaseUnavailable), faulty.transaction() as connection:
        add(connection)
    server.fault(match="SELECT.*TokenMaster", drop=True)
    with pytest.raises(DatabaseUnavailable), faulty.reading() as connection:
        find_added(connection)
    assert state(faulty)[0] == ["OLD"]


@pytest.mark.skipif("TEST_MSSQL_STANDIN" not in os.environ, reason="TEST_MSSQL_STANDIN is not set")
def test_upgrade_survives_a_failover(make_settings, moments, tmp_path):
    """One in an early step, one where old rows are copied, and a COMMIT whose answer is lost."""
    with running_standin(os.environ["TEST_MSSQL_STANDIN"], tmp_path) as server:
        database = create_database(make_settings(server.url()), sleep=moments.sleep, clock=moments.clock)
        server.fault(match="CREATE TABLE.*AdminAudit", number=40613, drop=True)
        server.fault(match="INSERT INTO.*Claims.*SELECT", drop=True)
        server.fault(match="^COMMIT$", when="after", drop=True)
        upgrade(database)
        assert len(moments.slept) == 3
        assert current(database) == HEAD
        database.run(add)
        assert database.read(find_added) is not None
        assert database.read(lambda c: c.execute(select(func.count()).select_from(claims)).scalar_one()) == 0
        database.close()
