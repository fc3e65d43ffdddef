"""Retries, logs, extractions, alerts, diagnostics: what operators look at."""

from datetime import datetime

from shared_code.database.stores.extractions import claims, readings
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.database.stores.operations import alerts, logs, retries
from shared_code.database.stores.operations.logs import LogEntry
from shared_code.errors import UnsupportedFileType
from shared_code.labels import new_reading_id
from shared_code.records import Alert, RetryAttempt


def run(api, work):
    return api.services.database.run(work)


def test_retries(api):
    attempts = [
        RetryAttempt(
            number, "503 overloaded", retryable=True, token_id=7, company_id=company, call_id=f"call-{company}"
        )
        # The last one as the seed's own scripts may have written it.
        for number, company in ((1, "NT047"), (2, "nt047"), (1, "OTHER"))
    ]
    run(api, lambda connection: retries.insert_retries(connection, attempts))
    items = api.get("retries?company_id=nt047").data["items"]
    assert [(item["attempt"], item["call_id"], item["retryable"]) for item in items] == [
        (2, "call-nt047", True),
        (1, "call-NT047", True),
    ]
    assert len(api.get("retries?token_id=7").data["items"]) == 3
    bound = api.get("retries", key=api.new_key("viewer", "OTHER")).data["items"]
    assert [item["company_id"] for item in bound] == ["OTHER"]


def test_logs(api):
    entries = [
        LogEntry(
            datetime(2026, 11, day),
            "INFO" if day % 2 else "ERROR",
            "shared_code",
            f"day {day} 100%",
            request_id=f"r{day}",
        )
        for day in range(1, 6)
    ]
    run(api, lambda connection: logs.insert_logs(connection, entries))
    assert [item["message"] for item in api.get("logs?level=ERROR").data["items"]] == ["day 4 100%", "day 2 100%"]
    assert [item["at"] for item in api.get("logs?request_id=r3").data["items"]] == ["2026-11-03T00:00:00+00:00"]
    assert len(api.get("logs?contains=100%25").data["items"]) == 5
    assert len(api.get("logs?since=2026-11-02T00:00:00Z&until=2026-11-04T05:30:00%2B05:30").data["items"]) == 2
    assert api.get("logs?contains=%00").code == "INVALID_REQUEST"


def test_extractions(api):
    claim = ClaimRequest("NT047", "a" * 64, "1", "Gemini", "model", "", "c" * 36, 60)
    other = ClaimRequest("OTHER", "b" * 64, "1", "Gemini", "model", "", "d" * 36, 60)
    for each in (claim, other):
        run(api, lambda connection, each=each: claims.insert_claim(connection, each))
    done = Finished("ok", '{"status": "ok", "invoices": []}', invoice_number="INV-1")
    run(api, lambda connection: claims.finish_claim(connection, claim.key, claim.call_id, done))
    (item,) = api.get("extractions?state=done").data["items"]
    assert (item["company_id"], item["invoice_number"], item["status"]) == ("NT047", "INV-1", "ok")
    assert "result" not in item
    assert item["id"] == claim.reading_id
    assert item.keys().isdisjoint({"extraction_id", "error"})
    shown = api.get(f"extractions/{item['id']}").data
    assert (shown["result"], shown["error"]) == ({"status": "ok", "invoices": []}, None)
    refused = ReadingHead(new_reading_id(), "NT047", "e" * 64, "f" * 36, username="bzumah", file_label="a.zip")
    run(api, lambda connection: readings.insert_failed(connection, refused, UnsupportedFileType()))
    (item,) = api.get("extractions?error_code=UNSUPPORTED_FILE_TYPE").data["items"]
    assert (item["state"], item["requested_by"], item["file_label"]) == ("failed", "bzumah", "a.zip")
    error = api.get(f"extractions/{item['id']}").data["error"]
    assert error == {"message": "Failed to process invoice", "retryable": False, "details": {}}
    assert len(api.get("extractions").data["items"]) == 2
    (item,) = api.get(f"extractions?state=running&document_sha256={'b' * 64}").data["items"]
    assert (item["state"], item["id"]) == ("running", other.reading_id)


def test_alerts(api):
    for subject in ("1", "2"):
        run(
            api,
            lambda c, subject=subject: alerts.raise_alert(c, Alert("key_blocked", subject, "critical", "m", {"n": 1})),
        )
    newest, oldest = api.get("alerts").data["items"]
    assert (newest["subject"], oldest["subject"], newest["details"]) == ("2", "1", {"n": 1})
    closed = api.post(f"alerts/{newest['alert_id']}/close").data
    assert closed["closed_at"] is not None
    assert api.post(f"alerts/{newest['alert_id']}/close").data == closed
    assert [item["subject"] for item in api.get("alerts").data["items"]] == ["1"]
    assert len(api.get("alerts?state=all&kind=key_blocked").data["items"]) == 2
    assert api.post("alerts/99/close").status == 404
    (entry,) = api.get("audit").data["items"]
    assert (entry["action"], entry["before"]["closed_at"], entry["after"]["subject"]) == ("alert.close", None, "2")
    assert entry["after"]["closed_at"] is not None


def test_diagnostics(api):
    data = api.get("diagnostics").data
    assert data["health"]["checks"]["database"]["status"] == "healthy"
    assert {"api", "cpu", "memory", "disk", "migrations", "usable_keys", "rollup", "gemini", "openai"} <= set(
        data["health"]["checks"]
    )
    assert data["database"]["backend"] == api.services.database.dialect
    assert {"connection", "performance", "schema", "indexes", "findings"} <= set(data["database"])


def test_diagnostics_are_asked_for_in_two_parts(api):
    """What waits for storage and providers, and what is there at once."""
    slow, quick = (api.get(f"diagnostics?part={part}").data for part in ("health", "database"))
    assert (slow["database"], slow["set_aside"], quick["health"], quick["set_aside"]) == (None, None, None, [])
    assert slow["health"]["checks"]["database"]["status"] == "healthy"
    assert quick["database"]["backend"] == api.services.database.dialect
    assert api.get("diagnostics?part=weather").status == 400


def test_health_never_spends_tokens(api, gemini):
    api.add()
    result = api.services.health.run_checks()
    assert result["checks"]["gemini"]["result"]["asked"] is True
    assert [call["status"] for call in gemini.calls()] == [200]
    assert api.services.health.run_checks()["checks"]["gemini"]["status"] == "healthy"
    assert len(gemini.calls()) == 1


def test_while_the_database_is_away_the_answer_says_so(make_settings, tmp_path):
    from shared_code.bootstrap import build_services
    from tests.integration.admin.conftest import Api

    services = build_services(
        make_settings("postgresql://nobody@127.0.0.1:9/none", db_retry_budget_seconds=0.1, db_login_timeout_seconds=1)
    )
    api = Api.__new__(Api)
    from shared_code.admin.app import create_app

    api.services, api.app, api.raw, api.key = services, create_app(lambda: services), [], f"{'0' * 16}.{'x' * 43}"
    answer = api.get("tokens")
    assert (answer.status, answer.code) == (503, "DATABASE_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1
    assert api.get("openapi.json", key=None).status == 200
    services.close()


def test_a_bug_is_answered_in_the_envelope_without_its_text(api, monkeypatch, caplog):
    def broken(_connection, *_, **__):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("shared_code.database.stores.keys.tokens.list_tokens", broken)
    answer = api.get("tokens", headers={"x-request-id": "bug-1"})
    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    assert "secret detail" not in answer.text
    assert "bug-1" in answer.text
    assert "secret detail" in caplog.text
