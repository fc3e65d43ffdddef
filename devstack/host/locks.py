"""One listener at a time across hosts that share an account: a blob lease, kept alive in the background."""

import logging
import threading
import time
from typing import TYPE_CHECKING

from devstack.host.storage import StorageAccount

if TYPE_CHECKING:
    from azure.storage.blob import BlobLeaseClient

#: the shortest lease there is: a killed host's lock is free again after this
LEASE_SECONDS = 15
RENEW_SECONDS = 5.0

log = logging.getLogger("devstack.host")


class ListenerLock:
    """The lock ``locks/{hostId}/Host.Functions.{Name}.Listener``."""

    def __init__(self, account: StorageAccount, host_id: str, function: str) -> None:
        self._account = account
        self._blob = account.host_container.get_blob_client(f"locks/{host_id}/Host.Functions.{function}.Listener")
        self._stop = threading.Event()
        self._renewed_at = 0.0
        self._lease: BlobLeaseClient | None = None

    @property
    def held(self) -> bool:
        """Whether the lease is ours and was renewed in time."""
        return self._lease is not None and time.monotonic() - self._renewed_at < LEASE_SECONDS

    def acquire(self) -> bool:
        """Try to take the lease; False while another host has it. Raises AzureError when storage does not answer."""
        from azure.core.exceptions import HttpResponseError, ResourceExistsError

        self._account.ensure_host_container()
        try:
            self._blob.upload_blob(b"", overwrite=False)
        except ResourceExistsError:
            pass
        except HttpResponseError as error:
            # A lease on it shows as a failed condition.
            if error.status_code not in {409, 412}:
                raise
        try:
            self._lease = self._blob.acquire_lease(LEASE_SECONDS)
        except ResourceExistsError:
            return False
        self._renewed_at = time.monotonic()
        threading.Thread(target=self._keep, args=(self._lease,), name="listener-lock", daemon=True).start()
        return True

    def release(self) -> None:
        """Give the lease back, so that the next host need not wait for its end."""
        from azure.core.exceptions import AzureError

        self._stop.set()
        lease, self._lease = self._lease, None
        if lease is not None:
            try:
                lease.release()
            except AzureError:
                log.info("The lock of a timer could not be released; it is free in %d s.", LEASE_SECONDS)

    def _keep(self, lease: "BlobLeaseClient") -> None:
        from azure.core.exceptions import AzureError, HttpResponseError

        while self._lease is lease and not self._stop.wait(RENEW_SECONDS):
            started = time.monotonic()
            try:
                lease.renew()
                self._renewed_at = started
            except HttpResponseError:
                self._lease = None
            except AzureError:
                # Not reached: the lease may still be ours; `held` turns False when it has run out.
                continue
