"""The seed's classification, for errors of libraries and for our own."""

import json

import httpx2
import pytest

from shared_code import errors
from shared_code.providers.base import ModelCallFailed, Next
from shared_code.retry_policy import RetryConfig, RetryPolicy


class StatusError(Exception):
    def __init__(self, status, name="status_code"):
        super().__init__("message")
        setattr(self, name, status)


class ReadTimeout(Exception):
    pass


RETRYABLE = [
    ConnectionError("Connection timeout"),
    ConnectionResetError(104, "Connection reset by peer"),
    TimeoutError(),
    httpx2.ConnectError("x"),
    httpx2.ReadTimeout("x"),
    ReadTimeout(""),
    OSError("network is unreachable"),
    Exception("Rate limit exceeded"),
    Exception("Quota exceeded for requests"),
    Exception("429 Too Many Requests"),
    Exception("Service temporarily unavailable"),
    Exception("503 Service Unavailable"),
    Exception("HTTP 500"),
    Exception("status code: 502"),
    Exception("Internal server error"),
    Exception("Please try again later"),
    Exception("The model is overloaded"),
    StatusError(429),
    StatusError(503),
    StatusError(504, "code"),
    StatusError(408),
    errors.DatabaseUnavailable(),
    errors.ProviderRateLimited(),
    errors.ProviderBadAnswer(),
    ModelCallFailed("x", reason="x", next_step=Next.OTHER_KEY),
    ModelCallFailed("x", reason="x", next_step=Next.OTHER_MODEL),
]
FINAL = [
    ValueError("Connection timeout"),
    FileNotFoundError("try again"),
    json.JSONDecodeError("try again", "", 0),
    UnicodeDecodeError("utf-8", b"", 0, 1, "timeout"),
    TypeError("timeout"),
    KeyError("rate limit"),
    Exception("Invalid file format"),
    Exception("Not an invoice"),
    Exception("Unsupported file type"),
    Exception("Malformed data"),
    Exception("Malformed data, try again"),
    Exception("The document has 500 pages"),
    Exception(""),
    PermissionError("no"),
    StatusError(400),
    StatusError(404),
    StatusError(401, "code"),
    errors.InvalidFile(),
    errors.TokenExpired(),
    errors.ProviderRejected(),
    errors.InternalError(),
    ModelCallFailed("x", reason="x", next_step=Next.FAIL),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", RETRYABLE, ids=repr)
def test_passing_trouble_is_retryable(error):
    assert RetryPolicy(RetryConfig()).is_retryable_error(error)


@pytest.mark.parametrize("error", FINAL, ids=repr)
def test_lasting_trouble_is_not(error):
    assert not RetryPolicy.is_retryable_error(error)
