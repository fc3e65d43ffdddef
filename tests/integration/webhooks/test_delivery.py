"""Messages are delivered at least once, under one id, with the pauses that are written, and given up after a day."""

import json
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks.webhooks as library
from standardwebhooks import Webhook

from shared_code.database import tables
from shared_code.database.stores.operations import webhook_deliveries as store
from shared_code.database.stores.operations import webhook_settings
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.errors import ConfigurationError, Conflict, Forbidden, InvalidRequest, NotFound
from shared_code.rollup.run import STEPS
from shared_code.rollup.step import run_step
from shared_code.webhooks.delivery import UNDELIVERED
from tests.integration.webhooks.conftest import COMPANY
from tests.integration.webhooks.receiver import Receiver

STEP = dict(STEPS)
PAUSES = [30 * 2**number for number in range(12)]


def timer(webhooks):
    """The steps of the timer that are about webhooks, in its order."""
    return {
        name: run_step(name, step, webhooks.services.rollup, time.monotonic)
        for name, step in STEPS
        if "webhook" in name.lower()
    }


def alerts(webhooks):
    rows = webhooks.services.database.read(lambda c: c.execute(tables.alerts.select()).all())
    return [(row.Kind, row.Subject, row.ClosedAt is None) for row in rows]


def test_a_message_says_what_happened_and_is_signed(webhooks, receiver):
    secret = webhooks.set(receiver.url)
    (reading,) = webhooks.fail_readings(1)
    assert webhooks.send().taken == 1
    (request,) = receiver.requests
    message = Webhook(secret).verify(request.body, request.headers)
    assert message["type"] == "extraction.failed"
    assert message["data"] == {
        "id": reading,
        "company_id": COMPANY,
        "state": "failed",
        "status": None,
        "finished_at": message["timestamp"],
        "link": f"/api/extractions/{reading}",
    }
    assert request.headers["content-type"] == "application/json"
    (row,) = webhooks.rows()
    assert (row.state, row.attempts, row.last_status, row.last_error) == ("delivered", 1, 200, None)
    # Nothing is left to be sent.
    assert (webhooks.send().tried, webhooks.deliveries.seconds_until_due()) == (0, None)


def test_links_begin_with_where_the_service_answers(make_webhooks, receiver):
    webhooks = make_webhooks(public_url="https://invoices.example.com/")
    webhooks.set(receiver.url)
    (reading,) = webhooks.fail_readings(1)
    webhooks.send()
    message = json.loads(receiver.requests[0].body)
    assert message["data"]["link"] == f"https://invoices.example.com/api/extractions/{reading}"


def test_only_companies_with_a_receiver_for_the_event_are_told(webhooks, receiver):
    webhooks.set(receiver.url, company="ALL")
    webhooks.set(receiver.url, company="DONE", events=["extraction.done"])
    for company in ("ALL", "DONE", "NOBODY"):
        webhooks.fail_readings(1, company=company)
    assert [row.company_id for row in webhooks.rows()] == ["ALL"]


def test_a_row_of_settings_typed_in_another_case_counts(webhooks, receiver):
    def typed(connection):
        connection.execute(
            tables.company_settings.insert().values(
                CompanyID="nt047", TimeZone="", WebhookUrl=receiver.url, WebhookEvents="extraction.failed"
            )
        )

    webhooks.services.database.run(typed)
    webhooks.fail_readings(1)
    assert webhooks.send().taken == 1
    assert "webhook-signature" not in receiver.requests[0].headers


