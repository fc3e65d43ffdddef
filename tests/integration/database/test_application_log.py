import io
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from shared_code.database.clock import utc_in
from shared_code.database.connection import create_database, install_default
from shared_code.database.schema import ensure_schema
from shared_code.database.stores.operations import logs, retries
from shared_code.database.stores.operations.logs import LogEntry, LogFilter, find_logs, insert_logs
from shared_code.database.stores.operations.retries import RetryFilter, find_retries, insert_retries
from shared_code.database.tables import application_logs, retry_attempts
from shared_code.db_logger import ApplicationLogger, DatabaseLogHandler, log_retry_attempts
from shared_code.observability.background_writer import WriterLimits
from shared_code.observability.request_context import request_scope
from shared_code.records import RetryAttempt

KEY = "AIza" + "SyPlantedKey0123456789abcdefghijklm"
BEARER = "PlantedBearerValue0123456789"
QUICK = WriterLimits(interval_seconds=0.02, first_pause_seconds=0.01, longest_pause_seconds=0.05, batch=150)


@pytest.fixture
def database(database):
    """The database; the thread that writes to it ends before it is closed."""
    yield database
    ApplicationLogger.shutdown(0.2)


@pytest.fixture
def lite(tmp_path, make_settings):
    """A SQLite database that can go away: without its folder nothing opens."""
    opened = create_database(make_settings(f"sqlite:///{tmp_path / 'd' / 'log.db'}", db_pool_size=1))
    (tmp_path / "d").mkdir()
    ensure_schema(opened, auto_migrate=True)
    yield opened
    ApplicationLogger.shutdown(0.2)
    opened.close()


def rows(database):
    with database.reading() as connection:
        return connection.execute(select(application_logs).order_by(application_logs.c.LogID)).all()


def go_away(database, tmp_path):
    ApplicationLogger.flush()
    database.close()
    (tmp_path / "d").rename(tmp_path / "gone")


def come_back(tmp_path):
    (tmp_path / "gone").rename(tmp_path / "d")


def test_a_line_is_stored_as_the_seed_shows_it(database):
    ApplicationLogger.configure(log_level=logging.INFO, database=database)
    logger = ApplicationLogger.get_logger("shared_code.token_manager")
    call = str(uuid.uuid4())
    before = time.time()
    with request_scope(request_id="r-1", call_id=call):
        logger.info("Token %d selected for company %s", 5, "NT047")
        logger.debug("not recorded")
    assert ApplicationLogger.flush()
    (row,) = rows(database)
    assert (row.LogLevel, row.Logger) == ("INFO", "shared_code.token_manager")
    assert row.Message == "Token 5 selected for company NT047"
    assert (row.Exception, row.Module) == (None, "test_application_log")
    assert row.FunctionName == "test_a_line_is_stored_as_the_seed_shows_it"
    assert row.LineNumber > 0
    assert (row.CallID, row.RequestID) == (call, "r-1")
    assert abs(row.Timestamp.replace(tzinfo=UTC).timestamp() - before) < 5


def test_an_exception_is_stored_with_its_chain_and_without_its_key(database):
    ApplicationLogger.configure(database=database)
    logger = ApplicationLogger.get_logger("api")
    try:
        try:
            raise ValueError(f"400 for key {KEY}")
        except ValueError as inner:
            raise RuntimeError(f"Authorization: Bearer {BEARER}") from inner
    except RuntimeError:
        logger.exception("Processing failed with %s", KEY, extra={"key": KEY})
    assert ApplicationLogger.flush()
    (row,) = rows(database)
    assert "direct cause" in row.Exception
    assert "ValueError: 400 for key ***" in row.Exception
    everything = " ".join(str(value) for value in row)
    assert KEY not in everything
    assert BEARER not in everything


def test_more_rows_than_one_statement_takes_arrive_in_order(database):
    ApplicationLogger.configure(database=database, limits=WriterLimits(batch=400, interval_seconds=5))
    logger = ApplicationLogger.get_logger("api")
    for number in range(400):
        logger.info("line %d", number)
    assert ApplicationLogger.flush(20)
    assert [row.Message for row in rows(database)] == [f"line {number}" for number in range(400)]


