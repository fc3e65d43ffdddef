"""Logins as the platform's own authentication hands them on."""

import base64
import json


def app_service_header(*claims: tuple[str, str]) -> dict[str, str]:
    """The platform's header for a login with these claims."""
    principal = {"auth_typ": "aad", "claims": [{"typ": typ, "val": val} for typ, val in claims], "role_typ": "roles"}
    return {"x-ms-client-principal": base64.b64encode(json.dumps(principal).encode()).decode()}
