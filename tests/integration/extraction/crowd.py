"""Many pools, in several processes, on a database that takes fewer sessions than they would open."""

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.settings import load_settings

from .conftest import Pipeline
from .worker import context, numbered

_names = itertools.count(1)


@contextmanager
def limited_role(url: str, sessions: int) -> Iterator[str]:
    """The same PostgreSQL database for a role that may have so many sessions at once."""
    role = f"limited_{os.getpid()}_{next(_names)}"
    statements = [f"CREATE ROLE {role} LOGIN CONNECTION LIMIT {sessions}"]
    for schema in ('"docUpload"', "public"):
        statements.append(f"GRANT ALL ON SCHEMA {schema} TO {role}")
        statements += [f"GRANT ALL ON ALL {things} IN SCHEMA {schema} TO {role}" for things in ("TABLES", "SEQUENCES")]
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
        yield make_url(url).set(username=role).render_as_string(hide_password=False)
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))
    engine.dispose()


def crowd(
    environment: Mapping[str, str], sample: Path, *, processes: int, pools: int, calls: int, threads: int
) -> Counter[str]:
    """Each pool of each process reads ``calls`` documents on ``threads`` threads; the answers' codes.

    A refusal that does not say when to come again counts as ``no hint``.
    """
    workers = []
    for number in range(processes):
        receiving, sending = context.Pipe(duplex=False)
        first = number * pools * calls
        arguments = (dict(environment), sample, pools, range(first, first + pools * calls), threads, sending)
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        sending.close()
        workers.append((process, receiving))
    answers: Counter[str] = Counter()
    for process, receiving in workers:
        answers += receiving.recv()
        process.join(30)
        assert process.exitcode == 0
    return answers


def _work(
    environment: dict[str, str], sample: Path, pools: int, numbers: range, threads: int, report: Connection
) -> None:
    os.environ.update(environment)
    every = [build_services(load_settings()) for _ in range(pools)]

    def call(number: int) -> str:
        pipeline = Pipeline(every[number % pools], None)  # type: ignore[arg-type]  # the stand-in is the test's
        try:
            pipeline.services.ready()
            pipeline.extract(numbered(sample, number), deadline_seconds=60.0)
        except errors.ServiceError as error:
            return error.code if error.retry_after else "no hint"
        return "ok"

    with ThreadPoolExecutor(pools * threads) as pool:
        report.send(Counter(pool.map(call, numbers)))
    for services in every:
        services.close()
