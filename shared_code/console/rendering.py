"""Makes HTML of templates. Everything that is put into one is escaped; no template holds a script or a style."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_code.console.assets import assets

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"
#: colour schemes that a person can choose; the system's counts without a choice
THEMES = ("light", "dark")


def render(template: str, *, base: str, theme: str | None, **values: Any) -> bytes:
    """A page as UTF-8.

    :param base: the address of the console, without a slash behind.
    :param theme: the chosen colour scheme; None = as the system has it.
    """
    found = _templates().get_template(template)
    static = f"{base}/static/{assets().version}"
    return found.render(base=base, static=static, theme=theme, **values).encode()


def as_data(value: Any) -> str:
    """A value as JSON for a ``data-`` attribute; the template escapes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@cache
def _templates() -> "Environment":
    # Imported on first use: requests to the API need no templates.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
