"""``upload``: drops files into blob storage as a person or another program would, and follows their results."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from shared_code.blobs.conditions import BlobAlerts, RetryState
from shared_code.blobs.names import label_metadata
from shared_code.bootstrap.blobs import build_store
from shared_code.cli.connection import command_settings
from shared_code.cli.output import say, show_json, show_table, shows_tables
from shared_code.cli.screen.progress import progress
from shared_code.database.connection import Database, create_database
from shared_code.errors import InvalidRequest, ServiceError
from shared_code.extraction import submission
from shared_code.metering.key_standing import utc_minute

if TYPE_CHECKING:
    from shared_code.blobs.store import BlobStore, SourceVersion
    from shared_code.records import Caller

_PARALLEL = 8
_LOOK_SECONDS = 0.5
#: between two looks at what the service has noted
_ASK_SECONDS = 2.0
#: files that are listed one by one; of more, those without a result
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Dropped:
    """One file on its way. ``version`` is None when a file of that name is there already and is another."""

    path: Path
    name: str
    version: "SourceVersion | None" = None
    outcome: str = "waiting"
    message: str | None = None
    code: str | None = None
    #: when the limit that it waits for ends (aware, UTC), as the service has noted it
    until: datetime | None = None

    @property
    def settled(self) -> bool:
        """Whether there is its answer, or it was refused."""
        return self.outcome != "waiting"

    @property
    def succeeded(self) -> bool:
        """Whether it was dropped and has not failed so far."""
        return self.outcome in {"waiting", "result"}


@shows_tables
def upload_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Documents to drop.")
    ],
    company: Annotated[str, typer.Option(help="Whose key pays.")],
    branch: Annotated[str | None, typer.Option(help="Which branch is booked.")] = None,
    username: Annotated[str | None, typer.Option(help="Who is booked.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the files until each has its result.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait in all.")] = 900.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files of the same name.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Drop invoices into blob storage; exit code 1 when a file was refused, or is not ready in time."""
    caller = submission.read_caller({"companyID": company, "branch": branch, "username": username})
    store = build_store(command_settings())
    wanted = [Dropped(path, name) for path, name in zip(files, _names(files, caller), strict=True)]
    dropped, metadata = [], _metadata(caller)
    with progress("dropped", len(wanted), as_json=as_json) as bar, ThreadPoolExecutor(_PARALLEL) as pool:
        for one in pool.map(lambda each: _drop(store, each, metadata, overwrite=overwrite), wanted):
            dropped.append(one)
            bar.advance()
    if wait:
        with progress("processed", len(dropped), as_json=as_json) as bar, WaitingFiles() as waiting:
            for current in follow(store, tuple(dropped), seconds=timeout, waiting=waiting.states):
                dropped = current
                bar.show(_settled(dropped), _limited(dropped))
    if as_json:
        show_json([_facts(one) for one in dropped])
    else:
        shown = [one for one in dropped if not one.succeeded or not one.settled or len(dropped) <= _SHOWN]
        show_table("Dropped files" if len(shown) == len(dropped) else "Files without a result", _columns(shown))
        for line in summary(dropped):
            say(line)
    if not all(one.succeeded for one in dropped) or (wait and _settled(dropped) < len(dropped)):
        raise typer.Exit(1)


def follow(
    store: "BlobStore",
    dropped: Sequence[Dropped],
    *,
    seconds: float,
    waiting: Callable[[], "Mapping[str, RetryState]"] = dict,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[Dropped]]:
    """The files again and again, until each of them is settled, or waits for a limit that ends later than time is up.

    :param waiting: what the service has noted of files that wait, by name.
    """
    current, deadline = list(dropped), clock() + seconds
    with ThreadPoolExecutor(_PARALLEL) as pool:
        while True:
            current = list(pool.map(lambda one: _look(store, one), current))
            if _settled(current) < len(current):
                states = waiting()
                current = [_with_cause(one, states.get(one.name)) for one in current]
            yield current
            ends = datetime.now(UTC) + timedelta(seconds=deadline - clock())
            if clock() >= deadline or all(one.settled or (one.until and one.until > ends) for one in current):
                return
            sleep(_LOOK_SECONDS)


def _look(store: "BlobStore", one: Dropped) -> Dropped:
    """What became of a file meanwhile."""
    if one.outcome != "waiting" or one.version is None:
        return one
    records = store.records(one.name)
    found = records.of(one.version)
    content = store.read_record(found) if found is not None else None
    if content is None:
        return one
    answer = json.loads(content)
    return replace(
        one,
        outcome="result" if found is records.result else "error",
        message=answer.get("message"),
        code=(answer.get("error") or {}).get("code"),
        until=None,
    )


