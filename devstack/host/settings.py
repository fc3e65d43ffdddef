"""Where the app's settings come from: ``local.settings.json``, the environment and ``host.json`` with its overrides.

The rules are those of Core Tools: a variable that is already set wins, null is skipped, an empty string is set. Names
are looked up as .NET does it, without regard to case.
"""

import hashlib
import json
import logging
import platform
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.host.errors import FunctionProblem, HostStartError

OVERRIDE_PREFIX = "azurefunctionsjobhost__"
HOST_ID_LENGTH = 32

log = logging.getLogger("devstack.host")


@dataclass(frozen=True)
class LocalHostSettings:
    """The ``Host`` section of local.settings.json; None where it says nothing."""

    port: int | None = None
    address: str | None = None
    cors: str | None = None
    cors_credentials: bool = False


class AppSettings:
    """The environment as the host reads it: names without regard to case."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._exact = environ

    def get(self, name: str) -> str | None:
        """The value, or None when nothing of that name is set."""
        if name in self._exact:
            return self._exact[name]
        wanted = name.casefold()
        return next((value for key, value in self._exact.items() if key.casefold() == wanted), None)

    def section(self, prefix: str) -> dict[str, str]:
        """What is set below ``prefix__``, by the rest of its name in lower case."""
        start = prefix.casefold() + "__"
        return {
            key[len(start) :].casefold(): value
            for key, value in self._exact.items()
            if key.casefold().startswith(start)
        }

    def resolve(self, text: str) -> str:
        """Replace every ``%SETTING%``. Raises :class:`FunctionProblem` for one that is not set."""

        def value(match: re.Match[str]) -> str:
            found = self.get(match.group(1))
            if not found:
                raise FunctionProblem(f"'%{match.group(1)}%' does not resolve to a value.")
            return found

        return re.sub(r"%([^%]+)%", value, text)


class HostConfig:
    """host.json with the overrides from the environment; values are read with the type that the reader wants."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def value(self, path: str) -> Any:
        """The value at a dotted path without regard to case, or None."""
        current: Any = self._values
        for part in path.casefold().split("."):
            if not isinstance(current, Mapping):
                return None
            current = next((child for key, child in current.items() if key.casefold() == part), None)
        return current

    def text(self, path: str, default: str) -> str:
        """The value as text; an empty text counts."""
        found = self.value(path)
        return default if found is None else str(found)

    def integer(self, path: str, default: int) -> int:
        """The value as a whole number. Raises :class:`HostStartError` when it is none."""
        found = self.value(path)
        if found is None:
            return default
        try:
            return int(str(found))
        except ValueError:
            raise HostStartError(f"host.json: {path} must be a whole number, not {found!r}.") from None


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object from a file. Raises ValueError that names the file and what is wrong with it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, found {type(value).__name__}")  # noqa: TRY004 - wrong content
    return value


def load_local_settings(root: Path, environ: MutableMapping[str, str]) -> LocalHostSettings:
    """Put ``Values`` of local.settings.json into ``environ`` and return its ``Host`` section.

    Raises :class:`HostStartError` when the file is unreadable or encrypted.
    """
    path = root / "local.settings.json"
    if not path.exists():
        return LocalHostSettings()
    try:
        content = read_json(path)
    except ValueError as error:
        raise HostStartError(f"Cannot read the local settings: {error}") from error
    if content.get("IsEncrypted"):
        raise HostStartError(f"{path} is encrypted; run `func settings decrypt` first.")
    if "IsEncrypted" not in content:
        log.warning("%s has no IsEncrypted: Core Tools would take its values as encrypted. Set it to false.", path)
    values = content.get("Values") or {}
    for name, value in values.items():
        _set_value(name, value, environ)
    return _host_section(content.get("Host") or {}, path)


def load_host_config(root: Path, environ: Mapping[str, str]) -> HostConfig:
    """host.json with ``AzureFunctionsJobHost__a__b`` laid over it. Raises :class:`HostStartError`."""
    path = root / "host.json"
    if not path.exists():
        raise HostStartError(f"Unable to find project root. Expecting to find host.json in {root}.", exit_code=2)
    try:
        values = read_json(path)
    except ValueError as error:
        raise HostStartError(f"Cannot read host.json: {error}") from error
    if str(values.get("version")) != "2.0":
        raise HostStartError(f'{path}: the host expects "version": "2.0", found {values.get("version")!r}.')
    for name, value in environ.items():
        if name.casefold().startswith(OVERRIDE_PREFIX):
            _lay_over(values, name[len(OVERRIDE_PREFIX) :].split("__"), value)
    return HostConfig(values)


def host_id(root: Path, settings: AppSettings) -> str:
    """The name under which locks and receipts of this app are kept: stable for machine and folder."""
    chosen = settings.get("AzureFunctionsWebHost__hostid")
    if chosen:
        return chosen.casefold()[:HOST_ID_LENGTH]
    machine = (
        "".join(letter for letter in platform.node().casefold() if letter.isascii() and letter.isalnum()) or "local"
    )
    digest = int.from_bytes(hashlib.sha256(str(root).encode()).digest()[:4], "big")
    return f"{machine[: HOST_ID_LENGTH - 12]}-{digest}"[:HOST_ID_LENGTH].strip("-")


def _set_value(name: str, value: Any, environ: MutableMapping[str, str]) -> None:
    if value is None:
        return
    if name in environ:
        log.info("Skipping '%s' from local settings as it's already defined in current environment variables.", name)
        return
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text.startswith("@Microsoft.KeyVault("):
        log.warning("%s is a Key Vault reference. This host does not resolve those: set the value itself.", name)
    environ[name] = text


def _host_section(section: Mapping[str, Any], path: Path) -> LocalHostSettings:
    port = section.get("LocalHttpPort")
    if port is not None and not str(port).isdigit():
        raise HostStartError(f"{path}: Host.LocalHttpPort must be a number, not {port!r}.")
    return LocalHostSettings(
        port=None if port is None else int(port),
        address=section.get("LocalHttpAddress"),
        cors=section.get("CORS"),
        cors_credentials=str(section.get("CORSCredentials", "")).casefold() == "true",
    )


def _lay_over(values: dict[str, Any], parts: list[str], value: str) -> None:
    """Set one override, following the spelling of keys that are there already."""
    current = values
    for index, part in enumerate(parts):
        key = next((known for known in current if known.casefold() == part.casefold()), part)
        if index == len(parts) - 1:
            current[key] = value
            return
        below = current.get(key)
        if not isinstance(below, dict):
            below = {}
            current[key] = below
        current = below
