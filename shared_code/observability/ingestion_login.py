"""Tokens of Microsoft Entra ID for a resource that takes no telemetry without one (local authentication off).

The platform announces it by APPLICATIONINSIGHTS_AUTHENTICATION_STRING: ``Authorization=AAD``, and ``ClientId=...`` for
a user-assigned identity (Microsoft Learn, "App settings reference for Azure Functions").
"""

import ipaddress
import uuid
from typing import Any
from urllib.parse import urlsplit

from shared_code.azure_login import azure_credential
from shared_code.errors import ConfigurationError

_SETTING = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
#: the second slash is part of the resource's name (Microsoft Learn, "Microsoft Entra authentication for Application
#: Insights"); the SDKs of Azure Monitor ask for the same
_SCOPE = "https://monitor.azure.com//.default"


class NoToken(Exception):
    """Nobody gives a token at the moment; says why, without a secret."""


class IngestionLogin:
    """Gives tokens; azure-identity keeps one until shortly before it ends, and then fetches the next.

    :param client_id: of a user-assigned identity; None for the system-assigned one.
    """

    def __init__(self, client_id: str | None) -> None:
        self._client_id = client_id

    def token(self) -> Any:
        """The token in force, as azure-identity gives it.

        :raises NoToken: it cannot be had.
        """
        from azure.core.exceptions import AzureError

        try:
            return azure_credential(self._client_id).get_token(_SCOPE)
        except (AzureError, ValueError) as error:
            lines = str(error).splitlines()
            raise NoToken(f"no token of Microsoft Entra ID: {lines[0] if lines else type(error).__name__}") from error

    def get_token(self, *_scopes: str, **_options: Any) -> Any:
        """The token as opencensus asks for it; the scope is ours."""
        return self.token()

    def check_endpoint(self, endpoint: str) -> None:
        """A token is sent over https, or to this machine.

        :raises ConfigurationError: anybody between could read it.
        """
        parts = urlsplit(endpoint)
        if parts.scheme != "https" and not _is_loopback(parts.hostname):
            raise ConfigurationError(f"{_SETTING} asks for a token, and the IngestionEndpoint is not https")


def read_login(text: str | None) -> IngestionLogin | None:
    """The login that the setting asks for; None when it is not set.

    :raises ConfigurationError: it says something else than ``Authorization=AAD`` and a client id.
    """
    if text is None:
        return None
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    values = {name.strip().lower(): value.strip() for name, value in parts.items()}
    if values.get("authorization", "").upper() != "AAD":
        raise ConfigurationError(f"{_SETTING} has no Authorization=AAD")
    client_id = values.get("clientid") or None
    try:
        return IngestionLogin(str(uuid.UUID(client_id)) if client_id else None)
    except ValueError:
        raise ConfigurationError(f"{_SETTING} has a ClientId that is no UUID") from None


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
