"""What the rows say of dropped files: whose result was written, which reading is stored, which company has a key."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, update

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.extractions import blob_answers
from shared_code.database.stores.keys import tokens
from shared_code.database.stores.quotas import counter_retention
from shared_code.database.tables import (
    extractions,
    quota_counters,
    quotas,
    token_master,
    token_usage_logs,
    written_results,
)

HOUR = 3600


def test_a_version_is_answered_when_its_result_was_written_or_it_was_booked_before_that_was_noted(database):
    def fill(connection):
        for label, age in (("before", 2 * HOUR), ("after", 60), ("old", 90 * HOUR)):
            connection.execute(
                insert(token_usage_logs).values(RequestID=label, Kind="usage", LoggedAt=utc_in(-age), CallID=label)
            )
        connection.execute(delete(written_results))
        connection.execute(insert(written_results).values(Label=blob_answers.BEGIN, WrittenAt=utc_in(-HOUR)))
        for _ in range(2):
            blob_answers.note_written(connection, "noted")

    database.run(fill)
    labels = ["before", "after", "old", "noted", "unknown", *(f"more-{number}" for number in range(600))]
    found = database.read(lambda c: blob_answers.written_labels(c, labels, since_seconds=49 * HOUR))
    assert found == {"before", "noted"}


def test_the_reading_that_was_booked_for_a_version_is_found_by_its_label(database):
    def fill(connection):
        usage = {"Kind": "usage", "CompanyID": "NT047", "DocumentSha256": "sha"}
        connection.execute(insert(token_usage_logs).values(RequestID="label", CallID="a", LoggedAt=utc_now(), **usage))
        claim = {"CompanyID": "NT047", "PromptVersion": "1", "Provider": "Gemini", "Model": "m", "CallID": "a"}
        for key, company, sha, state, result, finished in (
            ("1", "NT047", "sha", "done", "older", datetime(2026, 1, 1)),
            ("2", "NT047", "sha", "done", "newer", datetime(2026, 2, 1)),
            ("3", "NT047", "sha", "running", None, None),
            ("4", "OTHER", "sha", "done", "another's", datetime(2026, 3, 1)),
            ("5", "NT047", "tha", "done", "another", datetime(2026, 3, 1)),
        ):
            values = {"ClaimKey": key, "DocumentSha256": sha, "State": state, "Result": result, "FinishedAt": finished}
            values |= {"CompanyID": company, "PublicID": f"ext_{key}", "SupersedesID": f"ext_{int(key) - 1}"}
            connection.execute(insert(extractions).values(claim | values))

    database.run(fill)
    found = database.read(lambda c: blob_answers.stored_result(c, "label"))
    assert found == blob_answers.StoredResult("ext_2", "ext_1", "newer", None)
    assert database.read(lambda c: blob_answers.stored_result(c, "unknown")) is None


def test_a_version_gets_the_reading_of_its_own_run_back_whatever_else_was_read_since(database):
    def fill(connection):
        same = {"CompanyID": "NT047", "DocumentSha256": "sha"}
        values = {"Kind": "usage", "RequestID": "label", "LoggedAt": utc_now(), "CallID": "own"}
        connection.execute(insert(token_usage_logs).values(values | same))
        shared = same | {"ClaimKey": "k", "PromptVersion": "1", "Provider": "Gemini", "State": "done"}
        for model, call, day in (("its own", "own", 1), ("of another model", "later", 2)):
            read = {"Model": model, "CallID": call, "Result": model, "FinishedAt": datetime(2026, 2, day)}
            connection.execute(insert(extractions).values(shared | read | {"PublicID": f"ext_{day}"}))

    database.run(fill)
    assert database.read(lambda c: blob_answers.stored_result(c, "label")).result == "its own"


def test_the_versions_that_were_booked_as_a_document_are_found_by_company_and_digest(database):
    def fill(connection):
        for number, (label, company, sha, source) in enumerate(
            (
                ("mine", "NT047", "sha", "blob"),
                ("mine", "NT047", "sha", "blob"),
                ("again", "NT047", "sha", "blob"),
                ("another's", "OTHER", "sha", "blob"),
                ("another", "NT047", "tha", "blob"),
                ("a client's", "NT047", "sha", "http"),
                (None, "NT047", "sha", "blob"),
            )
        ):
            row = {"RequestID": label, "CompanyID": company, "DocumentSha256": sha, "Source": source}
            connection.execute(
                insert(token_usage_logs).values(Kind="usage", CallID=f"c{number}", LoggedAt=utc_now(), **row)
            )

    database.run(fill)
    assert database.read(lambda c: blob_answers.labels_of(c, "NT047", "sha")) == {"mine", "again"}


def test_companies_with_a_usable_key_are_told_with_what_changes_when_their_keys_do(database):
    def add(company, **values):
        def work(connection):
            statement = insert(token_master).values(**{"CompanyID": company, "Status": "Active"} | values)
            return connection.execute(statement).inserted_primary_key[0]

        return database.run(work)

    def usable():
        return database.read(tokens.usable_by_company)

    add("gone", ExpiresAt=datetime.now(UTC).replace(tzinfo=None) - timedelta(days=3))
    add("BLOCKED", Status="Blocked")
    add(None)
    key = add("nt047", Status=" below threshold ")
    first = usable()
    assert list(first) == ["NT047"]
    database.run(lambda c: tokens.set_status(c, key, tokens.KeyStatus.ACTIVE))
    changed = usable()
    assert changed["NT047"] != first["NT047"]
    database.run(lambda c: c.execute(update(token_master).values(TotalTokenLimit=5)))
    limited = usable()
    assert limited["NT047"] != changed["NT047"], "also a limit that was changed by SQL"
    add("NT047")
    assert usable()["NT047"] != limited["NT047"]


def test_a_month_is_kept_until_all_of_it_is_old(database):
    today = datetime.now(UTC).date()

    def fill(connection):
        quota = connection.execute(insert(quotas).values(CompanyID="A", Scope="company")).inserted_primary_key[0]
        for period in (f"{today:%Y-%m}", today.isoformat(), "2020-02", "2020-02-29"):
            connection.execute(insert(quota_counters).values(QuotaID=quota, Period=period))

    database.run(fill)
    found = database.run(lambda c: counter_retention.EXPIRING.find(c, older_than_days=1, limit=10))
    assert len(found) == 2
