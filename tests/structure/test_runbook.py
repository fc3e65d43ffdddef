"""The runbook knows every alert that the code can raise, and its list of contents is whole."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


def kinds():
    """The kind of each Alert that is made, read from the source: a literal, a constant of the module, or a table."""
    modules = {
        path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "shared_code").rglob("*.py"))
    }
    everywhere = {name: value for module in modules.values() for name, value in constants(module).items()}
    for path, module in modules.items():
        known = everywhere | constants(module)
        for node in (one for one in ast.walk(module) if isinstance(one, ast.Call)):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            said = node.args[:2] if name == "Kinds" else []
            if name == "Alert" and "admin" not in path.parts:
                said = [keyword.value for keyword in node.keywords if keyword.arg == "kind"]
            for value in said:
                if isinstance(value, ast.Constant):
                    yield value.value
                elif isinstance(value, ast.Name):
                    yield known[value.id]


def constants(module):
    return {
        target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def test_every_alert_is_there_once_with_what_to_do():
    from shared_code.rollup.statuses import ALERT_OF_STATUS

    rows = [line.split("|") for line in PAGE.partition("## Each alert")[2].splitlines() if line.startswith("| `")]
    shown = [cells[1].strip(" `") for cells in rows]
    assert sorted(shown) == sorted({*kinds(), *ALERT_OF_STATUS.values()})
    assert all(len(cells) == 6 and all(cell.strip() for cell in cells[1:5]) for cells in rows)


def test_the_contents_name_every_part():
    assert re.findall(r"^- \[(.*)\]\(#", PAGE, re.MULTILINE) == re.findall(r"^## (.*)$", PAGE, re.MULTILINE)


def test_every_part_says_how_to_see_that_it_is_over():
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    quiet = {"First look", "Each alert"}
    assert [
        part.splitlines()[0] for part in parts if "**Over**" not in part and part.splitlines()[0] not in quiet
    ] == []
