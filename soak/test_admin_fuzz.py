"""Thousands of hostile requests to the admin API on each database. The short form is in ``tests``."""

import logging
from collections import Counter

import pytest

from tests.integration.admin import hostile
from tests.integration.admin.conftest import api, gemini, make_api, openai  # noqa: F401 - fixtures

REQUESTS = 5_000


@pytest.mark.parametrize("seed", [15])
def test_no_hostile_request_ends_in_a_failure_of_ours(api, seed, caplog):  # noqa: F811 - the fixture
    document = api.get("openapi.json", key=None).json
    api.add()
    statuses: Counter[int] = Counter()
    for request in hostile.random_requests(document, REQUESTS, seed=seed):
        key = "own" if request.login else None
        answer = api(request.method, request.url, request.body, key=key, headers=request.headers)
        statuses[answer.status] += 1
        assert answer.status < 500, (request, answer.text)
        assert answer.status < 400 or answer.code, (request, answer.text)
    print(dict(sorted(statuses.items())))
    assert statuses[200] > REQUESTS / 20, "some of them reach the database"
    ours = [record for record in caplog.records if record.name.startswith("shared_code")]
    assert [record.getMessage() for record in ours if record.levelno >= logging.ERROR] == []
