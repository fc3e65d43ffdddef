"""Holds the direction of imports, the owners of libraries and the size of modules, by walking the syntax trees.

Direction: function folders -> entry (bootstrap, admin, command line) -> service -> managers and parts of the pipeline
-> stores and providers -> pure modules. A module may import its own layer and those below.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTION_FOLDERS = sorted(path.parent.name for path in ROOT.glob("*/function.json"))
MAX_LINES = 300

PURE, STORES, MANAGERS, SERVICE, ENTRY, FUNCTIONS = range(6)

#: Longest prefix wins. What is not named here is a manager or a part of the pipeline.
LAYERS = {
    **dict.fromkeys(FUNCTION_FOLDERS, FUNCTIONS),
    "manage": ENTRY,
    "shared_code.bootstrap": ENTRY,
    "shared_code.admin": ENTRY,
    "shared_code.cli": ENTRY,
    "shared_code.web.extract": ENTRY,
    "shared_code.web.health": ENTRY,
    "shared_code.bootstrap.extraction": SERVICE,
    "shared_code.extraction.service": SERVICE,
    "shared_code.rollup.run": SERVICE,
    "shared_code.database": STORES,
    "shared_code.db_connection": STORES,
    "shared_code.providers": STORES,
    # Pure: no I/O of their own and nothing of ours but each other.
    "shared_code": PURE,
    "shared_code.api_response": PURE,
    "shared_code.metering.app_setting": PURE,
    "shared_code.observability.background_writer": PURE,
    "shared_code.defaults": PURE,
    "shared_code.errors": PURE,
    "shared_code.database.key_cipher": PURE,
    "shared_code.metering.key_selection": PURE,
    "shared_code.observability.log_redaction": PURE,
    "shared_code.periods": PURE,
    "shared_code.records": PURE,
    "shared_code.observability.redaction": PURE,
    "shared_code.observability.request_context": PURE,
    "shared_code.settings": PURE,
    "shared_code.metering.usage_text": PURE,
}

#: Library -> the only modules (by prefix) that may import it.
OWNERS = {
    "alembic": ("shared_code.database",),
    "azure.functions": tuple(FUNCTION_FOLDERS),
    "fastapi": ("shared_code.admin",),
    "google.genai": ("shared_code.providers.gemini.client",),
    "openai": ("shared_code.providers.openai.client",),
    "opencensus": ("shared_code.observability.telemetry",),
    "pyodbc": ("shared_code.database", "shared_code.db_connection"),
    "sqlalchemy": (
        "shared_code.database",
        "shared_code.db_connection",
        "shared_code.database.diagnosis.report",
        "shared_code.operations.health_checks",
        # Whether the database answers again, and the duration of each statement.
        "shared_code.db_logger",
        "shared_code.observability.database_spans",
    ),
    "starlette": ("shared_code.admin",),
    "tenacity": ("shared_code.retry_policy",),
    "typer": ("shared_code.cli", "manage"),
}

#: What stores and services hand to each other is not a use of the library.
BORDER_TYPES = {"sqlalchemy.Connection", "sqlalchemy.exc.IntegrityError"}

#: One file describes all tables.
MAY_BE_LONG = {"shared_code/database/tables.py"}

#: Slow to import, so imported on first use only.
LATE = (
    "alembic",
    "azure.storage",
    "azure.monitor",
    "fastapi",
    "google.genai",
    "openai",
    "opencensus",
    "pikepdf",
    "PIL",
)


def product_files():
    """Every Python file that is deployed."""
    folders = [ROOT / "shared_code", *(ROOT / name for name in FUNCTION_FOLDERS)]
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [path for path in [*files, ROOT / "manage.py"] if path.exists() and "versions" not in path.parts]


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree, *, everywhere=True):
    """(imported name, line) of each import that runs; those at module level only when not ``everywhere``."""
    for node in _nodes(tree, everywhere=everywhere):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _nodes(node, *, everywhere):
    """All nodes, but for the blocks that only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        if everywhere or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _nodes(child, everywhere=everywhere)


