"""The checker itself, on small trees that break one rule each: what it does not find here it would not find there."""

import pytest

from tests.structure.house import FLOORS, MAX_LINES, MAX_MODULES_AT_THE_TOP, MAX_MODULES_IN_A_FOLDER, House


@pytest.fixture
def house(tmp_path):
    """Writes files and reads them as a product: ``house({"shared_code/errors.py": "text"})``."""

    def build(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return House(tmp_path)

    return build


UNDER_A_TYPE_CHECKER = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from {0} import {1}\n"
IN_A_FUNCTION = "def f():\n    from {0} import {1}\n    return {1}\n"
AT_THE_TOP = "from {0} import {1}\n"
AS_A_WHOLE = "import {0}.{1}\n"
BY_A_CALL = 'import importlib\n\nm = importlib.import_module("{0}.{1}")\n'
EVERY_WAY = [UNDER_A_TYPE_CHECKER, IN_A_FUNCTION, AT_THE_TOP, AS_A_WHOLE, BY_A_CALL]


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("shared_code/errors.py", "shared_code.invoices.sums"),
        ("shared_code/invoices/sums.py", "shared_code.observability.redaction"),
        ("shared_code/database/stores/usage.py", "shared_code.metering.ledger"),
        ("shared_code/metering/ledger.py", "shared_code.extraction.service"),
        ("shared_code/extraction/answer/prompt.py", "shared_code.blobs.store"),
        ("shared_code/rollup/run.py", "shared_code.bootstrap"),
        ("shared_code/bootstrap/build.py", "shared_code.web.health"),
        ("shared_code/bootstrap/build.py", "shared_code.health"),
        ("shared_code/admin/app.py", "HealthFunction"),
        ("shared_code/token_manager.py", "manage"),
    ],
)
def test_an_import_of_what_is_above_is_found_however_it_is_written(house, lower, upper, way):
    package, _, name = upper.rpartition(".")
    # A module at the top of the project is imported as it is.
    text = way.format(package, name) if package else f"import {upper}\n"
    target = f"{upper.replace('.', '/')}.py" if upper != "HealthFunction" else "HealthFunction/__init__.py"
    built = house({lower: text, target: "x = 1\n", "HealthFunction/function.json": "{}"})
    (found,) = built.upward_imports()
    assert found.endswith(f" imports {upper}, which is above it")


@pytest.mark.parametrize("way", EVERY_WAY)
def test_what_is_below_or_beside_may_be_imported(house, way):
    built = house(
        {
            "shared_code/errors.py": "",
            "shared_code/metering/ledger.py": way.format("shared_code", "errors"),
            "shared_code/operations/alerts.py": way.format("shared_code.metering", "ledger"),
            "shared_code/web/extract.py": way.format("shared_code.operations", "alerts"),
            "ExtractFunction/function.json": "{}",
            "ExtractFunction/__init__.py": way.format("shared_code.web", "extract"),
        }
    )
    assert {(each.module, each.target) for each in built.imports if each.target} == {
        ("shared_code.metering.ledger", "shared_code.errors"),
        ("shared_code.operations.alerts", "shared_code.metering.ledger"),
        ("shared_code.web.extract", "shared_code.operations.alerts"),
        ("ExtractFunction", "shared_code.web.extract"),
    }
    assert built.upward_imports() == built.circles() == built.rooms_without_rank() == []


def test_a_name_out_of_a_module_leads_to_the_module(house):
    built = house(
        {
            "shared_code/records.py": "from shared_code.database.stores.usage import add, Row as R\n",
            "shared_code/database/stores/usage.py": "add = Row = 1\n",
        }
    )
    assert {each.target for each in built.imports} == {"shared_code.database.stores.usage"}
    assert len(built.upward_imports()) == 2


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_circle_of_two_files_is_found_however_the_second_import_is_written(house, way):
    built = house(
        {
            "shared_code/metering/keys.py": "import shared_code.metering.budgets\n",
            "shared_code/metering/budgets.py": way.format("shared_code.metering", "keys"),
            "shared_code/metering/pricing.py": "from shared_code.metering import keys\n",
        }
    )
    assert built.circles() == [
        ["shared_code.metering.budgets", "shared_code.metering.keys", "shared_code.metering.budgets"]
    ]


