"""``import-legacy``: takes over a database of the earlier system. Looks first; writes only with ``--do``."""

from typing import Annotated

import typer

from shared_code.cli.connection import Workplace, operator, workplace
from shared_code.cli.output import AsJson, say, show_json, show_table, shows_tables
from shared_code.cli.screen.progress import progress
from shared_code.database import schema
from shared_code.database.engines import name_of
from shared_code.database.legacy.source import open_source
from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.errors import Conflict, InvalidRequest
from shared_code.operations.legacy_import import report
from shared_code.operations.legacy_import.run import Found, LegacyImport, Wishes
from shared_code.periods import zone, zone_name

_VARIABLE = "LEGACY_DATABASE"


@shows_tables
def import_legacy_command(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            envvar=_VARIABLE,
            show_default=False,
            help="URL or ODBC connection string of the earlier database; better set in the environment, "
            "where no list of commands keeps its password.",
        ),
    ],
    company: Annotated[list[str] | None, typer.Option(help="Only this company's; may be given several times.")] = None,
    source_zone: Annotated[
        str, typer.Option("--zone", help="IANA time zone of the moments there: GETDATE() is UTC on Azure SQL.")
    ] = "UTC",
    users_of: Annotated[
        str | None, typer.Option(help="The company whose users the table quotas limits; left out = it is not taken.")
    ] = None,
    use_alone: Annotated[
        bool, typer.Option("--use-alone", help="Book the use of keys that cannot be taken, to their company alone.")
    ] = False,
    history: Annotated[bool, typer.Option(help="The latest log lines and failed attempts too.")] = True,
    do: Annotated[bool, typer.Option("--do", help="Take it over; without it nothing is written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take over a database of the earlier system; exit code 1 when something there waits for a decision."""
    if zone_name(source_zone) is None:
        raise InvalidRequest(f"--zone: there is no time zone {source_zone!r}.", details={"field": "zone"})
    wishes = Wishes(
        companies=frozenset(checked_company(one) for one in company or ()),
        source_zone=zone(source_zone, "UTC"),
        use_alone=use_alone,
        users_of=None if users_of is None else checked_company(users_of),
        history=history,
    )
    with workplace(check_schema=do) as place:
        if schema.current(place.database) != schema.HEAD:
            raise Conflict("The service's own database lacks its newest tables: 'manage.py db upgrade' makes them.")
        other = open_source(source, place.settings)
        try:
            names = name_of(other.engine.url), name_of(place.database.engine.url)
            if names[0] == names[1]:
                raise Conflict(f"That is the service's own database, {names[0]}: 'manage.py db upgrade' upgrades it.")
            work = LegacyImport(place.database.unhurried(), other, place.cipher, place.settings, wishes)
            found = _run(work, place, do=do, as_json=as_json)
        finally:
            other.close()
    findings = report.findings_of(found, users_of=wishes.users_of)
    facts = {
        "source": names[0],
        "database": names[1],
        "done": do,
        "tables": report.tables_of(found),
        "companies": report.companies_of(found),
        "findings": findings,
    }
    if as_json:
        show_json(facts)
    else:
        _show(facts)
    if not report.is_complete(findings):
        raise typer.Exit(1)


def _run(work: LegacyImport, place: Workplace, *, do: bool, as_json: bool) -> Found:
    if do:
        place.cipher.check()
    with progress("usage rows", None, as_json=as_json) as bar:
        found = work.look(lambda rows: bar.show(rows, "looking"))
        if not do:
            return found
        work.take(found, operator(), lambda rows: bar.show(rows, "taking over"))
        # What is here now is looked up, not reckoned.
        return work.look(lambda rows: bar.show(rows, "looking again"))


def _show(facts: dict[str, object]) -> None:
    say(f"from: {facts['source']}")
    say(f"into: {facts['database']}")
    show_table("Tables", facts["tables"], spare=("place",))  # type: ignore[arg-type] # lists of rows
    show_table("Companies", facts["companies"])  # type: ignore[arg-type]
    findings = [{**finding, "ids": ", ".join(map(str, finding["ids"]))} for finding in facts["findings"]]  # type: ignore[attr-defined]
    show_table("Not taken, or taken otherwise than it stands there", findings)
    if not facts["done"]:
        say("Nothing was written. With --do it is taken over.")
