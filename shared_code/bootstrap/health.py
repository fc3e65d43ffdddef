"""Which checks answer whether the service is well, and whether it can serve requests now."""

import contextlib
import functools
from collections.abc import Callable

from shared_code.blobs.clients import blob_service_client, storage_configured
from shared_code.bootstrap.foundations import Foundations
from shared_code.bootstrap.startup import Startup
from shared_code.database.connection import Database
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys import tokens
from shared_code.database.write_probe import prove_write
from shared_code.errors import ConfigurationError
from shared_code.operations import health_checks
from shared_code.operations.health_checker import SystemHealthChecker, rationed
from shared_code.operations.stored_keys import StoredKeyLook, stored_keys_check
from shared_code.records import Provider

#: probes give up soon; nothing of ours may hang longer than they wait
_READY_SECONDS = 2.0
#: retries of a probe's write; one try may take a second more
_PROBE_SECONDS = 0.5
#: anyone may ask, and asking must not load the database
_PROBES_PER_SECOND = 5
_CHECK_SECONDS = 5.0
_KEYS_LOOKED_AT = 10


def readiness_checks(database: Database, startup: Startup) -> SystemHealthChecker:
    """Whether the tables are there and the database takes a write now; within its limit also when the server hangs."""

    def check() -> object:
        startup.ensure()
        prove_write(database, budget_seconds=_PROBE_SECONDS)
        return True

    checker = SystemHealthChecker(time_limit_seconds=_READY_SECONDS)
    checker.add_check("database", rationed(check, per_second=_PROBES_PER_SECOND))
    return checker


def system_checks(base: Foundations) -> SystemHealthChecker:
    """All built-in checks: cheap, side by side, each within its limit, and never a token spent."""
    settings, database = base.settings, base.database
    checker = SystemHealthChecker(time_limit_seconds=_CHECK_SECONDS)
    checker.add_check("api", lambda: True)
    checker.add_check("cpu", health_checks.cpu_check())
    checker.add_check("memory", health_checks.memory_check())
    checker.add_check("disk", health_checks.disk_check())
    checker.add_check("database", health_checks.database_check(database))
    checker.add_check("migrations", health_checks.migration_check(database))
    keys = StoredKeyLook(database, base.cipher)
    usable = health_checks.usable_keys_check(database, do_not_open=lambda: len(keys().token_ids))
    checker.add_check("usable_keys", usable)
    checker.add_check("companies", health_checks.companies_check(database))
    checker.add_check("stored_keys", stored_keys_check(keys))
    checker.add_check("rollup", health_checks.rollup_check(database))
    for provider in base.providers.values():
        check = health_checks.provider_check(provider, _key_finder(database, base.cipher, provider.provider))
        checker.add_check(provider.provider.value.lower(), check)
    if storage_configured(settings):
        blobs = functools.cache(lambda: blob_service_client(settings))
        checker.add_check("storage", health_checks.storage_check(blobs))
        checker.add_check("outbox", health_checks.outbox_check(base.outbox.depth))
    return checker


def _key_finder(database: Database, cipher: KeyCipher, provider: Provider) -> Callable[[], str | None]:
    """Some usable key of a provider, to ask it with for its list of models; one that does not open is passed over."""

    def find() -> str | None:
        rows = database.read(lambda connection: tokens.newest_usable(connection, provider, limit=_KEYS_LOOKED_AT))
        for row in rows:
            with contextlib.suppress(ConfigurationError):
                return row.decrypted(cipher).secret
        return None

    return find