@pytest.mark.soak
def test_300_messages_survive_a_receiver_that_is_down_then_slow_then_refuses(webhooks, receiver, clock):
    receiver.close()
    secret = webhooks.set(receiver.url)
    readings = webhooks.fail_readings(290)
    begun = clock.now

    # Down for ten minutes: one message asks, with the pauses that are written, and the others wait with it.
    asked = []
    while clock.now < begun + timedelta(minutes=10):
        before = {row.delivery_id: row.attempts for row in webhooks.rows()}
        webhooks.send()
        tried = [row for row in webhooks.rows() if row.attempts > before[row.delivery_id]]
        asked.append((len(tried), round((clock.now - begun).total_seconds())))
        if len(asked) == 2:
            # A new one does not ask for itself.
            readings += webhooks.fail_readings(10)
            assert webhooks.send().tried == 0
        assert {row.state for row in webhooks.rows()} == {"pending"}
        webhooks.turn_to_next()
    # The first time two may be sent beside each other.
    assert asked[0][0] in (1, 2)
    assert [number for number, _ in asked[1:]] == [1, 1, 1, 1]
    assert [seconds for _, seconds in asked] == pytest.approx([0, 30, 90, 210, 450], abs=10)

    # Slow: no answer comes in time.
    receiver.open()
    receiver.delay, in_time = 0.6, webhooks.deliveries.sender.seconds
    webhooks.deliveries.sender.seconds = 0.3
    assert webhooks.send().taken == 0
    webhooks.deliveries.sender.seconds = in_time
    assert {row.last_error for row in webhooks.rows() if row.attempts > 5} <= {"no answer within 0.3 seconds"}

    # Refusing: each message is tried for itself, with its own pauses.
    receiver.delay, receiver.status = 0.0, 503
    webhooks.turn_to_next()
    refused_from = len(receiver.requests)
    rounds = 3
    for number in range(rounds):
        assert webhooks.send(60).tried == 300
        if number + 1 < rounds:
            clock.turn(hours=2)
    tries = defaultdict(list)
    for request in receiver.requests[refused_from:]:
        tries[request.id].append(request.at)
    assert {len(times) for times in tries.values()} == {rounds}
    for row in webhooks.rows():
        assert (row.state, row.last_status) == ("pending", 503)
        pause = (row.next_at - clock.now.astimezone(UTC).replace(tzinfo=None)).total_seconds()
        assert pause == pytest.approx(min(PAUSES[row.attempts - 1], 6 * 3600), abs=1)

    # Well again: none is lost, each came under one id.
    receiver.status, good_from = 200, len(receiver.requests)
    clock.turn(seconds=6 * 3600)
    assert webhooks.send(60).taken == 300
    told = [Webhook(secret) and json.loads(request.body)["data"]["id"] for request in receiver.requests[good_from:]]
    assert sorted(told) == sorted(readings)
    assert len({request.id for request in receiver.requests}) == 300
    assert {row.state for row in webhooks.rows()} == {"delivered"}


def test_pauses_double_up_to_six_hours_and_a_message_is_given_up_after_a_day(webhooks, receiver, clock):
    receiver.status = 500
    webhooks.set(receiver.url)
    webhooks.fail_readings(1)
    begun = clock.now
    while webhooks.rows(state="pending"):
        webhooks.send()
        webhooks.turn_to_next()
    gaps = [
        round((later.at - earlier.at).total_seconds() / 10) * 10
        for earlier, later in zip(receiver.requests, receiver.requests[1:], strict=False)
    ]
    assert gaps[:12] == [30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600]
    assert receiver.requests[-1].at - begun == pytest.approx(timedelta(hours=24), abs=timedelta(seconds=30))
    assert len(set(receiver.ids())) == 1
    (row,) = webhooks.rows()
    assert (row.state, row.last_error) == ("failed", "the receiver answered 500")

    timer(webhooks)
    assert alerts(webhooks) == [(UNDELIVERED, COMPANY, True)]
    # Sent again, it has the id that it had, and a day again.
    receiver.status = 200
    webhooks.administration.redeliver(row.delivery_id, webhooks.actor)
    assert timer(webhooks)["deliver webhooks"].changed == 1
    timer(webhooks)
    assert len(set(receiver.ids())) == 1
    assert alerts(webhooks) == [(UNDELIVERED, COMPANY, False)]


def test_all_messages_that_were_given_up_are_sent_again_at_once(webhooks, receiver, clock):
    receiver.status = 500
    webhooks.set(receiver.url)
    webhooks.fail_readings(5)
    clock.turn(hours=25)
    webhooks.send()
    assert [row.state for row in webhooks.rows()] == ["failed"] * 5
    receiver.status = 200
    assert webhooks.administration.redeliver_failed(COMPANY, webhooks.actor) == 5
    assert webhooks.send().taken == 5
    assert len(receiver.requests) == 10
    assert len(set(receiver.ids())) == 5


