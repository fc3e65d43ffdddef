"""/extractions/export: many readings with their results, as JSON, CSV or a workbook."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from shared_code.admin.dependencies import ReadingsContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.extractions import ExtractionView
from shared_code.admin.fields import BigPageQuery, CompanyId, GivenDay
from shared_code.exports.export import MOST_IN_ONE_ANSWER, ExportPage, as_exported
from shared_code.exports.files import WantedFile, table_file
from shared_code.exports.formats import MEDIA_TYPES, Format, chosen_format

router = APIRouter(tags=["extractions"])

#: readings with all their fields that one answer holds: in JSON they are several times as large as in a table
_MOST_IN_JSON = 500
NEXT_CURSOR = "x-next-cursor"


class ExportQuery(BigPageQuery):
    """Which readings, and in which form."""

    first_day: Annotated[
        GivenDay | None,
        Field(alias="from", description="First day, in the company's own days; open when it is left out."),
    ] = None
    last_day: Annotated[GivenDay | None, Field(alias="to", description="Last day, included; open likewise.")] = None
    company: CompanyId | None = None
    state: Annotated[
        Literal["done", "failed"] | None, Field(description="Both when it is left out: a failed one is a row too.")
    ] = None
    form: Annotated[
        Literal["json", "csv", "xlsx"] | None,
        Field(alias="format", description="Else by exactly that media type in `Accept`, else JSON."),
    ] = None
    table: Annotated[Literal["invoices", "lines"], Field(description="Of CSV: which of the two files.")] = "invoices"
    bom: Annotated[bool, Field(description="Of CSV: with a byte order mark, for Excel on Windows.")] = False
    limit: Annotated[
        int,
        Field(ge=1, le=MOST_IN_ONE_ANSWER, description=f"Documents of one page; JSON has {_MOST_IN_JSON} at most."),
    ] = _MOST_IN_JSON


@router.get(
    "/extractions/export",
    response_model=Envelope[Page[ExtractionView]],
    responses={
        **failures(),
        200: {
            "content": {
                MEDIA_TYPES[Format.CSV]: {"schema": {"type": "string"}},
                MEDIA_TYPES[Format.XLSX]: {"schema": {"type": "string", "format": "binary"}},
            },
            "headers": {
                NEXT_CURSOR: {
                    "schema": {"type": "string"},
                    "description": "`next_cursor` of a file; absent at the end.",
                }
            },
        },
    },
)
def export_extractions(context: ReadingsContext, query: Annotated[ExportQuery, Query()], request: Request) -> Any:
    """Readings with what was read, newest first: of each document the valid one, neither erased nor read anew.

    Pages as of all lists; of files the next cursor is a header. For more than 5,000 documents take one page after the
    other, or `manage.py export`, which writes as it reads.
    """
    exports, form = context.services.exports, chosen_format(query.form, request.headers.get("accept"))
    company = context.principal.company(query.company)
    wanted = exports.wanted(company, query.first_day, query.last_day, query.state)
    limit = min(query.limit, _MOST_IN_JSON) if form is Format.JSON else query.limit
    page = exports.page(wanted, before_id=query.cursor, limit=limit)
    if form is not Format.JSON:
        return _file(page, WantedFile(form, query.table, query.bom))
    items = [shown_as(ExtractionView)(row) for row in page]
    return context.success(f"{len(items)} found", Page[ExtractionView](items=items, next_cursor=page.next_cursor))


def _file(page: ExportPage, wanted: WantedFile) -> Response:
    file = table_file((as_exported(row) for row in page), wanted, name="extractions")
    following = {NEXT_CURSOR: page.next_cursor} if page.next_cursor is not None else {}
    return Response(file.content, headers={**file.headers, **following})
