"""The pipeline in process: ``ExtractionService.extract`` with the settings of a deployed app, without HTTP around it.

Settings come from the environment. ``python -m bench.service.pipeline FOLDER``.

Round trips to the database are counted with SQLAlchemy's events: statements, and the ends of transactions; on a server
also their beginnings and the look whether a connection taken from the pool still lives, which both go over the wire.
"""

import sys
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from bench import rig
from bench.documents import Template
from bench.service import callers
from bench.service.callers import Order, Timing


class RoundTrips:
    """Counts what goes to the database through an engine, from all threads of the process."""

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        names = ["before_cursor_execute", "commit", "rollback"]
        if engine.dialect.name != "sqlite":
            names += ["begin"]
            event.listen(engine.pool, "checkout", self._one)
        for name in names:
            event.listen(engine, name, self._one)

    def _one(self, *_: Any) -> None:
        self.count += 1


def main() -> None:
    from shared_code import bootstrap
    from shared_code.extraction.submission import Submission
    from shared_code.records import Caller, CallIdentity, Source

    rig.add_key()
    services = bootstrap.services().ready()
    trips = RoundTrips(services.database.engine)

    def run(template: Template, order: Order) -> Timing:
        def extract(data: bytes) -> None:
            submission = Submission(
                data=data,
                identity=CallIdentity(str(uuid.uuid4()), Caller(rig.COMPANY, "u", "b"), Source.HTTP),
                deadline_seconds=services.settings.request_deadline_seconds,
                file_name=template.file_name,
                content_type=template.mime_type,
            )
            status = services.extraction.extract(submission).data["status"]
            assert status == "ok", f"the status is {status}"

        return callers.in_threads(extract)(template, order)

    try:
        callers.serve(Path(sys.argv[1]), run, lambda: {"round_trips": trips.count})
    finally:
        bootstrap.reset()


if __name__ == "__main__":
    main()
