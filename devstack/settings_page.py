"""Writes ``docs/settings.md`` from the settings as the code reads them: names, defaults, what each takes, groups.

``python -m devstack.settings_page`` after a change of a setting; a test compares. What a setting is for stands in
``settings_meanings.json`` beside this module: one that has no meaning there ends the run.
"""

import ast
import json
import types
import typing
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared_code.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "settings.md"
MEANINGS = Path(__file__).with_suffix("").parent / "settings_meanings.json"

_HEAD = """# Settings

Environment variables: application settings in Azure, `local.settings.json` with `func start`,
`.devstack/settings.env` on the local stack. All problems are reported at once, by name.
This page is written by `python -m devstack.settings_page` from the code that reads them.
"""
_TAIL = """
## Read by the platform

| Setting | Set it to | Meaning |
|---|---|---|
| `FUNCTIONS_WORKER_RUNTIME` | python | which worker runs the functions; on Flex Consumption the plan says it |
| `PYTHON_THREADPOOL_THREAD_COUNT` | 32 | threads for dropped files and jobs; unset means 6, and they wait |
| `ROLLUP_SCHEDULE` | `0 */5 * * * *` | when the timer runs: six fields, seconds first, UTC |
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page as it must stand.

    :raises KeyError: a setting has no meaning, or a meaning no setting.
    """
    meanings = json.loads(MEANINGS.read_text(encoding="utf-8"))
    unknown = meanings.keys() ^ Settings.model_fields.keys()
    if unknown:
        raise KeyError(f"{MEANINGS.name} and shared_code/settings.py do not agree on {sorted(unknown)}")
    parts = [_HEAD]
    for title, names in _groups():
        parts += [f"\n## {title}\n", "| Setting | Default | Takes | Meaning |", "|---|---|---|---|"]
        parts += [_row(name, Settings.model_fields[name], meanings[name]) for name in names]
    return "\n".join(parts) + "\n" + _TAIL


def _row(name: str, field: FieldInfo, meaning: str) -> str:
    return f"| `{name.upper()}` | {_default(field.default)} | {_takes(field)} | {meaning} |"


def _default(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(getattr(value, "value", value))


def _takes(field: FieldInfo) -> str:
    kind = _kind(field.annotation)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " or ".join(f"`{member.value}`" for member in kind)
    words = {bool: "true or false", int: "whole number", float: "number", SecretStr: "text, secret", str: "text"}
    return words[kind] + "".join(_bounds(field))


def _kind(hint: Any) -> Any:
    """The type itself, without None and without bounds."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _bounds(field: FieldInfo) -> Iterator[str]:
    nested = [one for hint in typing.get_args(field.annotation) for one in getattr(hint, "__metadata__", ())]
    for one in (*field.metadata, *(bound for info in nested for bound in getattr(info, "metadata", ()))):
        if isinstance(one, Gt):
            yield f" above {one.gt}"
        elif isinstance(one, Ge):
            yield f" from {one.ge}"
        elif isinstance(one, Le):
            yield f" to {one.le}"


def _groups() -> Iterator[tuple[str, list[str]]]:
    """The settings in the order of the code, under the comments that stand above them there."""
    source = (ROOT / "shared_code" / "settings.py").read_text(encoding="utf-8")
    lines = source.splitlines()
    (definition,) = (
        node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "Settings"
    )
    title, names = "", list[str]()
    at = definition.lineno
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            for line in lines[at : node.lineno]:
                if line.startswith("    # "):
                    if names:
                        yield title, names
                    title, names = line[6:].partition(":")[0].partition(",")[0], []
            names.append(node.target.id)
        at = node.end_lineno or node.lineno
    yield title, names


if __name__ == "__main__":
    main()
