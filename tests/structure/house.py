"""The rule of the house, read from folders alone: which module may import which, and how large a room may grow.

A module's rank is that of its folder; it may import what has its own rank or a lower one. Imports inside functions
and those that only type checkers read count like all others: both tie two files together.
"""

import ast
import graphlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

#: Lowest first; rooms of one line may import each other, as long as no circle of files comes of it. A room that is
#: not there yet has its place already.
FLOORS = (
    "ground",
    "invoices",
    "observability",
    "database providers",
    "documents metering operations exports ocr reviews",
    "e_invoices",
    "extraction",
    "blobs jobs webhooks",
    "rollup evaluation demo",
    "bootstrap",
    "admin cli console fronts web",
    "functions",
)
RANKS = {room: rank for rank, rooms in enumerate(FLOORS) for room in rooms.split()}
#: Modules at the top of shared_code that everything may use. All others there are fronts.
GROUND = {"api_response", "azure_login", "errors", "labels", "periods", "records", "settings"}

MAX_LINES = 300
MAX_MODULES_IN_A_FOLDER = 25
MAX_MODULES_AT_THE_TOP = 15
#: One file describes all tables.
MAY_BE_LONG = {"shared_code/database/tables.py"}


@dataclass(frozen=True)
class Import:
    """One name that a module imports: ``name`` as written, ``target`` the module of ours behind it, if any."""

    module: str
    line: int
    name: str
    target: str | None

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target or self.name}"


class House:
    """The product in ``root``: ``shared_code``, ``manage.py`` and every folder with a ``function.json``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.function_folders = sorted(path.parent.name for path in root.glob("*/function.json"))
        self.files = {self._name_of(path): path for path in self._product_files()}

    def _product_files(self) -> Iterator[Path]:
        for folder in ("shared_code", *self.function_folders):
            # Migrations are loaded by their path and never change.
            yield from (path for path in sorted((self.root / folder).rglob("*.py")) if "versions" not in path.parts)
        if (self.root / "manage.py").exists():
            yield self.root / "manage.py"

    def _name_of(self, path: Path) -> str:
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        """The syntax tree of each module."""
        return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in self.files.items()}

    @cached_property
    def imports(self) -> list[Import]:
        """Every import of the product, wherever in its module it stands."""
        return [
            Import(module, line, name, self.module_behind(name))
            for module, tree in self.trees.items()
            for name, line in imported_names(tree)
        ]

    def module_behind(self, name: str) -> str | None:
        """The module of ours in ``package.module`` or ``package.module.attribute``; None when it is not ours."""
        while name and name not in self.files:
            name = name.rpartition(".")[0]
        return name or None

    def room_of(self, module: str) -> str:
        """A folder of shared_code, or ``ground``, ``fronts``, ``functions``."""
        first, _, rest = module.partition(".")
        if first != "shared_code":
            return "functions"
        room = rest.partition(".")[0]
        if not room or room in GROUND:
            return "ground"
        return room if (self.root / "shared_code" / room).is_dir() else "fronts"

    def rooms_without_rank(self) -> list[str]:
        """Folders of which nobody has said who may import them."""
        return sorted({room for module in self.files if (room := self.room_of(module)) not in RANKS})

    def upward_imports(self) -> list[str]:
        """Imports of something that stands above the importing module."""
        rank = {module: RANKS.get(self.room_of(module), 0) for module in self.files}
        return [
            f"{each}, which is above it"
            for each in self.imports
            if each.target and rank[each.target] > rank[each.module]
        ]

    def imports_of_fronts(self) -> list[str]:
        """The seed documents' names are for users; the product has its own."""
        return [
            f"{each}, which is a front"
            for each in self.imports
            if each.target and self.room_of(each.target) == "fronts" and each.target != each.module
        ]

    def circles(self) -> list[list[str]]:
        """Files that import each other, directly or by way of others: one way around for each independent circle."""
        graph: dict[str, set[str]] = defaultdict(set)
        for each in self.imports:
            if each.target and each.target != each.module:
                graph[each.module].add(each.target)
        found = []
        while True:
            try:
                graphlib.TopologicalSorter(graph).prepare()
            except graphlib.CycleError as error:
                # From the importing file to the imported one.
                around = list(reversed(error.args[1]))
                found.append(min(around[i:-1] + around[: i + 1] for i in range(len(around) - 1)))
                graph[around[0]].remove(around[1])
            else:
                return sorted(found)

    def namers_of_services(self) -> list[str]:
        """Modules below ``bootstrap`` that name the container of all parts instead of taking what they use."""
        return [
            f"{module}:{line} names Services"
            for module, tree in self.trees.items()
            if RANKS.get(self.room_of(module), 0) < RANKS["bootstrap"]
            for line in sorted(lines_with_the_name("Services", tree))
        ]

    def long_modules(self, *others: str) -> dict[str, int]:
        """Modules with too many lines, also in ``others``: files or folders of the project beside the product."""
        files = set(self.files.values())
        for other in (self.root / name for name in others):
            files.update(other.rglob("*.py") if other.is_dir() else [other])
        lines = {
            path.relative_to(self.root).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in files
        }
        return {path: count for path, count in lines.items() if count > MAX_LINES and path not in MAY_BE_LONG}

    def full_folders(self, *others: str) -> dict[str, int]:
        """Folders with too many modules side by side, also in ``others``."""
        counts: dict[str, int] = defaultdict(int)
        paths = [*self.files.values(), *(path for name in others for path in (self.root / name).rglob("*.py"))]
        for path in paths:
            if path.name != "__init__.py":
                counts[path.parent.relative_to(self.root).as_posix()] += 1
        limits = defaultdict(lambda: MAX_MODULES_IN_A_FOLDER, shared_code=MAX_MODULES_AT_THE_TOP)
        return {folder: count for folder, count in counts.items() if count > limits[folder]}


def imported_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(imported name, line) of each import; also of those that are written as a call with the name in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from ((value.value, node.lineno) for value in node.args if _is_text(value))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def lines_with_the_name(name: str, tree: ast.AST) -> set[int]:
    """Lines that use a name: as itself, as an attribute, in an import or in a quoted annotation. Prose is none."""
    annotation = re.compile(r"[\w.\[\]|,* \"']+")
    word = re.compile(rf"\b{name}\b")
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    lines = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute, ast.alias, ast.ClassDef)):
            used = {getattr(node, part, None) for part in ("id", "attr", "name", "asname")} - {None}
            if any(name in text.split(".") for text in used):
                lines.add(node.lineno)
        elif _is_text(node) and id(node) not in prose and annotation.fullmatch(node.value) and word.search(node.value):
            lines.add(node.lineno)
    return lines
