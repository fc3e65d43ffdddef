"""Our share of a request: ExtractFunction beside the bare SDK call, one caller, one page, in turn."""

import time
from types import SimpleNamespace

import azure.functions as func

from bench import figures, rig

RUNS = 300
WARM_UP = 20


def main() -> None:
    with rig.gemini() as url, rig.environment(url):
        from ExtractFunction import main as extract

        bare = rig.bare_call(url)
        context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=None))

        def ours(data: bytes) -> None:
            request = func.HttpRequest(
                method="POST",
                url="http://localhost/api/extract",
                headers={"content-type": "application/pdf"},
                params={"companyID": "BENCH", "username": "u", "branch": "b"},
                body=data,
            )
            response = extract(request, context)
            assert response.status_code == 200, response.get_body()

        theirs_seconds, ours_seconds = [], []
        for number in range(RUNS + WARM_UP):
            data = rig.document()
            theirs_seconds.append(_timed(bare, data))
            ours_seconds.append(_timed(ours, data))
            if number == WARM_UP:
                theirs_seconds.clear()
                ours_seconds.clear()
        shares = [ours - theirs for ours, theirs in zip(ours_seconds, theirs_seconds, strict=True)]
        figures.row("bare SDK call", theirs_seconds)
        figures.row("whole request", ours_seconds)
        figures.row("our share (pair by pair)", shares)


def _timed(call, data: bytes) -> float:
    started = time.perf_counter()
    call(data)
    return time.perf_counter() - started