def test_any_character_can_be_stored(database):
    handler = ApplicationLogger.configure(database=database)
    for message in ("nul \x00 surrogate \ud800 euro € snowman ☃ emoji 🧾", "x" * 100_000):
        # Past the root logger: a test runner that reports captured lines chokes on a lone surrogate itself.
        handler.handle(
            logging.makeLogRecord({"name": "shared_code.x", "levelname": "INFO", "levelno": 20, "msg": message})
        )
    assert ApplicationLogger.flush()
    odd, long = rows(database)
    assert odd.Message == "nul \\x00 surrogate \\ud800 euro € snowman ☃ emoji 🧾"
    assert len(long.Message) == 16_000


def test_libraries_are_recorded_from_warning_on(lite):
    ApplicationLogger.configure(logging.DEBUG, database=lite)
    library = logging.getLogger("urllib3.connectionpool")
    library.setLevel(logging.DEBUG)
    library.info("noise")
    library.warning("worth keeping")
    ApplicationLogger.get_logger("shared_code.x").debug("ours")
    assert ApplicationLogger.flush()
    assert [row.Message for row in rows(lite)] == ["worth keeping", "ours"]


def test_configuring_again_changes_the_level_and_doubles_nothing(lite):
    ApplicationLogger.configure(logging.DEBUG, database=lite)
    ApplicationLogger.configure("warning", database=lite)
    logger = ApplicationLogger.get_logger("shared_code.x")
    logger.info("too low")
    logger.warning("once")
    assert ApplicationLogger.flush()
    assert [row.Message for row in rows(lite)] == ["once"]


def test_lines_wait_for_a_database_that_is_installed_later(lite):
    ApplicationLogger.configure(limits=QUICK)
    ApplicationLogger.get_logger("api").info("early")
    assert not ApplicationLogger.flush(1)
    install_default(lite)
    try:
        assert ApplicationLogger.flush(5)
    finally:
        install_default(None)
    assert [row.Message for row in rows(lite)] == ["early"]


def test_its_own_database_calls_are_not_logged_into_the_database(lite):
    """SQLAlchemy at DEBUG speaks with every statement: a handler that listened to itself would never end."""
    names = ("sqlalchemy.engine", "sqlalchemy.pool", "shared_code.database.connection")
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        ApplicationLogger.configure(logging.DEBUG, database=lite)
        logging.getLogger("sqlalchemy.engine.Engine").warning("of a request")
        assert ApplicationLogger.flush()
        time.sleep(0.05)
        assert ApplicationLogger.flush()
        assert [row.Message for row in rows(lite)] == ["of a request"]
    finally:
        for name in names:
            logging.getLogger(name).setLevel(logging.NOTSET)


def test_a_database_that_is_away_costs_no_time_and_no_line(lite, tmp_path, caplog):
    ApplicationLogger.configure(database=lite, limits=QUICK)
    logger = ApplicationLogger.get_logger("api")
    go_away(lite, tmp_path)
    started = time.perf_counter()
    for number in range(100):
        logger.info("line %d", number)
    assert time.perf_counter() - started < 5
    assert not ApplicationLogger.flush(10)
    come_back(tmp_path)
    assert ApplicationLogger.flush(10)
    assert [row.Message for row in rows(lite)] == [f"line {number}" for number in range(100)]
    waiting = [record for record in caplog.records if "wait for the database" in record.getMessage()]
    assert len(waiting) == 1, "said once, however often it is tried"


def test_lost_lines_are_counted_and_reported_once(lite, tmp_path, caplog):
    limits = WriterLimits(
        items=20, interval_seconds=0.02, first_pause_seconds=0.01, longest_pause_seconds=0.02, batch=5
    )
    handler = ApplicationLogger.configure(database=lite, limits=limits)
    logger = ApplicationLogger.get_logger("api")
    go_away(lite, tmp_path)
    for number in range(200):
        logger.info("line %d", number)
    lost = handler.dropped
    assert lost >= 175
    come_back(tmp_path)
    deadline = time.monotonic() + 10
    while handler.dropped and time.monotonic() < deadline:
        ApplicationLogger.flush(1)
    messages = [row.Message for row in rows(lite)]
    reports = [message for message in messages if "were lost" in message]
    assert len(reports) == 1
    assert reports[0].startswith(f"{lost} log records")
    assert len(messages) == 200 - lost + 1
    assert sum("were lost" in record.getMessage() for record in caplog.records) == 1


def test_a_row_that_the_database_refuses_does_not_hold_back_the_others(lite):
    with lite.transaction() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON ApplicationLogs WHEN NEW.Message = 'bad' "
                "BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        )
    ApplicationLogger.configure(database=lite, limits=QUICK)
    logger = ApplicationLogger.get_logger("api")
    for message in ("good", "bad", "better"):
        logger.info(message)
    assert ApplicationLogger.flush(5)
    assert ApplicationLogger.flush(5)
    assert [row.Message for row in rows(lite)][:2] == ["good", "better"]


