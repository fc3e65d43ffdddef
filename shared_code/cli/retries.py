"""``retries``: failed attempts at model calls."""

from dataclasses import asdict
from typing import Annotated

import typer

from shared_code.cli.connection import TokenIdOption, company_filter, workplace
from shared_code.cli.output import AsJson, show_rows, shows_list
from shared_code.database.stores.operations.retries import RetryFilter, find_retries


@shows_list
def retries_command(
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None,
    token: TokenIdOption = None,
    request_id: Annotated[str | None, typer.Option(help="Only those of this request.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show failed attempts at model calls, newest first."""
    wanted = RetryFilter(company_id=company_filter(company), token_id=token, request_id=request_id)
    with workplace() as place:
        found = place.database.read(lambda connection: find_retries(connection, wanted, limit=limit))
    rows = [asdict(row) for row in found]
    show_rows("Failed attempts", [{"id": row.pop("retry_id"), **row} for row in rows], as_json=as_json)
