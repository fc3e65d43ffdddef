"""Reads ODBC connection strings as Azure's portal shows them, and completes them with what the service needs.

Names mistakes that the driver reports in terms that help nobody: an ADO.NET string, the password placeholder left in,
no driver installed. Never puts the string into a message, because it holds a password.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from shared_code.errors import ConfigurationError

_PART = re.compile(r"\s*([^=;]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)\s*(?:;|$)")
_ADO_NET_KEYS = frozenset({"initial catalog", "user id", "persist security info", "multipleactiveresultsets"})
_SYNONYMS = {"user": "uid", "password": "pwd", "address": "server", "addr": "server"}
#: the portal writes it, the driver does not know it: the login time-out is a setting of its own
_DROPPED = frozenset({"connection timeout", "connect timeout"})
#: asks for a token in other drivers; this one does not know it, so we fetch the token ourselves
_TOKEN_AUTHENTICATION = "activedirectorydefault"  # noqa: S105 - a mode, not a secret
_MSI_AUTHENTICATION = "activedirectorymsi"
_CREDENTIAL_KEYS = ("uid", "pwd", "authentication", "trusted_connection")
_DRIVER_NAME = re.compile(r"ODBC Driver (\d+) for SQL Server")

#: what the service adds unless the string says otherwise: driver 18's default of encryption for 17 too, and the
#: driver's own repair of idle connections (a broken login or transaction is retried by :mod:`.connection`)
_ADDED = {"encrypt": "yes", "connectretrycount": "3", "connectretryinterval": "10"}

INSTALL_DRIVER = (
    "No Microsoft ODBC driver for SQL Server is installed. Install 'ODBC Driver 18 for SQL Server' "
    "(Debian and Ubuntu: packages msodbcsql18 and unixodbc from packages.microsoft.com; macOS: brew install "
    "msodbcsql18; Windows: the installer from Microsoft), or name one in the connection string by Driver=..."
)
INSTALL_ODBC = (
    "The ODBC driver manager cannot be loaded, so Azure SQL cannot be reached. Install unixODBC "
    "(Debian and Ubuntu: apt-get install unixodbc; macOS: brew install unixodbc)"
)


def parse(text: str, *, setting: str) -> dict[str, str]:
    """Split a connection string into lower-case names and raw values (braces kept), in order.

    :param setting: name of the setting, for messages.
    :raises ConfigurationError: not an ODBC string, or an unfinished one.
    """
    parts: dict[str, str] = {}
    position = 0
    stripped = text.strip().rstrip(";")
    while position < len(stripped):
        match = _PART.match(stripped, position)
        if match is None:
            raise ConfigurationError(f"{setting} is not an ODBC connection string (name=value;name=value)")
        name = match[1].lower()
        parts.setdefault(_SYNONYMS.get(name, name), match[2].strip())
        position = match.end()
    if _ADO_NET_KEYS & parts.keys():
        raise ConfigurationError(f"{setting} holds an ADO.NET connection string; take the one of the portal's ODBC tab")
    if re.fullmatch(r"\{your[_ ]?password.*\}", parts.get("pwd", ""), re.IGNORECASE):
        raise ConfigurationError(f"{setting} still holds the portal's placeholder instead of a password")
    return parts


def complete(
    parts: Mapping[str, str], *, drivers: Callable[[], Iterable[str]], client_id: str | None = None
) -> tuple[str, bool]:
    """Build the string that the driver gets, and say whether an access token must be handed over beside it.

    :param drivers: names of the installed drivers; asked only when the string names none.
    :param client_id: a user-assigned managed identity.
    """
    made = {name: value for name, value in parts.items() if name not in _DROPPED}
    authentication = made.get("authentication", "").strip("{}").lower()
    if authentication == _TOKEN_AUTHENTICATION:
        del made["authentication"]
        made.pop("uid", None)
    if authentication == _MSI_AUTHENTICATION and client_id:
        made.setdefault("uid", client_id)
    if "driver" not in made and "dsn" not in made:
        made = {"driver": f"{{{pick_driver(drivers())}}}", **made}
    for name, value in _ADDED.items():
        made.setdefault(name, value)
    needs_token = not any(made.get(name) for name in _CREDENTIAL_KEYS) and "dsn" not in made
    return ";".join(f"{name}={value}" for name, value in made.items()), needs_token


def pick_driver(installed: Iterable[str]) -> str:
    """The newest of Microsoft's drivers.

    :raises ConfigurationError: none is installed; says how to install one.
    """
    known = [(int(match[1]), name) for name in installed if (match := _DRIVER_NAME.fullmatch(name))]
    if not known:
        raise ConfigurationError(INSTALL_DRIVER)
    return max(known)[1]