def test_the_message_that_had_no_answer_asks_again_wherever_it_stands(webhooks, receiver, clock):
    receiver.close()
    webhooks.set(receiver.url)
    webhooks.fail_readings(3)
    second = webhooks.rows()[1]
    clock.turn(seconds=5)
    now = clock.now.astimezone(UTC).replace(tzinfo=None)
    due = now + timedelta(seconds=30)

    def asked(connection):
        assert store.claim(connection, second, now=now, until=due)
        store.end_try(connection, second, status=None, error="no answer", state=store.PENDING, at=due)
        store.postpone(connection, COMPANY, until=due)

    webhooks.services.database.run(asked)
    clock.turn(seconds=30)
    assert webhooks.send().tried == 1
    assert [row.attempts for row in webhooks.rows()] == [0, 2, 0]
    receiver.open()


def test_a_company_whose_receiver_is_slow_does_not_hold_up_another(webhooks, receiver):
    with Receiver(delay=5) as slow:
        webhooks.set(slow.url, company="SLOW")
        webhooks.set(receiver.url, company="QUICK")
        webhooks.deliveries.sender.seconds = 2.0
        webhooks.fail_readings(20, company="SLOW")
        webhooks.fail_readings(20, company="QUICK")
        started = time.monotonic()
        assert webhooks.send(30.0).taken == 20
        # To wait for each of the others would take 20 seconds in two lanes.
        assert time.monotonic() - started < 15
    assert {row.state for row in webhooks.rows(company_id="QUICK")} == {"delivered"}
    assert {row.state for row in webhooks.rows(company_id="SLOW")} == {"pending"}


def test_two_senders_at_once_send_each_message_once(webhooks, make_webhooks, receiver):
    from concurrent.futures import ThreadPoolExecutor

    webhooks.set(receiver.url)
    webhooks.fail_readings(40)
    others = [webhooks, make_webhooks(), make_webhooks()]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda each: each.send(), others))
    assert sum(each.taken for each in done) == 40
    assert sorted(receiver.ids()) == sorted(set(receiver.ids()))
    assert len(receiver.requests) == 40


def test_what_happened_is_told_once_however_often_it_is_written(webhooks, receiver):
    from shared_code.database.stores.extractions.readings import ReadingHead
    from shared_code.errors import ProviderRejected
    from shared_code.labels import new_reading_id
    from shared_code.metering.finishing import Ending, Failed, finish

    webhooks.set(receiver.url)
    failed = Failed(ReadingHead(new_reading_id(), COMPANY, "a" * 64, "call-1"), ProviderRejected())
    for _ in range(3):
        webhooks.services.database.run(lambda c: finish(c, webhooks.services.budgets, Ending(failed=failed)))
    assert len(webhooks.rows()) == 1


def test_a_reading_and_its_message_are_written_together_or_not_at_all(webhooks, receiver):
    webhooks.set(receiver.url)

    class Killed(BaseException):
        pass

    database, real = webhooks.services.database, webhooks.services.database.run

    def dies(work, **options):
        def then(connection):
            work(connection)
            raise Killed

        return real(then, **options)

    database.run = dies
    with pytest.raises(Killed):
        webhooks.fail_readings(1)
    database.run = real
    assert webhooks.rows() == []
    assert webhooks.services.database.read(lambda c: c.execute(tables.extractions.select()).all()) == []


def test_a_receiver_that_was_taken_away_gets_nothing_more(webhooks, receiver):
    webhooks.set(receiver.url)
    webhooks.fail_readings(2)
    webhooks.administration.remove(COMPANY, webhooks.actor)
    webhooks.send()
    assert receiver.requests == []
    assert [row.state for row in webhooks.rows()] == ["dropped", "dropped"]
    with pytest.raises(Conflict):
        webhooks.administration.redeliver(webhooks.rows()[0].delivery_id, webhooks.actor)
    with pytest.raises(NotFound):
        webhooks.administration.test(COMPANY)


def test_a_message_goes_to_the_address_that_counts_when_it_is_sent(webhooks, receiver):
    webhooks.set("http://127.0.0.1:9/nobody")
    webhooks.fail_readings(1)
    webhooks.send()
    webhooks.set(receiver.url)
    webhooks.turn_to_next()
    assert webhooks.send().taken == 1


