"""Logging as it was before, after each test: the set-up under test is process-wide."""

import logging
from collections.abc import Iterator

import pytest

from shared_code.database.application_log import ApplicationLogger
from shared_code.observability import log_redaction
from shared_code.observability.log_redaction import RedactingFilter
from shared_code.observability.request_context import RequestContextFilter


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    factory, own = logging.getLogRecordFactory(), set(log_redaction.OWN_LOGGERS)
    yield
    ApplicationLogger.shutdown(0.2)
    logging.setLogRecordFactory(factory)
    for handler in list(logging.root.handlers):
        if not type(handler).__module__.startswith("_pytest"):
            logging.root.removeHandler(handler)
        for item in list(handler.filters):
            if isinstance(item, RedactingFilter | RequestContextFilter):
                handler.removeFilter(item)
    for name in log_redaction.OWN_LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    log_redaction.OWN_LOGGERS.clear()
    log_redaction.OWN_LOGGERS.update(own)