def _with_cause(one: Dropped, state: "RetryState | None") -> Dropped:
    """The file with what the service has noted of it, when that is about this version."""
    if one.settled or state is None or one.version is None or state.etag != one.version.etag:
        return one
    return replace(one, code=state.code, message=state.message, until=state.until)


def summary(dropped: Sequence[Dropped]) -> list[str]:
    """How many files are done, failed and waiting, and why and until when those wait."""
    counts = Counter("waiting" if not one.settled else "done" if one.succeeded else "failed" for one in dropped)
    lines = [", ".join(f"{counts[name]} {name}" for name in ("done", "failed", "waiting") if counts[name])]
    causes: dict[tuple[str | None, str | None], list[Dropped]] = {}
    for one in dropped:
        if not one.settled and one.code is not None:
            ends = utc_minute(one.until.astimezone(UTC).replace(tzinfo=None)) if one.until else None
            causes.setdefault((one.code, ends), []).append(one)
    for (code, until), files in causes.items():
        when = f" until {until}" if until else ""
        lines.append(f"{len(files)} waiting{when}: {code}: {files[0].message or 'see `blobs list`'}")
    if causes:
        lines.append("They are read by themselves then; `manage.py blobs list` shows them.")
    return lines


class WaitingFiles:
    """What the service has noted of files that wait, where its database can be reached from here; else nothing."""

    def __init__(self) -> None:
        self._database: Database | None = None
        self._asked = -_ASK_SECONDS
        self._states: dict[str, RetryState] = {}

    def __enter__(self) -> Self:
        database = create_database(command_settings())
        file = database.engine.url.database
        # To look for a cause must not make a database.
        if database.dialect != "sqlite" or (file and Path(file).exists()):
            self._database = database
        else:
            database.close()
        return self

    def __exit__(self, *_: object) -> None:
        if self._database is not None:
            self._database.close()

    def states(self) -> "dict[str, RetryState]":
        """By name of the blob; asked every few seconds only."""
        if self._database is not None and time.monotonic() - self._asked >= _ASK_SECONDS:
            self._asked = time.monotonic()
            try:
                self._states = BlobAlerts(self._database).retry_states()
            except ServiceError:  # whoever drops files need not see the service's database
                self._database.close()
                self._database = None
        return self._states


def _limited(dropped: Sequence[Dropped]) -> str:
    limited = sum(not one.settled and one.until is not None for one in dropped)
    return f"{limited} wait for a limit" if limited else ""


def _drop(store: "BlobStore", one: Dropped, metadata: dict[str, str], *, overwrite: bool) -> Dropped:
    """Put one file there; the same file once more counts as dropped."""
    content = one.path.read_bytes()
    version = store.drop(one.name, content, metadata=metadata, overwrite=overwrite)
    if version is not None:
        return replace(one, version=version)
    present = store.version(one.name)
    if present is not None and present.content_md5 == hashlib.md5(content, usedforsecurity=False).digest():
        return replace(one, version=present, message="was there already")
    return replace(one, outcome="exists", message="another file of that name is there; --overwrite replaces it")


def _names(files: Sequence[Path], caller: "Caller") -> list[str]:
    """COMPANY/[BRANCH/]file for each; files of one name from several folders are told apart by a number."""
    # A branch that is no folder name stays in the metadata alone, which is what counts.
    branch = caller.branch if caller.branch and caller.branch.strip(".") and "/" not in caller.branch else None
    folder = "/".join(part for part in (caller.company_id, branch) if part)
    taken: set[str] = set()
    names = []
    for path in files:
        name, number = path.name, 1
        while name in taken:
            number += 1
            name = f"{path.stem} ({number}){path.suffix}"
        taken.add(name)
        names.append(f"{folder}/{name}")
    return names


def _metadata(caller: "Caller") -> dict[str, str]:
    if not caller.company_id.strip("."):
        raise InvalidRequest("A company made of dots alone is no folder name.", details={"field": "company"})
    return label_metadata({"companyID": caller.company_id, "branch": caller.branch, "username": caller.username})


def _settled(dropped: Collection[Dropped]) -> int:
    return sum(one.settled for one in dropped)


def _facts(one: Dropped) -> dict[str, Any]:
    return {
        "file": str(one.path),
        "blob": one.name,
        "outcome": one.outcome,
        "message": one.message,
        "code": one.code,
        "waits_until": one.until,
    }


def _columns(dropped: Sequence[Dropped]) -> list[dict[str, Any]]:
    return [
        {"file": str(one.path), "blob": one.name, "outcome": one.outcome, "code": one.code, "message": one.message}
        for one in dropped
    ]