def test_logging_is_cheap_for_the_caller_while_the_database_hangs(lite):
    """A write transaction is held open elsewhere: the lines wait, their callers do not."""
    ApplicationLogger.configure(database=lite, limits=QUICK)
    logger = ApplicationLogger.get_logger("api")
    logger.info("first")
    assert ApplicationLogger.flush()
    held, release = threading.Event(), threading.Event()

    def hold():
        with lite.transaction():
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    slowest = 0.0
    for number in range(200):
        started = time.perf_counter()
        logger.info("line %d", number)
        slowest = max(slowest, time.perf_counter() - started)
    release.set()
    thread.join()
    assert ApplicationLogger.flush(10)
    assert len(rows(lite)) == 201
    assert slowest < 2, "the lock was held all the while"


def test_a_handler_that_is_used_after_its_end_does_no_harm(lite):
    handler = DatabaseLogHandler(lite)
    handler.close()
    handler.handle(logging.makeLogRecord({"name": "shared_code.x", "msg": "late", "levelno": 20}))
    handler.flush()
    assert rows(lite) == []


def test_nothing_is_printed_twice_or_swallowed_in_a_script(lite):
    """Without any handler of others a console handler is added, or Python's print of last resort would be silenced."""
    others = list(logging.root.handlers)
    logging.root.handlers.clear()
    stream, sys.stderr = sys.stderr, io.StringIO()
    try:
        ApplicationLogger.configure(database=lite)
        ApplicationLogger.get_logger("api").warning("key %s", KEY)
        shown = sys.stderr.getvalue()
    finally:
        sys.stderr = stream
        ApplicationLogger.shutdown()
        logging.root.handlers[:] = others
    assert shown.count("key ***") == 1
    assert KEY not in shown


def run_script(tmp_path, body):
    script = tmp_path / "script.py"
    head = f"""
        import logging, os, sys
        from shared_code.database.connection import create_database
        from shared_code.database.schema import ensure_schema
        from shared_code.settings import Settings
        from shared_code.db_logger import ApplicationLogger
        database = create_database(Settings(database_url="sqlite:///{tmp_path}/s.db"))
    """
    script.write_text(textwrap.dedent(head) + textwrap.dedent(body))
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    environment.pop("AZURE_SQL_CONNECTION_STRING", None)
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, env=environment)


def stored(tmp_path, make_settings):
    opened = create_database(make_settings(f"sqlite:///{tmp_path}/s.db"))
    try:
        return [row.Message for row in rows(opened)]
    finally:
        opened.close()


def test_the_last_lines_of_a_process_are_stored(tmp_path, make_settings):
    done = run_script(
        tmp_path,
        """
        ensure_schema(database, auto_migrate=True)
        ApplicationLogger.configure(database=database)
        ApplicationLogger.get_logger("api").info("last words")
        """,
    )
    assert done.returncode == 0, done.stderr
    assert stored(tmp_path, make_settings) == ["last words"]


