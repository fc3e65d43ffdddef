"""What a PDF holds beside its pages: scripts, actions, embedded files (ISO 32000-1).

Runs inside the sandbox only. Nothing that is found is ever run; :mod:`.embedded_files` takes XML out of it.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shared_code.documents import inflation_guard, refusals
from shared_code.documents.embedded_files import Attachments
from shared_code.documents.pdf_objects import filters_of, name_of

if TYPE_CHECKING:
    import pikepdf

_OBJECTS = 300_000
#: keys whose presence means that a viewer could act: scripts, programs, actions on events, embedded media
_ACTIVE_KEYS = (
    "/JS",
    "/JavaScript",
    "/AA",
    "/Launch",
    "/RichMediaContent",
    "/RichMediaSettings",
    "/Rendition",
    "/Movie",
    "/Sound",
    "/XFA",
)
_ACTIVE = re.compile(
    rb"/(JS|JavaScript|AA|Launch|RichMedia(Content|Settings|Execute)|Rendition|Movie|Sound|XFA|SubmitForm|ImportData|GoToE|GoToR)\b"
)
_ACTIVE_ACTIONS = {
    *("/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/GoToE", "/GoToR", "/Rendition", "/Movie", "/Sound"),
    "/RichMediaExecute",
}
_GENERAL_FILTERS = inflation_guard.FLATE | {"ASCII85Decode", "A85", "ASCIIHexDecode", "AHx"}
_EMBEDDED_KEYS = ("/EF", "/EmbeddedFiles", "/AF", "/FS")
#: ISO 32000-1, table 51: operators that put something onto the page
_PAINTING = frozenset(
    ("S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "sh", "Do", "Tj", "TJ", "'", '"', "BI", "INLINE IMAGE")
)
#: contents that are longer, packed, are taken to show something
_BLANK_BYTES = 2_000


def is_blank(pdf: "pikepdf.Pdf") -> bool:
    """Whether no page paints anything or has annotations; long contents are not looked into, and count as something."""
    return all(_is_blank_page(page) for page in pdf.pages)


def _is_blank_page(page: "pikepdf.Page") -> bool:
    import pikepdf

    if len(page.obj.get("/Annots", ())) > 0:
        return False
    contents = page.obj.get("/Contents", pikepdf.Array())
    streams = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
    if any(not isinstance(stream, pikepdf.Stream) for stream in streams):
        return not streams
    if sum(len(stream.read_raw_bytes()) for stream in streams) > _BLANK_BYTES:
        return False
    return not any(str(one.operator) in _PAINTING for one in pikepdf.parse_content_stream(page))


def is_active(pdf: "pikepdf.Pdf") -> bool:
    """Whether anything active is in the file.

    Measures on the way the streams that :func:`inflation_guard.check_inflation` cannot see into.

    :raises errors.InvalidFile: too many objects, or streams that unpack to too much (``too_complex``, ``bomb``).
    """
    from pikepdf import ObjectType

    objects = pdf.objects
    if len(objects) > _OBJECTS:
        raise refusals.invalid_file("too_complex", limit=_OBJECTS, actual=len(objects))
    active, unpacked = False, 0
    stream, dictionary, array = ObjectType.stream, ObjectType.dictionary, ObjectType.array
    for item in objects:
        # isinstance costs three times as much; null objects come as None
        kind, node = getattr(item, "_type_code", None), item
        if kind is stream:
            unpacked += _unpacked_size(item)
            node = item.stream_dict
        elif kind is not dictionary and kind is not array:
            continue
        active = active or _ACTIVE.search(node.unparse(resolved=True)) is not None
    if unpacked > inflation_guard.TOTAL_LIMIT:
        raise refusals.invalid_file("bomb", limit=inflation_guard.TOTAL_LIMIT // inflation_guard.MEGABYTE)
    return active


def _unpacked_size(stream: Any) -> int:
    """Size of a stream whose Flate data lies behind other filters; 0 where it is known to be harmless."""
    import pikepdf

    filters = filters_of(stream)
    if len(filters) < 2 or not set(filters) <= _GENERAL_FILTERS:  # noqa: PLR2004 - one filter is no chain
        return 0
    if not inflation_guard.can_pass_limit(stream.read_raw_bytes(), filters):
        return 0
    try:
        return len(stream.read_bytes())
    except pikepdf.PikepdfError as error:
        if "limit exceeded" in str(error):
            raise refusals.invalid_file(
                "bomb", limit=inflation_guard.STREAM_LIMIT // inflation_guard.MEGABYTE
            ) from error
        return 0


def refuse_shells(pdf: "pikepdf.Pdf", attached: Attachments) -> None:
    """Refuse files whose pages only say that the content is elsewhere in the file.

    :raises errors.InvalidFile: a dynamic XFA form, whose fields are not drawn on pages (``xfa``); a collection of files
        with a cover sheet (``portfolio``; ISO 32000-1, 12.3.5), unless XML is all that it holds.
    """
    import pikepdf

    form, collection = pdf.Root.get("/AcroForm"), pdf.Root.get("/Collection")
    if isinstance(form, pikepdf.Dictionary) and "/XFA" in form:
        fields = form.get("/Fields")
        drawn = isinstance(fields, pikepdf.Array) and len(fields) > 0
        if bool(pdf.Root.get("/NeedsRendering")) or not drawn:
            raise refusals.invalid_file("xfa")
    if isinstance(collection, pikepdf.Dictionary) and attached.others and name_of(collection.get("/View")) != "/H":
        raise refusals.invalid_file("portfolio")


def strip(pdf: "pikepdf.Pdf") -> None:
    """Remove everything active or embedded from every object."""
    import pikepdf

    for root in pdf.objects:
        for node in _dictionaries(root):
            for key in (*_ACTIVE_KEYS, *_EMBEDDED_KEYS):
                if key in node:
                    del node[key]
            if name_of(node.get("/S")) in _ACTIVE_ACTIONS:
                del node["/S"]
    action = pdf.Root.get("/OpenAction")
    if isinstance(action, pikepdf.Dictionary):
        del pdf.Root["/OpenAction"]


def _dictionaries(root: Any) -> Iterator[Any]:
    """Each dictionary that lies directly in an object, however deep; references are objects of their own."""
    import pikepdf

    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, pikepdf.Stream):
            node = node.stream_dict
        if isinstance(node, pikepdf.Dictionary):
            yield node
            children = [node[key] for key in node.keys()]  # noqa: SIM118 - iterating the object itself is deprecated
        elif isinstance(node, pikepdf.Array):
            children = [node[at] for at in range(len(node))]
        else:
            continue
        waiting += [child for child in children if child is not None and not child.is_indirect]