def starts_with(name, prefix):
    return name == prefix or name.startswith(f"{prefix}.")


def layer_of(name):
    known = [prefix for prefix in LAYERS if prefix == name or (prefix != "shared_code" and starts_with(name, prefix))]
    return LAYERS[max(known, key=len)] if known else MANAGERS


def our_module(name, modules):
    """The module behind ``package.module`` or ``package.module.attribute``, None when it is not ours."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


@pytest.fixture(scope="module")
def trees():
    return {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in product_files()}


def test_imports_run_one_way(trees):
    wrong = []
    for module, tree in trees.items():
        for name, line in imports_of(tree):
            target = our_module(name, trees)
            if target and layer_of(target) > layer_of(module):
                wrong.append(f"{module}:{line} imports {target}, which is above it")
    assert not wrong, "\n".join(wrong)


def test_no_two_modules_import_each_other_in_a_ring(trees):
    graph = {
        module: {target for name, _ in imports_of(tree, everywhere=False) if (target := our_module(name, trees))}
        - {module}
        for module, tree in trees.items()
    }
    while True:
        leaves = {module for module, targets in graph.items() if not targets & graph.keys()}
        if not leaves:
            break
        graph = {module: targets for module, targets in graph.items() if module not in leaves}
    # What cannot be taken away leaf by leaf is in a ring, or imports one.
    assert {module: sorted(targets & graph.keys()) for module, targets in graph.items()} == {}


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_one_owner(trees, library):
    wrong = [
        f"{module}:{line}"
        for module, tree in trees.items()
        for name, line in imports_of(tree)
        if starts_with(name, library)
        and name not in BORDER_TYPES
        and not any(starts_with(module, owner) or _is_part(module, owner) for owner in OWNERS[library])
    ]
    assert not wrong, "\n".join(wrong)


def _is_part(module, owner):
    """``gemini_answer`` is a part of ``gemini``."""
    return module.startswith(f"{owner}_")


def test_no_relative_imports(trees):
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not wrong, "\n".join(wrong)


def test_the_product_does_not_know_its_stand_ins(trees):
    wrong = [
        f"{module}:{line}"
        for module, tree in trees.items()
        for name, line in imports_of(tree)
        if name.split(".")[0] in {"devstack", "tests", "bench"}
    ]
    assert not wrong, "\n".join(wrong)


def test_no_file_switches_the_worker_to_the_other_programming_model():
    assert not (ROOT / "function_app.py").exists()


def test_modules_are_short():
    files = [*product_files(), *sorted((ROOT / "devstack").rglob("*.py")), ROOT / "dev.py"]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    too_long = {path: lines for path, lines in lengths.items() if lines > MAX_LINES and path not in MAY_BE_LONG}
    assert too_long == {}


@pytest.mark.parametrize("folder", FUNCTION_FOLDERS)
def test_a_function_folder_loads_without_the_slow_libraries(folder):
    code = f"import sys, {folder}; print([n for n in {LATE!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.strip() == "[]"


def test_what_dev_py_starts_with_needs_the_standard_library_only():
    """It runs before the virtual environment exists, on any Python from 3.11 on; ruff checks the syntax for that."""
    seen, todo = set(), ["dev"]
    foreign = []
    while todo:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        path = ROOT / f"{module.replace('.', '/')}.py"
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 11))
        for name, line in imports_of(tree):
            head = name.split(".")[0]
            if head == "devstack":
                parts = name.split(".")
                ours = next(
                    ".".join(parts[:n])
                    for n in range(len(parts), 0, -1)
                    if (ROOT / f"{'/'.join(parts[:n])}.py").exists()
                )
                todo.append(ours)
            elif head not in sys.stdlib_module_names:
                foreign.append(f"{module}:{line} imports {name}")
    assert len(seen) > 10
    assert foreign == []
