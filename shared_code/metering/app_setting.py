"""The seed's ``appSetting.txt``: one key for companies without a row. Off unless APP_SETTING_FILE names it."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from shared_code.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class AppSetting:
    """A model and a key. ``secret`` is never empty and never logged."""

    model: str
    secret: str = field(repr=False)


def read_app_setting(path: str, *, default_model: str) -> AppSetting:
    """Read ``model=...`` and ``api_key=...`` lines, or the same as a JSON object.

    :raises ConfigurationError: the file is absent, not readable, or holds no ``api_key``.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"APP_SETTING_FILE {path!r} cannot be read") from error
    values = _from_json(text, path) if text.lstrip().startswith("{") else _from_lines(text)
    secret = values.get("api_key", "").strip()
    if not secret:
        raise ConfigurationError(f"APP_SETTING_FILE {path!r} holds no api_key")
    return AppSetting(model=values.get("model", "").strip() or default_model, secret=secret)


def _from_lines(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip().lower(): value for name, value in pairs}


def _from_json(text: str, path: str) -> dict[str, str]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"APP_SETTING_FILE {path!r} is not valid JSON") from error
    return {str(name).lower(): str(value) for name, value in data.items() if value is not None}
