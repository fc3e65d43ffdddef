"""What a route works with: the services, who asks, and the request's id. What a login may do is checked here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from shared_code.admin.auth import PRINCIPAL, Principal
from shared_code.admin.envelope import Envelope, Page
from shared_code.admin.error_layer import REQUEST_ID
from shared_code.admin.fields import PageQuery
from shared_code.database.connection import REPORT_SECONDS
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.errors import ConfigurationError, InvalidRequest
from shared_code.operations.access import Action

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services


_MAY_REPEAT = {"group_by"}


@dataclass(frozen=True, slots=True)
class RouteContext:
    """What a route works with for one request."""

    services: "Services"
    principal: Principal
    request_id: str

    @property
    def actor(self) -> Actor:
        """Who asks, as the audit names him and as changes are kept to his company."""
        return Actor(self.principal.name, self.request_id, self.principal.company_id)

    def read[T](self, work: Callable[[Any], T]) -> T:
        """Run reads on one connection."""
        return self.services.database.unhurried(seconds=REPORT_SECONDS).read(work)

    def success[T](self, message: str, data: T) -> Envelope[T]:
        """The answer."""
        return Envelope(message=message, request_id=self.request_id, data=data)

    def page[Row, Item](
        self, rows: list[Row], limit: int, *, show: Callable[[Row], Item], cursor: Callable[[Row], int]
    ) -> Envelope[Page[Item]]:
        """One page of ``rows``, of which one more than ``limit`` was read."""
        shown = rows[:limit]
        following = str(cursor(shown[-1])) if len(rows) > limit else None
        return self.success(f"{len(shown)} found", Page(items=[show(row) for row in shown], next_cursor=following))

    def newest[Row, Item](
        self,
        find: Callable[..., list[Row]],
        wanted: Any,
        query: PageQuery,
        *,
        show: Callable[[Row], Item],
        cursor: Callable[[Row], int],
    ) -> Envelope[Page[Item]]:
        """The page of ``query``: what ``find`` finds by the filter ``wanted``, newest first."""
        rows = self.read(lambda connection: find(connection, wanted, before_id=query.cursor, limit=query.limit + 1))
        return self.page(rows, query.limit, show=show, cursor=cursor)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The dependency that gives a route its context, when the login may do the route's action."""

    action: Action

    def __call__(self, request: Request) -> RouteContext:
        """The context of a request.

        :raises Forbidden: the login may not do the action.
        :raises InvalidRequest: a filter is given twice.
        """
        principal: Principal = request.scope[PRINCIPAL]
        principal.require(self.action)
        _refuse_repeats(request)
        return RouteContext(request.app.state.services(), principal, request.scope[REQUEST_ID])


def action_of(route: APIRoute) -> Action:
    """What a route does, as its context says.

    :raises ConfigurationError: it names no action, so that nobody knows who may use it.
    """
    found = [used.call.action for used in route.dependant.dependencies if isinstance(used.call, Allowed)]
    if len(found) != 1:
        raise ConfigurationError(f"The route {route.path} must have one context of {__name__}.")
    return found[0]


def _refuse_repeats(request: Request) -> None:
    """A filter that is given twice would silently be its last value."""
    names = [name for name, _ in request.query_params.multi_items() if name not in _MAY_REPEAT]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequest(f"{twice[:100]} is given more than once.", details={"field": twice[:100]})


# Bound logins are kept to their company by the routes that read (`Principal.company`, `require_own`), and by the
# operations that change something, which get the company with the actor.
ReportsContext = Annotated[RouteContext, Depends(Allowed(Action.SEE_REPORTS))]
ReadingsContext = Annotated[RouteContext, Depends(Allowed(Action.SEE_READINGS))]
ReviewContext = Annotated[RouteContext, Depends(Allowed(Action.REVIEW_READINGS))]
ReviewRulesContext = Annotated[RouteContext, Depends(Allowed(Action.SET_REVIEW_RULES))]
TryingContext = Annotated[RouteContext, Depends(Allowed(Action.TRY_DOCUMENTS))]
ErasingContext = Annotated[RouteContext, Depends(Allowed(Action.ERASE_READINGS))]
AlertsContext = Annotated[RouteContext, Depends(Allowed(Action.SEE_ALERTS))]
KeysContext = Annotated[RouteContext, Depends(Allowed(Action.CHANGE_KEYS))]
QuotasContext = Annotated[RouteContext, Depends(Allowed(Action.CHANGE_QUOTAS))]
WebhooksContext = Annotated[RouteContext, Depends(Allowed(Action.CHANGE_WEBHOOKS))]
OperatingContext = Annotated[RouteContext, Depends(Allowed(Action.OPERATE))]
AuditContext = Annotated[RouteContext, Depends(Allowed(Action.SEE_AUDIT))]
