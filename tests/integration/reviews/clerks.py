"""Persons at screens of their own: processes that take reviews until none is left, and decide."""

import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import azure.functions as func
import psycopg  # noqa: F401 - preloaded
from sqlalchemy import event

from shared_code.admin.app import create_app
from shared_code.bootstrap import build_services
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.reviews.review_lists import ReviewFilter
from shared_code.reviews.corrected import Change
from shared_code.reviews.deciding import Deciding, WantedDecision
from shared_code.settings import Settings
from TokenAdminFunction import answer

with contextlib.suppress(ImportError):  # where no ODBC driver manager is installed
    import pyodbc  # noqa: F401 - preloaded

RING = "test:" + "A" * 43 + "="
_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
context: Any = multiprocessing.get_context(_METHOD)
if _METHOD == "forkserver":
    context.set_forkserver_preload([__name__])


def work(url: str, name: str, out: Path) -> None:
    """Take and confirm until nothing is left; note what was taken."""
    logging.disable(logging.CRITICAL)
    services = build_services(Settings(azure_sql_connection_string=None, database_url=url))
    desk, actor, taken = services.reviews.desk, Actor(f"admin-key:{name}"), []
    while (review := desk.take_next(ReviewFilter(), actor)) is not None:
        taken.append(review.reading_id)
        desk.decide(review.reading_id, WantedDecision("confirm"), actor, matches=str(review.version).__eq__)
    out.write_text(json.dumps(taken), encoding="utf-8")
    services.close()


def die_after_saving(url: str, reading_id: str, settings: dict[str, Any]) -> None:
    """Correct a reading, and die before anybody is answered or told."""
    logging.disable(logging.CRITICAL)
    services = build_services(Settings(azure_sql_connection_string=None, database_url=url, **settings))
    wanted = WantedDecision("correct", (Change("total", "99.00"),))
    from shared_code.reviews.desk import opened

    deciding = Deciding(reading_id, wanted, "admin-key:dead", None, opened)
    services.database.run(deciding)
    os.kill(os.getpid(), signal.SIGKILL)


def decide_over_http(url: str, key: str, asked: dict[str, Any], out: Path, start: Any = None, dies: str = "") -> None:
    """Send a decision through the platform's adapter and note the answer; or die at a moment of it.

    :param asked: id, body and If-Match of the request.
    :param start: a barrier to wait at once everything is ready.
    :param dies: a table before whose row it dies, ``COMMIT`` = before the decision is there, ``answer`` = behind it.
    """
    logging.disable(logging.CRITICAL)
    settings = Settings(azure_sql_connection_string=None, database_url=url, token_encryption_keys=RING)
    services = build_services(settings).ready()
    services.webhooks.thread.close()
    app = create_app(lambda: services)
    request = func.HttpRequest(
        "POST",
        f"http://localhost:7071/api/manage/reviews/{asked['id']}/decision",
        headers={
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "if-match": asked["if_match"],
        },
        body=json.dumps(asked["body"]).encode(),
    )
    if dies:
        _die(services.database.engine, dies)
    if start is not None:
        start.wait(60)
    response = asyncio.run(answer(request, None, lambda: app))
    out.write_text(json.dumps([response.status_code, json.loads(response.get_body())]), encoding="utf-8")
    services.close()


def _die(engine: Any, moment: str) -> None:
    """Kill this process at a moment of its decision."""
    decides: list[str] = []

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def statement(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.startswith("INSERT") and f'"{moment}"' in text.replace("[", '"').replace("]", '"'):
            die()
        if text.startswith("INSERT") and "ReviewDecisions" in text:
            decides.append(text)

    def commit(_connection: Any) -> None:
        if decides and moment == "COMMIT":
            die()
        decides.extend(["committed"] if decides else [])

    def given_back(*_: Any) -> None:
        if "committed" in decides and moment == "answer":
            die()

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    event.listen(engine.pool, "checkin", given_back)


def started(target: Any, *arguments: Any) -> Any:
    """A process that does so."""
    process = context.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process
