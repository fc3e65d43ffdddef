"""Who the service is to Azure: its managed identity on the platform, a developer's login elsewhere.

One credential per identity and process, so that database, storage and telemetry share its tokens. azure-identity is
imported on first use, because it is slow to load. Nothing is asked before the first token.
"""

import os
from functools import cache
from typing import Any

#: set where the platform gives out tokens: App Service and Functions (Microsoft Learn, "Managed identities for App
#: Service and Azure Functions", REST endpoint reference)
_TOKEN_SERVICE = "IDENTITY_ENDPOINT"  # noqa: S105 - the name of a variable


@cache
def azure_credential(client_id: str | None) -> Any:
    """A credential of azure-identity. Thread-safe; it keeps each token until shortly before it ends.

    :param client_id: of a user-assigned identity; None for the system-assigned one.
    """
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if os.environ.get(_TOKEN_SERVICE):
        # Not the chain: where the identity is refused, going on to others would hide why.
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential(managed_identity_client_id=client_id)
