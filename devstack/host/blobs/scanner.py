"""Finds new blobs by listing containers, as the real host does between storage log entries.

A page of each container per pass, a time watermark per sweep. Blob times have whole seconds, so blobs of the
watermark's own second stay candidates; what was done for them is remembered, not asked again.
"""

import json
import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from devstack.host.blobs.receipts import BlobNotifier
from devstack.host.blobs.registration import BlobRegistration
from devstack.host.storage import StorageAccount, explain

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobProperties

#: blobs per pass, shared by the containers
BLOBS_PER_PASS = 10_000
#: what the listing of storage returns at most
LARGEST_PAGE = 5_000
_START = datetime(1, 1, 1, tzinfo=UTC)
_BAD_REQUEST = 400

log = logging.getLogger("devstack.host")


@dataclass
class _Sweep:
    """Where the scan of one container stands."""

    registrations: list[BlobRegistration]
    position: "BlobClient"
    #: blobs from this time on are candidates; None until the stored position was read
    watermark: datetime | None = None
    newest: datetime = _START
    continuation: str | None = None
    #: versions that need no further look, (function, name) to etag: from the last sweep, and from this one
    settled: dict[tuple[str, str], str] = field(default_factory=dict)
    seen: dict[tuple[str, str], str] = field(default_factory=dict)
    #: (registration, name, time) to try again in the next pass
    again: list[tuple[BlobRegistration, str, datetime]] = field(default_factory=list)


class BlobScanner:
    """Notifies the functions of every container in turn."""

    def __init__(
        self,
        registrations: Sequence[BlobRegistration],
        *,
        account: StorageAccount,
        host_id: str,
        notifier: BlobNotifier,
        poll_seconds: float,
    ) -> None:
        self._account = account
        self._notifier = notifier
        self._poll_seconds = poll_seconds
        self._sweeps: dict[tuple[str, str], _Sweep] = {}
        self._overwritten: deque[tuple[BlobRegistration, str]] = deque()
        for one in registrations:
            key = (str(one.account.blobs.account_name), one.pattern.container)
            path = f"blobscaninfo/{host_id}/{key[0]}/{key[1]}/scanInfo"
            position = account.host_container.get_blob_client(path)
            self._sweeps.setdefault(key, _Sweep([], position)).registrations.append(one)

    def renotify(self, registration: BlobRegistration, name: str) -> None:
        """A blob turned out to have a newer version: look at it in the next pass."""
        self._overwritten.append((registration, name))

    def scan(self, stop: threading.Event) -> None:
        """Scan until ``stop``; survives a storage account that goes away and comes back."""
        from azure.core.exceptions import AzureError

        reported, prepared = "", False
        while not stop.is_set():
            try:
                if not prepared:
                    self._account.ensure_host_container()
                    prepared = True
                self.scan_once(stop)
                reported = ""
            except AzureError as error:
                problem, prepared = explain(error), False
                if problem != reported:
                    log.warning("The blob scan waits: %s.", problem)
                    reported = problem
            except Exception:  # one odd blob must not end the scan for all others
                log.exception("The blob scan met an error of its own")
            stop.wait(self._poll_seconds)

    def scan_once(self, stop: threading.Event) -> None:
        """One pass. Raises AzureError when storage does not answer."""
        while self._overwritten:
            registration, name = self._overwritten[0]
            if not self._try(registration, name):
                break
            self._overwritten.popleft()
        for sweep in self._sweeps.values():
            self._pass(sweep, stop)

    def _pass(self, sweep: _Sweep, stop: threading.Event) -> None:
        """One page. What is remembered changes at the end only: an error on the way repeats the page."""
        if sweep.watermark is None:
            sweep.watermark = _read_position(sweep.position)
        sweep.again = [one for one in sweep.again if stop.is_set() or not self._try(one[0], one[1])]
        blobs, continuation = self._page(sweep)
        for blob in blobs:
            if stop.is_set():
                return
            if blob.last_modified >= sweep.watermark:
                self._consider(sweep, blob)
        sweep.newest = max([sweep.newest, *(blob.last_modified for blob in blobs)])
        sweep.continuation = continuation
        if continuation is not None:
            return
        sweep.settled, sweep.seen = sweep.seen, {}
        if sweep.newest > sweep.watermark:
            sweep.watermark = sweep.newest
            _write_position(sweep.position, min([sweep.watermark, *(modified for _, _, modified in sweep.again)]))

    def _page(self, sweep: _Sweep) -> "tuple[list[BlobProperties], str | None]":
        """The next page of the container, and where the one after it begins."""
        from azure.core.exceptions import ResourceNotFoundError

        first = sweep.registrations[0]
        container = first.account.blobs.get_container_client(first.pattern.container)
        size = max(1, min(LARGEST_PAGE, BLOBS_PER_PASS // len(self._sweeps)))
        pages: Any = container.list_blobs(results_per_page=size).by_page(sweep.continuation)
        try:
            found = [blob for blob in next(pages, ()) if blob.last_modified]
        except ResourceNotFoundError:
            # A container that does not exist yet is no error.
            return [], None
        return found, pages.continuation_token or None

    def _consider(self, sweep: _Sweep, blob: "BlobProperties") -> None:
        for registration in sweep.registrations:
            key = (registration.function.name, blob.name)
            if blob.etag not in {sweep.settled.get(key), sweep.seen.get(key)} and not self._try(
                registration, blob.name
            ):
                sweep.again.append((registration, blob.name, blob.last_modified))
            sweep.seen[key] = blob.etag

    def _try(self, registration: BlobRegistration, name: str) -> bool:
        """Notify; a blob that storage refuses for good (its receipt's name is too long) is reported and left."""
        from azure.core.exceptions import HttpResponseError

        try:
            return self._notifier.notify(registration, name)
        except HttpResponseError as error:
            if error.status_code != _BAD_REQUEST:
                raise
            log.error("Blob %r cannot trigger '%s': %s.", name, registration.function.name, explain(error))  # noqa: TRY400
            return True


def _read_position(blob: "BlobClient") -> datetime:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        stored = json.loads(blob.download_blob(encoding="utf-8").readall())
        return datetime.fromisoformat(stored["LatestScan"]).astimezone(UTC)
    except (ResourceNotFoundError, ValueError, KeyError, TypeError):
        return _START


def _write_position(blob: "BlobClient", moment: datetime) -> None:
    """A moment earlier than the newest blob, for those written in the same second after the scan."""
    from azure.core.exceptions import AzureError

    text = json.dumps({"LatestScan": (moment - timedelta(milliseconds=1)).isoformat()})
    try:
        blob.upload_blob(text, overwrite=True)
    except AzureError as error:
        log.info("The scan position was not stored (%s); a restart lists more blobs than needed.", explain(error))
