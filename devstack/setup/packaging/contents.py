"""The list of what is deployed. What is not named here stays out, whatever lies in the project folder.

A list of what to leave out would pack a database, a key or a state folder that nobody thought of. ``.funcignore`` says
the same to the tools that read it; a test compares the two.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devstack.setup.console import SetupProblem

PLANS = ("flex", "premium")
#: ``*`` is a part of a name, ``**/`` any number of folders; neither begins with a dot.
PATTERNS = (
    "LICENSE",
    "host.json",
    "manage.py",
    "shared_code/**/*.py",
    "shared_code/admin/contract/meanings.json",
    "shared_code/console/static/**/*.css",
    "shared_code/console/static/**/*.js",
    "shared_code/console/static/**/*.svg",
    "shared_code/console/templates/*.html",
    "shared_code/invoices/month_names.LICENSE",
    "shared_code/invoices/month_names.json",
)
#: of each folder at the top that has a function.json
OF_FUNCTIONS = ("__init__.py", "function.json")
REQUIREMENTS = "requirements.txt"
LOCK = "requirements.lock"
_CODE = "shared_code"
_BLOB_TRIGGER = "blobTrigger"


@dataclass(frozen=True)
class Contents:
    """What was found.

    :ivar names: of the files that are packed, with ``/``, in order.
    :ivar unknown: files that the list names and git does not know.
    """

    names: tuple[str, ...]
    unknown: tuple[str, ...]


def find_contents(root: Path, *, untracked: bool = False) -> Contents:
    """The files that are packed, as they lie in ``root``.

    In a git checkout those alone that git knows, so that one commit makes one package.

    :param untracked: also those that git does not know.
    :raises SetupProblem: this is no function app.
    """
    missing = [name for name in ("host.json", REQUIREMENTS, LOCK) if not (root / name).is_file()]
    if missing:
        raise SetupProblem(f"{root} is no app to package: {', '.join(missing)} is missing.")
    named = sorted(_named(root))
    known = None if untracked else tracked_files(root)
    if known is None:
        return Contents(tuple(named), ())
    return Contents(
        tuple(name for name in named if name in known),
        tuple(name for name in named if name not in known),
    )


def is_named(name: str) -> bool:
    """Whether the list names a file, by its path in the project."""
    folder, _, last = name.rpartition("/")
    if folder.endswith("Function") and "/" not in folder:
        return last in OF_FUNCTIONS
    return any(pattern.fullmatch(name) for pattern in _EXPRESSIONS)


def content_of(root: Path, name: str, plan: str) -> bytes:
    """What is packed under a name: the file with ends of lines as git keeps them, made fit for the plan."""
    content = (root / name).read_bytes().replace(b"\r\n", b"\n")
    return function_json(content, plan) if name.endswith("/function.json") else content


def function_json(content: bytes, plan: str) -> bytes:
    """A function.json for the plan: blob triggers on Flex Consumption are fed by Event Grid.

    There a polling trigger is refused, and ``source`` takes no ``%SETTING%``.
    """
    config = json.loads(content)
    triggers = [binding for binding in config.get("bindings", ()) if binding.get("type") == _BLOB_TRIGGER]
    if plan != "flex" or not triggers:
        return content
    for trigger in triggers:
        trigger["source"] = "EventGrid"
    return json.dumps(config, indent=2).encode() + b"\n"


def function_folders(root: Path) -> list[str]:
    """Folders at the top that hold a function, as the platform finds them."""
    return sorted(path.parent.name for path in root.glob("*Function/function.json"))


def tracked_files(root: Path) -> frozenset[str] | None:
    """What git knows of a folder; None where it is no checkout, or there is no git."""
    known = frozenset(_git(root, "ls-files", "-z").split("\0"))
    return known if "host.json" in known else None


def commit_of(root: Path) -> str | None:
    """The short name of the commit, with ``+`` where files that git knows differ from it; None without git."""
    name = _git(root, "rev-parse", "--short=12", "HEAD").strip()
    return f"{name}+" if name and _git(root, "status", "--porcelain", "-uno").strip() else name or None


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, encoding="utf-8", check=False, timeout=60
        )
    except OSError:
        return ""
    return "" if done.returncode else done.stdout


def _named(root: Path) -> Iterator[str]:
    """A link is left out: what it leads to is not the project's."""
    tops = {pattern for pattern in PATTERNS if "/" not in pattern}
    folders = [root / name for name in (_CODE, *function_folders(root))]
    paths = [*(root / name for name in tops), *(path for folder in folders for path in folder.rglob("*"))]
    for path in paths:
        name = path.relative_to(root).as_posix()
        if path.is_file() and not path.is_symlink() and is_named(name):
            yield name


def _expression(pattern: str) -> re.Pattern[str]:
    parts = {"**/": r"(?:[^/.][^/]*/)*", "*": r"[^/.][^/]*"}
    return re.compile("".join(parts.get(part) or re.escape(part) for part in re.findall(r"\*\*/|\*|[^*]+", pattern)))


_EXPRESSIONS = tuple(_expression(pattern) for pattern in PATTERNS)