class TestSecrets:
    def test_a_secret_is_shown_once_and_kept_as_ciphertext(self, webhooks, receiver):
        secret = webhooks.set(receiver.url)
        assert secret.startswith("whsec_")
        assert webhooks.set(f"{receiver.url}/other") is None
        stored = webhooks.services.database.read(lambda c: c.execute(tables.company_settings.select()).one())
        assert stored.WebhookSecret.startswith("enc:v1:")
        assert secret not in str(webhooks.administration.find(COMPANY))

    def test_two_secrets_sign_while_one_is_changed_for_another(self, webhooks, receiver):
        old = webhooks.set(receiver.url)
        _, new = webhooks.administration.rotate(COMPANY, webhooks.actor)
        webhooks.fail_readings(1)
        webhooks.send()
        for secret in (old, new):
            Webhook(secret).verify(receiver.requests[-1].body, receiver.requests[-1].headers)
        assert webhooks.administration.retire(COMPANY, webhooks.actor).secrets == 1
        webhooks.fail_readings(1)
        webhooks.send()
        Webhook(new).verify(receiver.requests[-1].body, receiver.requests[-1].headers)
        assert len(receiver.requests[-1].headers["webhook-signature"].split(" ")) == 1

    def test_another_companys_ciphertext_does_not_open(self, webhooks, receiver):
        webhooks.set(receiver.url)
        webhooks.set(receiver.url, company="OTHER")

        def copy(connection):
            stored = webhook_settings.find_webhook(connection, "OTHER").secrets[0]
            webhook_settings.write_webhook(connection, COMPANY, {"WebhookSecret": stored})

        webhooks.services.database.run(copy)
        with pytest.raises(ConfigurationError):
            webhooks.administration.test(COMPANY)
        webhooks.fail_readings(1)
        webhooks.send()
        assert receiver.requests == []
        (row,) = webhooks.rows()
        assert (row.state, row.last_error) == ("pending", "The secret of this company does not open.")

    def test_secrets_come_under_the_newest_key_of_the_ring(self, webhooks, make_webhooks, receiver):
        from tests.integration.webhooks.conftest import RING

        secret = webhooks.set(receiver.url)
        newer = make_webhooks(token_encryption_keys=f"newer:{'B' * 43}=,{RING}")
        database = newer.services.database
        changed = database.run(lambda c: webhook_settings.reencrypt_secrets(c, newer.services.cipher))
        again = database.run(lambda c: webhook_settings.reencrypt_secrets(c, newer.services.cipher))
        assert (changed, again) == ((1, []), (0, []))
        newer.fail_readings(1)
        newer.send()
        Webhook(secret).verify(receiver.requests[-1].body, receiver.requests[-1].headers)


class TestOperators:
    def test_they_are_told_when_an_alert_opens_and_when_it_closes(self, make_webhooks, receiver, clock, verifying_at):
        secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        webhooks = make_webhooks(alert_webhook_url=receiver.url, alert_webhook_secret=secret)
        receiver_of_company = Receiver(status=500)
        with receiver_of_company:
            webhooks.set(receiver_of_company.url)
            webhooks.fail_readings(1)
            clock.turn(hours=25)
            webhooks.send()
        timer(webhooks)
        receiver.wait_for(1)
        verifying_at(clock)
        opened = Webhook(secret).verify(receiver.requests[0].body, receiver.requests[0].headers)
        assert opened["type"] == "alert.opened"
        assert opened["data"] == {
            "id": opened["data"]["id"],
            "state": "open",
            "kind": UNDELIVERED,
            "severity": "error",
            "company_id": COMPANY,
            "opened_at": opened["timestamp"],
            "link": f"/api/manage/alerts?state=all&kind={UNDELIVERED}",
        }
        # Its message holds the cause, which stays here.
        assert b"answered" not in receiver.requests[0].body
        webhooks.administration.remove(COMPANY, webhooks.actor)
        timer(webhooks)
        types = [json.loads(request.body)["type"] for request in receiver.requests]
        assert types == ["alert.opened", "alert.closed"]

    def test_without_an_address_nothing_is_kept_for_them(self, webhooks):
        from shared_code.operations.alerts import raise_alert
        from shared_code.records import Alert

        raise_alert(webhooks.services.database, Alert(kind="k", subject="s", severity="error", message="m", details={}))
        assert len(webhooks.rows()) == 1
        webhooks.send()
        assert webhooks.rows() == []

    @pytest.mark.parametrize(
        "settings",
        [{"alert_webhook_url": "https://10.0.0.1/"}, {"alert_webhook_url": "http://a.example/"}],
    )
    def test_an_address_that_cannot_be_used_is_refused_at_start(self, make_webhooks, settings):
        with pytest.raises(ConfigurationError, match="ALERT_WEBHOOK_URL"):
            make_webhooks(webhook_allow_loopback=False, **settings)

    def test_a_secret_that_is_none_is_refused_at_start(self, make_webhooks):
        with pytest.raises(ConfigurationError, match="ALERT_WEBHOOK_SECRET"):
            make_webhooks(alert_webhook_url="https://a.example/", alert_webhook_secret="secret")


