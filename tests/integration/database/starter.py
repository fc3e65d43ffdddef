"""A process that starts on a database which may have no tables yet.

It comes out of a fork server that has imported everything already, so that ten of them cost little more than one.
"""

import logging
import multiprocessing
from multiprocessing.connection import Connection

import alembic.command  # noqa: F401 - preloaded
import psycopg  # noqa: F401 - preloaded
from sqlalchemy import insert

from shared_code.database.connection import create_database
from shared_code.database.schema import ensure_schema
from shared_code.database.tables import token_master
from shared_code.settings import Settings

_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
context = multiprocessing.get_context(_METHOD)
if _METHOD == "forkserver":
    context.set_forkserver_preload([__name__])


class _Messages(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())


def start(url: str, pipe: Connection) -> None:
    """Says ``ready``, waits for a word, brings the schema up to date, adds a key; sends its id and what was logged."""
    messages = _Messages()
    logging.basicConfig(level=logging.INFO, handlers=[messages])
    database = create_database(Settings(database_url=url, azure_sql_connection_string=None))
    pipe.send("ready")
    pipe.recv()
    ensure_schema(database, auto_migrate=True)
    number = database.run(lambda c: c.execute(insert(token_master).values(CompanyID="NT047")).inserted_primary_key[0])
    database.close()
    pipe.send((number, messages.seen))
