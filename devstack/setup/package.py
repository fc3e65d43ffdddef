"""``dev.py package``: the app as a zip file that can be deployed.

It holds what ``.funcignore`` leaves, the same bytes for the same files. On Flex Consumption a polling blob trigger is
refused, and ``source`` takes no ``%SETTING%``: there the packaged ``function.json`` says ``EventGrid``.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from devstack.setup.console import SetupProblem, say

PLANS = ("flex", "premium")
_BLOB_TRIGGER = "blobTrigger"
#: the earliest moment that a zip file can hold
_MOMENT = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o644
_REQUIRED = ("host.json", "requirements.txt")


class IgnoreRules:
    """``.funcignore``: gitignore's rules, the last one that matches counts."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._rules = [rule for line in lines if (rule := _rule(line)) is not None]

    def ignores(self, path: str, *, folder: bool) -> bool:
        """Whether a path (relative, with ``/``) is left out by itself; folders that are left out are not entered."""
        ignored = False
        for pattern, negated, folders_only in self._rules:
            if (folder or not folders_only) and pattern.fullmatch(path):
                ignored = not negated
        return ignored


def package(root: Path, plan: str, output: Path | None = None) -> int:
    """Write the zip file and say where. Raises SetupProblem."""
    target = output or root / ".devstack" / "package" / f"app-{plan}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    names = write_package(root, plan, target)
    say(f"package: {target} ({len(names)} files, {target.stat().st_size / 1024:.0f} KiB, plan {plan})")
    return 0


def write_package(root: Path, plan: str, target: Path) -> list[str]:
    """Names of the files in the zip file. Raises SetupProblem when this is no app, or the plan is unknown."""
    if plan not in PLANS:
        raise SetupProblem(f"There is no plan {plan!r}; known: {', '.join(PLANS)}.")
    ignore_file = root / ".funcignore"
    missing = [name for name in _REQUIRED if not (root / name).exists()]
    if missing or not ignore_file.exists():
        raise SetupProblem(f"{root} is no app to package: {', '.join(missing) or '.funcignore'} is missing.")
    rules = IgnoreRules(ignore_file.read_text(encoding="utf-8").splitlines())
    part = target.with_name(f"{target.name}.part")
    names = []
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, name in packaged_files(root, rules):
            if path in (part, target):
                continue
            content = path.read_bytes()
            if name.endswith("/function.json") and name.count("/") == 1:
                content = function_json(content, plan)
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _FILE_MODE << 16
            packed.writestr(entry, content)
            names.append(name)
    part.replace(target)
    return names


def packaged_files(root: Path, rules: IgnoreRules) -> Iterator[tuple[Path, str]]:
    """(file, name in the package) of everything that is deployed, in the order of their names."""
    todo = [root]
    while todo:
        folder = todo.pop()
        folders = []
        for path in sorted(folder.iterdir()):
            name = path.relative_to(root).as_posix()
            if path.name == ".funcignore" or rules.ignores(name, folder=path.is_dir()):
                continue
            if path.is_dir():
                folders.append(path)
            else:
                yield path, name
        todo += reversed(folders)


def function_json(content: bytes, plan: str) -> bytes:
    """A function.json for the plan: blob triggers on Flex Consumption are fed by Event Grid."""
    config = json.loads(content)
    triggers = [binding for binding in config.get("bindings", ()) if binding.get("type") == _BLOB_TRIGGER]
    if plan != "flex" or not triggers:
        return content
    for trigger in triggers:
        trigger["source"] = "EventGrid"
    return json.dumps(config, indent=2).encode() + b"\n"


def _rule(line: str) -> tuple[re.Pattern[str], bool, bool] | None:
    """(pattern, negated, folders only) of a line; None for blank lines and comments."""
    text = line.rstrip()
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text.removeprefix("!").removeprefix("\\")
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    expression = "".join(_translate(part) for part in re.findall(r"\*\*/|/\*\*|\*|\?|\[[^\]]+\]|.", text.lstrip("/")))
    return re.compile(expression if anchored else f"(?:.*/)?{expression}", re.DOTALL), negated, folders_only


def _translate(part: str) -> str:
    known = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    if part in known:
        return known[part]
    return part.replace("[!", "[^", 1) if part.startswith("[") and len(part) > 1 else re.escape(part)
