"""The settings of the local stack, for commands that are given none: ``dev.py run`` writes them beside manage.py."""

import os
import shlex
import sys
from contextvars import ContextVar
from pathlib import Path

from shared_code.errors import ConfigurationError

FILE = Path(".devstack") / "settings.env"
#: one of them says which database is meant; without one the file does
NAMES = ("DATABASE_URL", "AZURE_SQL_CONNECTION_STRING")

#: the folder of manage.py; None = no file is looked for
home: ContextVar[Path | None] = ContextVar("home", default=None)


def adopt_local_settings() -> None:
    """Take over the file's settings when the environment names no database, and say so on standard error, once.

    What the environment has set stays as it is there.

    :raises ConfigurationError: the file cannot be read.
    """
    folder = home.get()
    if folder is None or any(os.environ.get(name) for name in NAMES) or not (folder / FILE).is_file():
        return
    found = _read(folder / FILE)
    if not any(found.get(name) for name in NAMES):
        return
    # Settings are told apart without regard to case.
    own = {name.upper(): value for name, value in os.environ.items() if value}
    stays = [name for name, value in found.items() if own.get(name.upper(), value) != value]
    os.environ.update({name: value for name, value in found.items() if name.upper() not in own})
    kept = f"; {', '.join(stays)} as the environment has it" if stays else ""
    print(f"settings: {folder / FILE}, because neither {' nor '.join(NAMES)} is set{kept}", file=sys.stderr)


def _read(path: Path) -> dict[str, str]:
    """``NAME=value`` of each line, quoted as for a shell."""
    try:
        words = shlex.split(path.read_text(encoding="utf-8"), comments=True)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}") from error
    return dict(word.partition("=")[::2] for word in words if "=" in word)
