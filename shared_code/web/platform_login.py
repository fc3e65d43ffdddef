"""Who is logged in by App Service authentication. Its headers count only where the platform says that it is on.

With it on, the platform removes such headers from what clients send and adds its own; without it anybody could.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared_code.errors import Forbidden

PRINCIPAL_HEADER = "x-ms-client-principal"

_ROLE_CLAIMS = {"roles", "role", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}
_NAME_CLAIMS = ("preferred_username", "name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name")


@dataclass(frozen=True, slots=True)
class AppServiceUser:
    """A login that the platform vouches for.

    :ivar roles: as claimed.
    :ivar companies: in upper case; '' for a blank claim.
    """

    name: str
    roles: frozenset[str]
    companies: frozenset[str]


def read_user(header: str | None, *, enabled: bool, company_claim: str) -> AppServiceUser | None:
    """The user of the platform's header; None where the platform's authentication is off, or nobody is logged in.

    :param company_claim: type of the claim that names the user's company; directory extensions put an id before it.
    """
    if not enabled or not header:
        return None
    principal = _decoded(header)
    if principal is None:
        return None
    found = principal.get("claims")
    claims = [
        (_text(claim.get("typ")), _text(claim.get("val")))
        for claim in (found if isinstance(found, list) else [])
        if isinstance(claim, dict)
    ]
    role_types = _ROLE_CLAIMS | {_text(principal.get("role_typ")) or "roles"}
    names = [value for wanted in (principal.get("name_typ"), *_NAME_CLAIMS) for kind, value in claims if kind == wanted]
    return AppServiceUser(
        name=next(filter(None, names), "unknown"),
        roles=frozenset(value.strip().lower() for kind, value in claims if kind in role_types),
        companies=frozenset(
            # A blank one stays: it names no company, and must not count as a login that is bound to none.
            value.strip().upper()
            for kind, value in claims
            if _names_company(kind, company_claim)
        ),
    )


def require_company(header: str | None, company_id: str, *, company_claim: str) -> None:
    """Let a request for ``company_id`` (upper case) pass only for a user of that company.

    :raises Forbidden: nobody is logged in, or the user belongs to other companies or none.
    """
    user = read_user(header, enabled=True, company_claim=company_claim)
    if user is None or company_id not in user.companies:
        raise Forbidden("Your login does not belong to this company.", details={"field": "companyID"})


def _names_company(kind: str, claim: str) -> bool:
    return kind == claim or kind.endswith((f"_{claim}", f"/{claim}", f".{claim}"))


def _decoded(header: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(base64.b64decode(header, validate=True))
    except (binascii.Error, ValueError, RecursionError):  # no base64, no JSON, or nested without end
        return None
    return found if isinstance(found, dict) else None


def _text(value: Any) -> str:
    """A text that can be printed and stored; '' for anything else that stands where the platform writes text."""
    return value if isinstance(value, str) and value.isprintable() else ""
