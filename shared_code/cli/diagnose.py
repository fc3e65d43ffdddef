"""``diagnose``: health with its figures, what the database says about itself with a remedy for each finding, and the
rows that the timer has set aside.
"""  # noqa: D205 - one thought that needs two lines

from typing import Annotated, Any

import typer

from shared_code.cli.connection import process_services
from shared_code.cli.output import AsJson, say, show_json, show_table, shows_tables
from shared_code.database.diagnosis.report import DatabaseDiagnostic
from shared_code.operations.timer_state import set_aside_rows


@shows_tables
def diagnose_command(
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 also for warnings.")] = False,
) -> None:
    """Look at everything; exit code 1 when something is critical or a health check fails."""
    with process_services() as services:
        health = services.health.run_checks()
        database = DatabaseDiagnostic(services.database).run_diagnostics()
        set_aside = set_aside_rows(services.database)
    if as_json:
        show_json({"health": health, "database": database, "set_aside": set_aside})
    else:
        _show(health, database)
        if set_aside:
            show_table("Rows that the timer has set aside", set_aside)
    bad = {"critical", "warning"} if strict else {"critical"}
    if health["overall_status"] != "healthy" or any(found["severity"] in bad for found in database["findings"]):
        raise typer.Exit(1)


def _show(health: dict[str, Any], database: dict[str, Any]) -> None:
    checks = [
        {"check": name, "status": check["status"], "result": _text(check.get("result", check.get("error")))}
        for name, check in health["checks"].items()
    ]
    show_table(f"Health: {health['overall_status']}", checks)
    keys = ("severity", "area", "message", "remedy")
    show_table(
        f"Findings on {database['backend']}", [{key: found[key] for key in keys} for found in database["findings"]]
    )
    for hidden in database["not_visible"]:
        say(f"not visible: {_text(hidden)}")


def _text(value: Any) -> str:
    return ", ".join(f"{name} {part}" for name, part in value.items()) if isinstance(value, dict) else str(value)
