"""The product keeps the rules of its house: direction of imports, owners of libraries, sizes.

What stands above what is said by folders alone, in ``house.py``; ``test_house_rules.py`` shows that breaches are found.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bench.imports import measure_imports
from tests.structure.house import House, imported_names

ROOT = Path(__file__).resolve().parents[2]
HOUSE = House(ROOT)
#: of the processor time of azure.functions alone, that all function folders may take; it was 1.2 when this was set
MOST_IMPORT_RATIO = 2.0

#: Library -> the only rooms (or modules of them) that may import it.
OWNERS = {
    "alembic": ("database",),
    "azure.functions": ("functions",),
    "azure.storage": (
        "blobs",
        "jobs.documents",
        "jobs.sweeping",
        "jobs.turns",
        "metering.long_bookings",
        "metering.outbox",
    ),
    "fastapi": ("admin",),
    "google.genai": ("providers.gemini",),
    "jinja2": ("console",),
    "lxml": ("e_invoices.xml", "e_invoices.xml_parsing", "e_invoices.json_tree"),
    "openai": ("providers.openai",),
    "opencensus": ("observability.application_insights",),
    "pikepdf": ("documents",),
    "PIL": ("documents", "metering.estimates"),
    "pi_heif": ("documents",),
    "pydantic_settings": ("settings",),
    "pyodbc": ("database",),
    "pypdfium2": ("documents",),
    "sqlalchemy": ("database", "observability.database_spans", "operations.health_checks", "db_connection"),
    "splintr": ("metering.vocabularies",),
    "starlette": ("admin", "console"),
    "tenacity": ("retry_policy",),
    "typer": ("cli", "functions"),
    "werkzeug": ("web.form",),
    "xlsxwriter": ("exports.workbook",),
    "zxingcpp": ("documents",),
}
#: What stores and their users hand to each other is not a use of the library.
BORDER_TYPES = {"sqlalchemy.Connection", "sqlalchemy.exc.IntegrityError"}

#: Slow to import, so imported on first use only.
LATE = (
    "alembic",
    "ahocorasick_rs",
    "azure.storage",
    "azure.monitor",
    "fastapi",
    "google.genai",
    "jinja2",
    "openai",
    "opencensus",
    "pikepdf",
    "PIL",
    "psutil",
    "pydantic",
    "shared_code.bootstrap.build",
    "shared_code.settings",
    "sqlalchemy",
    "xlsxwriter",
)


def test_the_whole_product_is_looked_at():
    assert {"shared_code.errors", "shared_code.admin.app", "manage", *HOUSE.function_folders} <= HOUSE.files.keys()
    assert len([each for each in HOUSE.imports if each.target]) > 500


def test_every_room_has_a_rank():
    assert HOUSE.rooms_without_rank() == []


def test_imports_run_downwards():
    assert HOUSE.upward_imports() == []


def test_no_files_import_each_other_in_a_circle():
    assert HOUSE.circles() == []


def test_only_users_import_the_fronts():
    assert HOUSE.imports_of_fronts() == []


def test_below_bootstrap_nothing_names_the_container_of_all_parts():
    assert HOUSE.namers_of_services() == []


def test_modules_are_short():
    assert HOUSE.long_modules("devstack", "bench", "dev.py") == {}


def test_folders_are_not_full():
    assert HOUSE.full_folders("devstack", "bench") == {}


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_one_owner(library):
    used = [each for each in HOUSE.imports if starts_with(each.name, library)]
    assert used, "a library that nobody uses needs no owner"
    wrong = [
        str(each)
        for each in used
        if each.name not in BORDER_TYPES and not any(owns(owner, each.module) for owner in OWNERS[library])
    ]
    assert wrong == []


def owns(owner, module):
    return starts_with(module, f"shared_code.{owner}") or HOUSE.room_of(module) == owner


def starts_with(name, prefix):
    return name == prefix or name.startswith(f"{prefix}.")


def test_one_module_writes_how_readings_end():
    ends = {"finish_claim", "free_claim", "insert_done", "insert_failed"}
    users = {
        module
        for module, tree in HOUSE.trees.items()
        if not starts_with(module, "shared_code.database.stores")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ends
    }
    assert users == {"shared_code.metering.finishing"}


def test_no_relative_imports():
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in HOUSE.trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert wrong == []


def test_the_product_does_not_know_its_stand_ins():
    strangers = {"devstack", "tests", "bench", "soak"}
    assert [str(each) for each in HOUSE.imports if each.name.partition(".")[0] in strangers] == []


def test_no_file_switches_the_worker_to_the_other_programming_model():
    assert not (ROOT / "function_app.py").exists()


@pytest.mark.parametrize("folder", HOUSE.function_folders)
def test_a_function_folder_loads_without_the_slow_libraries(folder):
    assert loaded_by(folder, LATE) == []


@pytest.mark.parametrize(
    ("module", "late"),
    [
        ("shared_code.database.key_cipher", ("cryptography",)),
        ("shared_code.e_invoices.detection", ("lxml",)),
        ("shared_code.operations.health_checks", ("psutil", "azure", "google.genai", "openai", "alembic")),
    ],
)
def test_a_module_that_all_load_loads_no_library_before_its_first_use(module, late):
    assert loaded_by(module, late) == []


def loaded_by(module, names):
    """Which of the libraries are there after the import of a module in a new process."""
    code = f"import sys, {module}; print(*[n for n in {names!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


def test_what_dev_py_starts_with_needs_the_standard_library_only():
    """It runs before the virtual environment exists, on any Python from 3.11 on; ruff checks the syntax for that."""
    seen, todo = set(), ["dev"]
    foreign = []
    while todo:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        tree = ast.parse(file_of(module).read_text(encoding="utf-8"), feature_version=(3, 11))
        for name, line in imported_names(tree):
            if starts_with(name, "devstack"):
                parts = name.split(".")
                todo.append(
                    next(part for n in (len(parts), len(parts) - 1) if file_of(part := ".".join(parts[:n])).exists())
                )
            elif name.partition(".")[0] not in sys.stdlib_module_names:
                foreign.append(f"{module}:{line} imports {name}")
    assert len(seen) > 10
    assert foreign == []


def file_of(module):
    return ROOT / f"{module.replace('.', '/')}.py"


def test_importing_all_function_folders_takes_little_more_than_the_platforms_own_library():
    """Processor time, medians: a worker imports them before it answers anything."""
    _, used = measure_imports(runs=5)
    assert used.ratio < MOST_IMPORT_RATIO, used.seconds
