"""Health while the database stops and starts again: told within its limit, and well again by itself."""

import json
import time
import urllib.parse

import pytest

from shared_code.bootstrap import build_services
from shared_code.web.health import health_response
from tests.integration.extraction.cuts import Proxy


@pytest.fixture(params=["postgresql"])
def database_url(request, postgresql_server, _postgresql_template):
    from tests.conftest import _fresh_postgresql

    yield from _fresh_postgresql(postgresql_server, _postgresql_template)


@pytest.fixture
def proxy(database_url):
    folder = urllib.parse.parse_qs(urllib.parse.urlsplit(database_url).query)["host"][0]
    proxy = Proxy(f"{folder}/.s.PGSQL.5432")
    yield proxy
    proxy.close()


def test_health_degrades_and_recovers_with_the_database(database_url, proxy, make_settings):
    name = urllib.parse.urlsplit(database_url).path
    url = f"postgresql://postgres@127.0.0.1:{proxy.port}{name}"
    services = build_services(
        make_settings(url, db_retry_budget_seconds=1, token_encryption_keys="k:" + "A" * 43 + "=")
    )

    def ask(kind):
        started = time.monotonic()
        response = health_response(lambda: services, kind=kind)
        took = time.monotonic() - started
        return response.status_code, json.loads(response.body)["data"], took

    def database():
        # Beside the cache, which answers for two seconds.
        return services.health.run_checks()["checks"]["database"]["status"]

    assert ask("ready")[0] == 200
    assert database() == "healthy"
    proxy.cut()
    status, _, took = ask("ready")
    assert status == 503
    assert took < 5
    assert database() == "error"
    status, data, took = ask(None)
    assert (status, data["overall_status"], data["checks"]["database"]["status"]) == (200, "degraded", "error")
    assert took < 5.5
    proxy.mend()
    assert ask("ready")[0] == 200
    assert database() == "healthy"
    proxy.freeze()
    for _ in range(2):
        status, _, took = ask("ready")
        assert status == 503
        assert took < 5
    assert database() == "error"
    proxy.thaw()
    deadline = time.monotonic() + 10
    while ask("ready")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ask("ready")[0] == 200
    assert database() == "healthy"
    services.close()
