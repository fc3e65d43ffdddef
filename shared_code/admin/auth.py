"""Who asks the admin API: a bearer admin key, a session of the console, or a user of App Service authentication.

That authentication counts where the platform has it on; a session is begun by an admin key, and ends with it.
Every request except the one for the OpenAPI document is authenticated before anything else of it is read. The answer
never says whether a key is unknown, wrong or revoked.
"""

import ipaddress
import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.admin.browsers import own_pages
from shared_code.admin.error_layer import REQUEST_ID, AsgiApp, Receive, Scope, Send, header
from shared_code.admin.failed_logins import FailedLogins
from shared_code.database.stores.operations import admin_keys, console_sessions
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.operations.admin_keys import AdminKey, AdminRole
from shared_code.errors import Forbidden, NotAuthenticated, ServiceError, TooManyFailedLogins
from shared_code.observability.redaction import remember_secret
from shared_code.operations import access
from shared_code.operations.access import Action
from shared_code.web.platform_login import PRINCIPAL_HEADER, read_user

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.bootstrap.container import Services

#: where the principal stands in the scope
PRINCIPAL = "invoice.principal"

_log = logging.getLogger(__name__)

_BEARER = re.compile(r"(?i)bearer\s+(\S+)")
_STAMP_SECONDS = 60.0
_STAMP_BUDGET_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is logged in. ``company_id`` is the one company that this login is bound to; None = all."""

    name: str
    role: AdminRole
    company_id: str | None = None

    def require(self, action: Action) -> None:
        """Refuse who may not do ``action``.

        :raises Forbidden: see :func:`.access.require`.
        """
        access.require(self.role, self.company_id, action)

    def may(self, action: Action) -> bool:
        """Whether :meth:`require` lets pass."""
        try:
            self.require(action)
        except Forbidden:
            return False
        return True

    def company(self, asked: str | None) -> str | None:
        """The company that a list is narrowed to; None = all.

        :raises Forbidden: ``asked`` is not the company that this login is bound to.
        """
        if asked is not None:
            access.require_own(self.company_id, asked)
        return asked or self.company_id


class Authenticator:
    """Finds the principal of a request."""

    def __init__(self, services: "Services", *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._monotonic = monotonic
        self._failures = FailedLogins(monotonic)
        self._stamped: dict[str, float] = {}
        self._lock = threading.Lock()

    def principal(self, scope: Scope) -> Principal:
        """Blocks on the database.

        :raises NotAuthenticated, TooManyFailedLogins: no valid login.
        :raises Forbidden: a user of the platform without any of our roles.
        """
        user = self._user(header(scope, PRINCIPAL_HEADER))
        if user is not None:
            own_pages.require_own_page(scope)
            return user
        sent = header(scope, "authorization")
        if sent is None:
            return self._session(scope)
        found = _BEARER.fullmatch(sent.strip())
        key = self.key_of(found[1] if found else "", scope)
        self._stamp(key.key_id)
        return _principal(key)

    def key_of(self, text: str, scope: Scope) -> AdminKey:
        """The admin key that was sent with a request. Blocks on the database.

        :raises NotAuthenticated, TooManyFailedLogins: it is none, or revoked.
        """
        source, request_id = source_of(scope), str(scope[REQUEST_ID])
        parts = admin_keys.split_key(text)
        if parts is None:
            raise self._refusal(source, None, request_id)
        key_id, secret = parts
        key = self._services.database.read(lambda connection: admin_keys.find_admin_key(connection, key_id))
        # Before any count of failures: whoever holds the secret is let in, whatever others send under his key's id.
        if key is None or not key.opens(secret):
            raise self._refusal(source, key_id, request_id)
        remember_secret(secret)
        return key

    def _session(self, scope: Scope) -> Principal:
        """Who has signed in at the console with this browser."""
        secret = own_pages.session_secret(scope)
        if secret is None:
            raise NotAuthenticated
        database = self._services.database
        found = database.read(lambda connection: console_sessions.find_session(connection, secret))
        if found is None:
            raise NotAuthenticated
        own_pages.require_own_page(scope, secret)
        if found.is_stale and not own_pages.is_background(scope):
            self._note_use(lambda connection: console_sessions.stamp_session(connection, secret), found.key.key_id)
            self._stamp(found.key.key_id)
        scope[own_pages.SESSION] = secret
        return _principal(found.key)

    def _user(self, sent: str | None) -> Principal | None:
        settings = self._services.settings
        user = read_user(sent, enabled=settings.website_auth_enabled, company_claim=settings.company_claim)
        if user is None:
            return None
        roles = [role for role in AdminRole if role.value in user.roles]
        if not roles:
            raise Forbidden(f"Your login has none of the roles {', '.join(AdminRole)}.")
        if len(user.companies) > 1:
            raise Forbidden("Your login names several companies.")
        if not all(user.companies):
            raise Forbidden("The company claim of your login is empty.")
        return Principal(f"app-service:{user.name}", roles[-1], next(iter(user.companies), None))

    def _refusal(self, source: str, key_id: str | None, request_id: str) -> ServiceError:
        """Note a failed login (``key_id`` None: what was sent is no key); how it is answered."""
        wait = self._failures.seconds_to_wait(source, key_id)
        ended = self._failures.failed(source, key_id)
        if wait > 0:
            # Logged and recorded already: many failures must not fill the log and the audit.
            _log.debug("login to the admin API failed: key id %s, source %s", key_id or "none", source)
            return TooManyFailedLogins(retry_after=wait)
        _log.warning("login to the admin API failed: key id %s, source %s", key_id or "none", source)
        for target in ended:
            self._record(target, {"source": source, "key_id": key_id}, request_id)
        return NotAuthenticated()

    def _record(self, target: str, facts: dict[str, str | None], request_id: str) -> None:
        try:
            self._services.database.run(
                lambda connection: add_audit(
                    connection, Actor("unknown", request_id), "login.blocked", target, after=facts
                ),
                budget_seconds=_STAMP_BUDGET_SECONDS,
            )
        except ServiceError as error:
            _log.error("a blocked login could not be recorded: %s", error.code)

    def _stamp(self, key_id: str) -> None:
        """Note the use of a key, at most once a minute; a login does not fail for it."""
        now = self._monotonic()
        with self._lock:
            if now - self._stamped.get(key_id, float("-inf")) < _STAMP_SECONDS:
                return
            self._stamped[key_id] = now
        self._note_use(lambda connection: admin_keys.stamp_admin_key(connection, key_id), key_id)

    def _note_use(self, work: "Callable[[Connection], None]", key_id: str) -> None:
        try:
            self._services.database.run(work, budget_seconds=_STAMP_BUDGET_SECONDS)
        except ServiceError as error:
            _log.warning("the use of admin key %s could not be noted: %s", key_id, error.code)


class LoginLayer:
    """ASGI layer that refuses requests without a login, except those to the addresses in ``public``."""

    def __init__(self, app: AsgiApp, authenticator: Callable[[], Authenticator], *, public: frozenset[str]) -> None:
        self._app = app
        self._authenticator = authenticator
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the principal into the scope and go on.

        :raises ServiceError: as :meth:`Authenticator.principal`.
        """
        if scope["type"] == "http" and scope["path"] not in self._public:
            from anyio import to_thread

            scope[PRINCIPAL] = await to_thread.run_sync(lambda: self._authenticator().principal(scope))
        await self._app(scope, receive, send)


def _principal(key: AdminKey) -> Principal:
    return Principal(f"admin-key:{key.key_id}", key.role, key.company_id)


def source_of(scope: Scope) -> str:
    """Where a request comes from: the address that the platform's front end added last, which no client can choose."""
    forwarded = (header(scope, "x-forwarded-for") or "").rpartition(",")[2].strip()
    if not forwarded:
        return "unknown"
    address = forwarded.rpartition(":")[0] if forwarded.count(":") == 1 or "]:" in forwarded else forwarded
    try:
        return str(ipaddress.ip_address(address.strip("[]")))
    except ValueError:
        return "unknown"  # whoever sent it, it is no address, and goes into logs
