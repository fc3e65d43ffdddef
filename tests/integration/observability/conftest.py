"""Telemetry that is off after each test, and an endpoint for it."""

import logging
from collections.abc import Iterator

import pytest

from shared_code.database.application_log import ApplicationLogger
from shared_code.observability.log_redaction import RedactingFilter
from shared_code.observability.telemetry import shutdown_telemetry
from tests.integration.observability.ingestion import Ingestion


@pytest.fixture
def ingestion(monkeypatch) -> Iterator[Ingestion]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    endpoint = Ingestion()
    yield endpoint
    shutdown_telemetry(0.5)
    endpoint.stop()


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    factory = logging.getLogRecordFactory()
    yield
    shutdown_telemetry(0.2)
    ApplicationLogger.shutdown(0.2)
    logging.getLogger("shared_code").setLevel(logging.NOTSET)
    logging.setLogRecordFactory(factory)
    for handler in logging.root.handlers:
        for item in [item for item in handler.filters if isinstance(item, RedactingFilter)]:
            handler.removeFilter(item)
