"""64 callers, the model answers in 50 ms: requests per second of the pipeline beside the bare SDK."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from bench import rig

CALLERS = 64
CALLS = 1_000


def main() -> None:
    with rig.gemini(latency_ms=50) as url, rig.environment(url):
        from shared_code import bootstrap
        from shared_code.extraction.submission import Submission
        from shared_code.records import Caller, CallIdentity, Source

        bare = rig.bare_call(url)
        extraction = bootstrap.services().ready().extraction

        def ours(data: bytes) -> None:
            extraction.extract(
                Submission(
                    data=data,
                    identity=CallIdentity(str(uuid.uuid4()), Caller("BENCH", "u", "b"), Source.HTTP),
                    deadline_seconds=200,
                )
            )

        for name, call in (("bare SDK", bare), ("pipeline", ours), ("bare SDK", bare), ("pipeline", ours)):
            documents = [rig.document() for _ in range(CALLS)]
            with ThreadPoolExecutor(CALLERS) as pool:
                list(pool.map(call, [rig.document() for _ in range(CALLERS)]))
                started = time.perf_counter()
                list(pool.map(call, documents))
                seconds = time.perf_counter() - started
            print(f"{name:12} {CALLS / seconds:8.1f} requests/s")