def test_a_circle_over_rooms_and_a_second_one_are_both_found(house):
    built = house(
        {
            "shared_code/metering/keys.py": "from shared_code.operations.tokens import a\n",
            "shared_code/operations/tokens.py": "from shared_code.documents.pdf import b\n",
            "shared_code/documents/pdf.py": UNDER_A_TYPE_CHECKER.format("shared_code.metering.keys", "c"),
            "shared_code/cli/main.py": IN_A_FUNCTION.format("shared_code.cli", "output"),
            "shared_code/cli/output.py": "from shared_code.cli.main import app\n",
        }
    )
    assert [len(circle) for circle in built.circles()] == [3, 4]


def test_a_package_that_hands_on_what_its_modules_hold_is_no_circle(house):
    files = {
        "shared_code/bootstrap/__init__.py": "from shared_code.bootstrap.build import reset\n",
        "shared_code/bootstrap/build.py": "from shared_code.bootstrap import blobs\n",
        "shared_code/bootstrap/blobs.py": "",
    }
    assert house(files).circles() == []
    assert house(files | {"shared_code/bootstrap/blobs.py": "from shared_code.bootstrap import reset\n"}).circles()


def test_a_room_that_nobody_has_given_a_rank_is_named(house):
    built = house({"shared_code/helpers/texts.py": "", "shared_code/jobs/queue.py": "", "shared_code/records.py": ""})
    assert built.rooms_without_rank() == ["helpers"]


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("importer", ["shared_code/cli/main.py", "HealthFunction/__init__.py", "manage.py"])
def test_a_front_that_the_product_uses_is_found(house, importer, way):
    built = house(
        {
            importer: way.format("shared_code", "token_manager"),
            "shared_code/token_manager.py": "from shared_code import errors\n",
            "shared_code/errors.py": "",
            "HealthFunction/function.json": "{}",
        }
    )
    (found,) = built.imports_of_fronts()
    assert found.endswith("imports shared_code.token_manager, which is a front")


@pytest.mark.parametrize(
    "text",
    [
        "from shared_code.bootstrap.container import Services\n",
        'def f(services: "Services"): ...\n',
        'def f(services: "Callable[[], Services]"): ...\n',
        "def f(services: container.Services): ...\n",
        "class Services: ...\n",
    ],
)
def test_a_part_that_names_the_container_is_found(house, text):
    assert house({"shared_code/rollup/run.py": text}).namers_of_services()
    assert house({"shared_code/rollup/run.py": "", "shared_code/web/health.py": text}).namers_of_services() == []


def test_prose_about_services_names_nothing(house):
    text = '"""Services\n"""\n\n#: Services\nx = 1\n'
    assert house({"shared_code/rollup/run.py": text}).namers_of_services() == []


def test_a_module_may_have_so_many_lines(house):
    line = "x = 1\n"
    built = house(
        {
            "shared_code/rollup/run.py": line * MAX_LINES,
            "shared_code/rollup/fold.py": line * (MAX_LINES + 1),
            "shared_code/database/tables.py": line * (MAX_LINES + 1),
            "shared_code/database/migrations/versions/m1.py": line * (MAX_LINES + 1),
            "devstack/http_server.py": line * (MAX_LINES + 2),
            "dev.py": line * (MAX_LINES + 3),
        }
    )
    assert built.long_modules("devstack", "dev.py") == {
        "shared_code/rollup/fold.py": MAX_LINES + 1,
        "devstack/http_server.py": MAX_LINES + 2,
        "dev.py": MAX_LINES + 3,
    }


def test_a_folder_may_have_so_many_modules(house):
    def folder(name, count):
        return {f"{name}/m{number}.py": "" for number in range(count)} | {f"{name}/__init__.py": ""}

    full = folder("shared_code", MAX_MODULES_AT_THE_TOP) | folder("shared_code/cli", MAX_MODULES_IN_A_FOLDER)
    assert house(full).full_folders() == {}
    too_full = (
        folder("shared_code", MAX_MODULES_AT_THE_TOP + 1)
        | folder("shared_code/cli", MAX_MODULES_IN_A_FOLDER + 1)
        | folder("devstack/setup", MAX_MODULES_IN_A_FOLDER + 2)
    )
    assert house(too_full).full_folders("devstack") == {
        "shared_code": MAX_MODULES_AT_THE_TOP + 1,
        "shared_code/cli": MAX_MODULES_IN_A_FOLDER + 1,
        "devstack/setup": MAX_MODULES_IN_A_FOLDER + 2,
    }


def test_no_room_has_two_ranks():
    rooms = " ".join(FLOORS).split()
    assert len(rooms) == len(set(rooms))