def test_a_process_whose_database_is_away_ends_in_good_time(tmp_path):
    started = time.monotonic()
    done = run_script(
        tmp_path,
        """
        database = create_database(Settings(database_url="sqlite:////nowhere/at/all.db"))
        ApplicationLogger.configure(database=database)
        ApplicationLogger.get_logger("api").info("nobody hears")
        """,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - started < 30


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_parent_and_child_of_a_fork_both_log(tmp_path, make_settings):
    done = run_script(
        tmp_path,
        """
        import warnings
        warnings.simplefilter("ignore")
        ensure_schema(database, auto_migrate=True)
        ApplicationLogger.configure(database=database)
        logger = ApplicationLogger.get_logger("api")
        logger.info("before")
        ApplicationLogger.flush()
        logger.info("waits in the parent")
        child = os.fork()
        if child == 0:
            database.engine.dispose(close=False)
            logger.info("from the child")
            sys.exit(0 if ApplicationLogger.flush(10) else 1)
        assert os.waitpid(child, 0)[1] == 0
        logger.info("from the parent")
        """,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(stored(tmp_path, make_settings)) == [
        "before",
        "from the child",
        "from the parent",
        "waits in the parent",
    ]


def test_logs_are_found_by_request_text_level_and_page(database):
    ApplicationLogger.configure(database=database)
    logger = ApplicationLogger.get_logger("api")
    for number in range(6):
        with request_scope(request_id=f"r-{number % 2}", call_id=f"c-{number}"):
            logger.log(logging.WARNING if number == 4 else logging.INFO, "line 100%% %d_x", number)
    assert ApplicationLogger.flush()

    def found(**wanted):
        return [entry.message for entry in database.read(lambda c: find_logs(c, LogFilter(**wanted)))]

    assert found(request_id="r-1") == ["line 100% 5_x", "line 100% 3_x", "line 100% 1_x"]
    assert found(level="WARNING") == ["line 100% 4_x"]
    assert found(contains="% 2_x") == ["line 100% 2_x"]
    assert found(call_id="c-0", logger="api") == ["line 100% 0_x"]
    page = database.read(lambda c: find_logs(c, LogFilter(), limit=4))
    rest = database.read(lambda c: find_logs(c, LogFilter(), before_id=page[-1].log_id))
    assert [entry.message[-3] for entry in [*page, *rest]] == list("543210")


@pytest.mark.parametrize(
    "words", ["[host]", "[", "]", "%", "_", "a_c", "[a-c]", "[^a]", "/", "\\", "/%", "50%", "^", "'"]
)
def test_searched_words_stand_for_themselves_on_every_database(database, words):
    texts = ["[host] gone", "host", "abc", "a_c", "[a-c]", "b", "50% done", "/%/", "a\\b", "[^a]", "x^y", "it's", "]"]
    moment = datetime(2026, 11, 1)
    entries = [LogEntry(moment, "INFO", "api", text) for text in texts]
    entries += [LogEntry(moment, "INFO", "api", "failed", exception=text) for text in texts]
    database.run(lambda c: insert_logs(c, entries))
    found = database.read(lambda c: find_logs(c, LogFilter(contains=words)))
    wanted = [text for text in texts if words in text]
    assert sorted(entry.message for entry in found if entry.exception is None) == sorted(wanted)
    assert sorted(entry.exception for entry in found if entry.exception is not None) == sorted(wanted)


def test_old_logs_and_retries_are_pruned(database):
    def fill(connection):
        now = connection.execute(select(utc_in(0))).scalar()
        now = now if isinstance(now, datetime) else datetime.fromisoformat(now)
        insert_logs(connection, [LogEntry(now, "INFO", "api", str(number)) for number in range(3)])
        insert_retries(connection, [RetryAttempt(number, "e", retryable=True) for number in range(3)])
        connection.execute(
            update(application_logs).where(application_logs.c.Message == "1").values(Timestamp=utc_in(-31 * 86400))
        )
        connection.execute(
            update(retry_attempts).where(retry_attempts.c.Attempt == 1).values(Timestamp=utc_in(-31 * 86400))
        )

    database.run(fill)
    assert database.run(lambda c: logs.EXPIRING.delete(c, older_than_days=30, first=0, last=10**9)) == 1
    assert database.run(lambda c: retries.EXPIRING.delete(c, older_than_days=30, first=0, last=10**9)) == 1
    assert [row.Message for row in rows(database)] == ["0", "2"]
    assert [item.attempt for item in database.read(lambda c: find_retries(c, RetryFilter()))] == [2, 0]


def test_a_retry_log_becomes_rows(database):
    log = [
        {"attempt": 1, "error": "Connection timeout", "retryable": True, "timestamp": 1700000000.123},
        {"attempt": 2, "error": f"bad key {KEY}", "retryable": False, "timestamp": 1700000002.456, "token_id": 8},
    ]
    with request_scope(request_id="r-1", call_id="c-1"):
        assert log_retry_attempts(log, 7, "NT047", database=database) == 2
    later, earlier = database.read(lambda c: find_retries(c, RetryFilter(company_id="NT047")))
    assert (earlier.attempt, earlier.token_id, earlier.retryable) == (1, 7, True)
    assert (earlier.call_id, earlier.request_id) == ("c-1", "r-1")
    assert abs(earlier.at.replace(tzinfo=UTC).timestamp() - 1700000000.123) < 0.005
    assert (later.token_id, later.retryable, later.error) == (8, False, "bad key ***")


def test_a_retry_log_that_cannot_be_stored_fails_nothing(make_settings, caplog):
    away = create_database(make_settings("sqlite:////nowhere/at/all.db"))
    log = [{"attempt": 1, "error": "e", "retryable": True, "timestamp": 1.0}]
    assert log_retry_attempts(log, 7, "NT047", database=away, budget_seconds=0) == 0
    assert "could not be stored" in caplog.text
    assert log_retry_attempts([], 7) == 0
