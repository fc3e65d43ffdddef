"""Reads the templates with pycep-parser. It checks syntax and gives a tree; what Azure says of it, it cannot know.

The tree tells no name from a text of the same letters: tests look at values whose meaning does not hang on that.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))


@cache
def parsed(path: Path) -> dict[str, Any]:
    """The tree of a file."""
    return BicepParser().parse(text=path.read_text(encoding="utf-8"))


def module(name: str) -> dict[str, Any]:
    """The tree of a file in infra/modules, or of main or events."""
    return parsed(INFRA / f"{name}.bicep" if name in {"main", "events"} else INFRA / "modules" / f"{name}.bicep")


def resources(tree: dict[str, Any], kind: str) -> dict[str, Any]:
    """Configurations of the resources of a type that a file makes, by symbolic name; conditions are looked through."""
    found = {}
    for name, each in tree.get("resources", {}).items():
        if each["type"] == kind and not each["existing"]:
            config = each["config"]
            found[name] = config["config"] if "condition" in config else config
    return found


def text_of(value: Any) -> str:
    return json.dumps(value, default=str)


def evaluate(value: Any, names: dict[str, Any], variables: dict[str, Any]) -> Any:
    """The number that an expression of pool.bicep comes to. Bicep divides whole numbers and drops the rest."""
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return names[value] if value in names else evaluate(variables[value]["value"], names, variables)
    if "function" in value:
        assert value["function"]["type"] == "max"
        return max(evaluate(each, names, variables) for each in value["function"]["parameters"].values())
    operator = value["operator"]
    first, second = (evaluate(each, names, variables) for each in operator["operands"].values())
    return {
        "multiply": lambda: first * second,
        "substract": lambda: first - second,
        "divide": lambda: first // second,
    }[operator["type"]]()
