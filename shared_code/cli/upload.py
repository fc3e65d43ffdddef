"""``upload``: drops files into blob storage as a person or another program would, and follows their results."""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shared_code.blobs.names import label_metadata
from shared_code.bootstrap.blobs import build_store
from shared_code.cli.output import show_table
from shared_code.errors import InvalidRequest
from shared_code.extraction import submission
from shared_code.settings import load_settings

if TYPE_CHECKING:
    from shared_code.blobs.store import BlobStore, SourceVersion
    from shared_code.records import Caller

_PARALLEL = 8
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Dropped:
    """One file on its way. ``version`` is None when a file of that name is there already and is another."""

    path: Path
    name: str
    version: "SourceVersion | None" = None
    outcome: str = "waiting"
    message: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it was dropped and has not failed so far."""
        return self.outcome in {"waiting", "result"}


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
    store = build_store(load_settings())
    with _progress() as progress:
        wanted = [Dropped(path, name) for path, name in zip(files, _names(files, caller), strict=True)]
        bar = progress.add_task("dropped", total=len(wanted))
        dropped, metadata = [], _metadata(caller)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            for one in pool.map(lambda each: _drop(store, each, metadata, overwrite=overwrite), wanted):
                dropped.append(one)
                progress.advance(bar)
        if wait:
            bar = progress.add_task("processed", total=len(dropped), completed=_settled(dropped))
            for current in follow(store, tuple(dropped), seconds=timeout):
                dropped = current
                progress.update(bar, completed=_settled(dropped))
    if as_json:
        print(json.dumps([_facts(one) for one in dropped], indent=2, ensure_ascii=False))
    else:
        show_table("Dropped files", [_facts(one) for one in dropped])
    if not all(one.succeeded for one in dropped) or (wait and _settled(dropped) < len(dropped)):
        raise typer.Exit(1)


def follow(
    store: "BlobStore",
    dropped: Sequence[Dropped],
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[Dropped]]:
    """The files again and again, until each of them is settled or time is up."""
    current, deadline = list(dropped), clock() + seconds
    with ThreadPoolExecutor(_PARALLEL) as pool:
        while True:
            current = list(pool.map(lambda one: _look(store, one), current))
            yield current
            if _settled(current) == len(current) or clock() >= deadline:
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
    return replace(
        one, outcome="result" if found is records.result else "error", message=json.loads(content).get("message")
    )


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
    return sum(one.outcome != "waiting" for one in dropped)


def _facts(one: Dropped) -> dict[str, Any]:
    return {"file": str(one.path), "blob": one.name, "outcome": one.outcome, "message": one.message}


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))