@pytest.fixture
def verifying_at(monkeypatch):
    """The library refuses messages that are older than five minutes; the clock of these tests runs ahead of it."""

    def at(clock):
        class Then(datetime):
            @classmethod
            def now(cls, tz=None):
                return clock.now.astimezone(tz)

        monkeypatch.setattr(library, "datetime", Then)

    return at


class TestChanges:
    def test_unknown_events_are_refused(self, webhooks, receiver):
        with pytest.raises(InvalidRequest, match="events are some of"):
            webhooks.set(receiver.url, events=["invoice.paid"])
        with pytest.raises(InvalidRequest):
            webhooks.set(receiver.url, events=[])

    def test_a_change_of_the_address_leaves_events_and_secret(self, webhooks, receiver):
        webhooks.set(receiver.url, events=["review.decided"])
        webhooks.set(f"{receiver.url}/new")
        found = webhooks.administration.find(COMPANY)
        assert (found.url, found.events, found.secrets) == (f"{receiver.url}/new", ("review.decided",), 1)

    def test_somebody_bound_to_another_company_changes_nothing(self, webhooks, receiver):
        webhooks.set(receiver.url)
        stranger = Actor("stranger", company_id="OTHER")
        for change in (
            lambda: webhooks.administration.set_receiver(COMPANY, url=receiver.url, events=None, actor=stranger),
            lambda: webhooks.administration.rotate(COMPANY, stranger),
            lambda: webhooks.administration.retire(COMPANY, stranger),
            lambda: webhooks.administration.remove(COMPANY, stranger),
            lambda: webhooks.administration.redeliver(1, stranger),
            lambda: webhooks.administration.redeliver_failed(COMPANY, stranger),
            lambda: webhooks.administration.test(COMPANY, bound_to="OTHER"),
            lambda: webhooks.administration.test(None, bound_to="OTHER"),
        ):
            with pytest.raises(Forbidden):
                change()

    def test_each_change_is_in_the_audit_without_path_or_secret(self, webhooks, receiver):
        secret = webhooks.set(f"{receiver.url}/PATH-0417?token=QUERY-0417")
        webhooks.administration.rotate(COMPANY, webhooks.actor)
        webhooks.administration.remove(COMPANY, webhooks.actor)
        rows = webhooks.services.database.read(lambda c: c.execute(tables.admin_audit.select()).all())
        assert [row.Action for row in rows] == ["webhook.set", "webhook.rotate", "webhook.remove"]
        said = str(rows)
        assert f"127.0.0.1:{receiver.port}" in said
        assert not any(word in said for word in ("0417", secret))

    def test_delivered_messages_go_by_their_age_and_pending_ones_stay(self, webhooks, receiver):
        webhooks.set(receiver.url)
        webhooks.fail_readings(1)
        webhooks.send()
        webhooks.fail_readings(1)
        old = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=31)
        table = tables.webhook_deliveries
        webhooks.services.database.run(
            lambda c: c.execute(table.update().where(table.c.FinishedAt.is_not(None)).values(FinishedAt=old))
        )
        assert timer(webhooks)["prune WebhookDeliveries"].changed == 1
        assert [row.attempts for row in webhooks.rows()] == [1]


def test_a_message_follows_an_answer_without_the_timer(make_webhooks, receiver):
    from shared_code.web.extract import Upload, extract_response

    webhooks = make_webhooks(thread=True)
    webhooks.set(receiver.url)
    upload = Upload(b"no invoice", "application/pdf", {"companyID": COMPANY}, "a.pdf")
    response = extract_response(lambda: webhooks.services, lambda: upload, request_id=None)
    assert response.status_code >= 400
    receiver.wait_for(1)
    assert json.loads(receiver.requests[0].body)["type"] == "extraction.failed"
