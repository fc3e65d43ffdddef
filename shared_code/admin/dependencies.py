"""What a route works with: the services, who asks, and the request's id. Roles are checked here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from shared_code.admin.auth import PRINCIPAL, Principal
from shared_code.admin.envelope import Envelope, Page
from shared_code.admin.error_layer import REQUEST_ID
from shared_code.admin.fields import PageQuery
from shared_code.database.connection import REPORT_SECONDS
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.operations.admin_keys import AdminRole
from shared_code.errors import Forbidden, InvalidRequest

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
        """As the audit names who asks."""
        return Actor(self.principal.name, self.request_id)

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

    def own(self, company_id: str | None) -> None:
        """Keep a company's viewer from what belongs to another company; what does not exist is answered the same.

        :raises Forbidden: it belongs to another company, or to none.
        """
        bound = self.principal.company_id
        if bound is not None and (company_id or "").upper() != bound:
            raise Forbidden("You may see your own company only.")


def _context_for(role: AdminRole, *, company_viewers: bool) -> Callable[[Request], RouteContext]:
    def find(request: Request) -> RouteContext:
        principal: Principal = request.scope[PRINCIPAL]
        principal.require(role)
        if principal.company_id is not None and not company_viewers:
            raise Forbidden("Viewers of one company may not see this.")
        _refuse_repeats(request)
        return RouteContext(request.app.state.services(), principal, request.scope[REQUEST_ID])

    return find


def _refuse_repeats(request: Request) -> None:
    """A filter that is given twice would silently be its last value."""
    names = [name for name, _ in request.query_params.multi_items() if name not in _MAY_REPEAT]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequest(f"{twice[:100]} is given more than once.", details={"field": twice[:100]})


#: viewers, those of one company too: the route narrows what they see
CompanyContext = Annotated[RouteContext, Depends(_context_for(AdminRole.VIEWER, company_viewers=True))]
ViewerContext = Annotated[RouteContext, Depends(_context_for(AdminRole.VIEWER, company_viewers=False))]
OperatorContext = Annotated[RouteContext, Depends(_context_for(AdminRole.OPERATOR, company_viewers=False))]
AdminContext = Annotated[RouteContext, Depends(_context_for(AdminRole.ADMIN, company_viewers=False))]
