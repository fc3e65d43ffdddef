"""``alerts``: conditions that an operator should know of."""

from dataclasses import asdict
from typing import Annotated

import typer

from shared_code.cli.connection import operator, workplace
from shared_code.cli.output import AsJson, answer, show_list, shows_list
from shared_code.database.stores.operations.alerts import find_alerts
from shared_code.operations import alerts
from shared_code.records import Alert

app = typer.Typer(help="Conditions that an operator should know of.", no_args_is_help=True)


@app.command("list")
@shows_list
def list_command(
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show alerts, newest first."""
    with workplace() as place:
        found = place.database.read(
            lambda connection: find_alerts(connection, is_open=None if everything else True, kind=kind, limit=limit)
        )
    show_list("Alerts", found, facts=asdict, columns=_columns, as_json=as_json)


@app.command()
def close(
    alert_id: Annotated[int, typer.Argument(min=1, max=2**53 - 1, help="The alert's id.")], as_json: AsJson = False
) -> None:
    """Close an alert; its condition opens a new one when it is seen again."""
    with workplace() as place:
        alert = alerts.close(place.database, alert_id, operator())
    answer(asdict(alert), f"alert {alert_id} is closed", as_json=as_json)


def _columns(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.alert_id,
        "severity": alert.severity,
        "kind": alert.kind,
        "subject": alert.subject,
        "seen": alert.occurrences,
        "since": alert.opened_at,
        "closed": alert.closed_at,
        "message": alert.message,
    }
