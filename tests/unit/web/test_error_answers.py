"""What a caller is told of an error, for all of the hierarchy: status, code, and when to come back."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared_code import api_response, errors

NOW = datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ServiceError)]


def answer(error, now=NOW):
    response = api_response.failure(error, request_id="r", now=now)
    body = json.loads(response.body)
    assert (body["status"], body["data"], body["request_id"]) == ("error", None, "r")
    assert response.headers["Content-Type"].startswith("application/json")
    return response, body["error"]


@pytest.mark.parametrize("kind", KINDS)
def test_when_to_come_back_is_told_in_the_header_and_twice_in_the_body(kind):
    response, told = answer(kind(retry_after=89.2))
    assert set(told) == {"code", "retryable", "details", "retry_after_seconds", "retry_at"}
    assert (response.status_code, told["code"], told["retryable"]) == (kind.http_status, kind.code, kind.retryable)
    if kind.retryable:
        assert (told["retry_after_seconds"], told["retry_at"]) == (90, "2026-11-21T12:01:30Z")
        assert response.headers["Retry-After"] == "90"
    else:
        assert (told["retry_after_seconds"], told["retry_at"]) == (None, None)
        assert "Retry-After" not in response.headers


@pytest.mark.parametrize("kind", KINDS)
def test_what_passes_by_itself_always_says_when(kind):
    response, told = answer(kind())
    promised = kind.retryable and kind.http_status in {429, 503}
    assert ("Retry-After" in response.headers) is promised
    assert (told["retry_at"] is not None) is promised


def test_the_moment_is_never_too_early_and_in_utc():
    later = timezone(timedelta(hours=5, minutes=30))
    for seconds, moment in ((0, "12:00:01"), (0.5, "12:00:01"), (59.999999, "12:01:00"), (3600, "13:00:01")):
        _, told = answer(errors.Busy(retry_after=seconds), NOW.astimezone(later))
        assert told["retry_at"] == f"2026-11-21T{moment}Z"
        assert told["retry_after_seconds"] >= 1


def test_a_limit_that_never_resets_is_the_same_code_without_a_time():
    response, told = answer(errors.LimitUsedUp(details={"scope": "key"}))
    assert (response.status_code, told["code"], told["retryable"]) == (429, "QUOTA_EXCEEDED", False)
    assert isinstance(errors.LimitUsedUp(), errors.QuotaExceeded)


def test_an_internal_error_shows_nothing_of_itself():
    for kind in (errors.InternalError, errors.ConfigurationError):
        response, told = answer(kind("SECRET is wrong", details={"setting": "SECRET"}))
        assert b"SECRET" not in response.body
        assert told["details"] == {}


def test_each_code_has_one_status_and_a_sentence_of_its_own():
    named = [kind for kind in KINDS if "code" in vars(kind) and kind is not errors.ServiceError]
    assert len({kind.code for kind in named}) == len(named) > 30
    assert [kind.__name__ for kind in named if kind().message == errors.ServiceError.default_message] == []
