"""A process that runs the pipeline with many threads, for races and kills: ``python -m tests.pipeline.worker JSON``.

The job (JSON): ``documents`` (paths, one call each), ``threads``, ``company``, ``unique`` (makes every document a new
one), ``stop_at`` (a point where the process waits to be killed). Prints a line ``ready``, waits for a line on standard
input, then one JSON line per call, and ``done``.
"""

import json
import os
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shared_code import bootstrap, errors
from shared_code.extraction.submission import Submission
from shared_code.records import Caller, Source

_printing = threading.Lock()


def say(line: str) -> None:
    with _printing:
        print(line, flush=True)


def call(job: dict, number: int) -> None:
    paths = job["documents"]
    data = Path(paths[number % len(paths)]).read_bytes()
    if job.get("unique"):
        data += f"\n% {uuid.uuid4()}\n".encode()
    submission = Submission(
        data=data,
        caller=Caller(job.get("company", "NT047"), "bzumah", "RUB"),
        source=Source.HTTP,
        deadline_seconds=job.get("deadline_seconds", 60),
        file_name="invoice.pdf",
        request_id=f"call-{os.getpid()}-{number}",
    )
    try:
        outcome = bootstrap.services().ready().extraction.extract(submission)
        result = {
            "status": "ok",
            "total_tokens": outcome.data["usage"]["total_tokens"],
            "invoices": outcome.data["invoices"],
        }
    except errors.ServiceError as error:
        result = {"status": error.code, "retry_after": error.retry_after}
    say(json.dumps({"number": number, **result}))


def main() -> None:
    job = json.loads(sys.argv[1])
    bootstrap.services().ready()
    say("ready")
    sys.stdin.readline()
    with ThreadPoolExecutor(job["threads"]) as pool:
        for future in [pool.submit(call, job, number) for number in range(job["calls"])]:
            future.result()
    say("done")
    bootstrap.reset()


if __name__ == "__main__":
    main()
