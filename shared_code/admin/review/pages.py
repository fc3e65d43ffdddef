"""/extractions/{id}/pages: the document of a reading as a person sees it, and the text under a box of a page."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, Field, field_validator

from shared_code.admin.dependencies import ReadingsContext, RouteContext
from shared_code.admin.envelope import Envelope, failures, shown_as
from shared_code.admin.fields import ReadingIdPath, Sent, Side, etag, example
from shared_code.blobs.page_views import Pages
from shared_code.database.stores.extractions.viewed_documents import ViewedDocument
from shared_code.errors import NotFound
from shared_code.labels import is_reading_id
from shared_code.operations.access import require_own

router = APIRouter(tags=["extractions"])

_PNG = "image/png"
#: A browser may show a picture again for some minutes; what stands between it and the service may keep none.
_CACHING = "private, max-age=300"
_LEAST_WIDTH, _USUAL_WIDTH, _MOST_WIDTH = 100, 1_200, 4_000
_MOST_NUMBER = 10_000

NumberPath = Annotated[int, Path(ge=1, le=_MOST_NUMBER, description="Of the page, from 1.", examples=[1])]


class PageView(BaseModel):
    """A page as it is shown: cropped, and turned as the file says.

    `width` and `height` are points in a PDF and pixels in a picture. `rotation` is by how many degrees clockwise the
    page must be turned to be upright, where reading it has shown that; its picture and all boxes are without this.
    """

    model_config = example(number=1, width=595.28, height=841.89, rotation=0)

    number: int
    width: float
    height: float
    rotation: int


class PagesView(BaseModel):
    """The pages of a document.

    `kept` says whether the document is there, `kind` is pdf, image or xml, and `reason` why there are no pages:
    `not_kept`, `no_pages` (data such as XML), `too_large` or `unreadable`.
    """

    model_config = example(
        kept=True, kind="pdf", reason=None, pages=[{"number": 1, "width": 595.28, "height": 841.89, "rotation": 0}]
    )

    kept: bool
    kind: str | None
    reason: str | None
    pages: list[PageView]


class Box(Sent):
    """A part of a page: left, top, right and bottom in fractions of the page as it is shown."""

    model_config = example(box=[0.61, 0.08, 0.83, 0.1])

    box: Annotated[list[Side], Field(min_length=4, max_length=4)]

    @field_validator("box")
    @classmethod
    def _in_order(cls, box: list[float]) -> list[float]:
        """Whichever way somebody has drawn it."""
        left, right = sorted(box[::2])
        top, bottom = sorted(box[1::2])
        return [left, top, right, bottom]


class TextView(BaseModel):
    """The text under a box; `text` is empty and the others null when nothing stands there.

    `box` is around the words that were found. `source` is `text_layer`, or `ocr` for what was read from a picture.
    """

    model_config = example(text="INV-2026-0417", box=[0.62, 0.081, 0.81, 0.097], source="text_layer")

    text: str
    box: list[float] | None
    source: str | None


@router.get("/extractions/{extraction_id}/pages", responses=failures(404, 410))
def get_pages(context: ReadingsContext, extraction_id: ReadingIdPath) -> Envelope[PagesView]:
    """The pages of the document of a reading, or why there are none to be seen."""
    found: Pages = context.services.blobs.pages.pages(viewed_document(context, extraction_id))
    return context.success(f"{len(found.pages)} pages", shown_as(PagesView)(found))


@router.get(
    "/extractions/{extraction_id}/pages/{number}.png",
    response_class=Response,
    responses={
        **failures(404, 410),
        200: {
            "description": "The page.",
            "content": {_PNG: {"schema": {"type": "string", "format": "binary"}}},
            "headers": {"ETag": {"schema": {"type": "string"}, "description": "For `If-None-Match`."}},
        },
        304: {"description": "The picture that you have is the right one."},
    },
)
def get_page_picture(
    context: ReadingsContext,
    extraction_id: ReadingIdPath,
    number: NumberPath,
    width: Annotated[
        int, Query(ge=_LEAST_WIDTH, le=_MOST_WIDTH, description="Pixels that are wanted; it may have more, or less.")
    ] = _USUAL_WIDTH,
    if_none_match: Annotated[str | None, Header(description="The `ETag` of the picture that you have.")] = None,
) -> Any:
    """The picture of a page: at most 200 dots per inch and 8 megapixels, made in the next of few widths.

    The first look at a page takes some tenths of a second; for some minutes the next ones are answered from memory.
    """
    pages, viewed = context.services.blobs.pages, viewed_document(context, extraction_id)
    headers = {"ETag": etag(pages.version(viewed, number, width)), "Cache-Control": _CACHING}
    if viewed.erased_at is None and if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    picture = pages.picture(viewed, number, width)
    return Response(picture.content, media_type=_PNG, headers=headers)


@router.post("/extractions/{extraction_id}/pages/{number}/text", responses=failures(404, 410))
def read_text_under_box(
    context: ReadingsContext, extraction_id: ReadingIdPath, number: NumberPath, pointed: Box
) -> Envelope[TextView]:
    """The text under a box of a page. Of a scan it is what the second reader sees, where that is installed.

    Else it is known only where values of the reading stand.
    """
    found = context.services.blobs.pages.text(viewed_document(context, extraction_id), number, pointed.box)
    if found is None:
        return context.success("Nothing stands there", TextView(text="", box=None, source=None))
    return context.success(
        "What stands there", TextView(text=found.text, box=list(found.box), source=found.source.value)
    )


def viewed_document(context: RouteContext, extraction_id: str) -> ViewedDocument:
    """The document of a reading, if this login may see it.

    :raises errors.Forbidden, errors.NotFound: it may not; there is no such reading.
    """
    known = is_reading_id(extraction_id)
    viewed = context.services.blobs.pages.find(extraction_id) if known else None
    require_own(context.principal.company_id, viewed.company_id if viewed else None)
    if viewed is None:
        raise NotFound("There is no extraction with this id.", details={"field": "extraction_id"})
    return viewed
