"""The documents of the cells, each in as many versions as there are calls: every version is another invoice.

Made from the files that lie in the project, so that nothing has to be kept for the bench. :func:`build` writes one
template per kind; a template makes the document of a number by replacing what is printed, at the same length.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path

from bench import numbered

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "ghana-vat-invoice.pdf"
_E_INVOICE = ROOT / "tests" / "data" / "invoices" / "fx-OK-001.pdf"

#: kind: name in words, media type, file name as uploaded
KINDS = {
    "page": ("one-page PDF", "application/pdf", "invoice.pdf"),
    "pages20": ("20-page PDF", "application/pdf", "long.pdf"),
    "photo": ("photo, 200 KB", "image/jpeg", "photo.jpg"),
    "large": ("PDF of 20 MB", "application/pdf", "large.pdf"),
    "xml": ("XML", "application/xml", "invoice.xml"),
    "pdf_xml": ("PDF with XML", "application/pdf", "hybrid.pdf"),
}

#: in the e-invoice: number as printed, one of the same form that is valid
_VALID_NUMBERS = {b"FR40392809137": b"FR83404833048", b"392809137": b"404833048"}
_PRINTED_NUMBER = b"FA-2026-0001"
_PHOTO_BYTES = 200_000
#: just under the limit of 20 MB
LARGE_BYTES = 19_900_000
_CLOSING = {"application/pdf": (b"\n% ", b"\n"), "application/xml": (b"<!-- ", b" -->"), "image/jpeg": (b"", b"")}


@dataclass(frozen=True)
class Template:
    """A kind of document. ``data`` holds the sample's number and dates wherever a version has its own."""

    kind: str
    data: bytes

    @property
    def mime_type(self) -> str:
        """Media type of the documents."""
        return KINDS[self.kind][1]

    @property
    def file_name(self) -> str:
        """Name under which they are uploaded."""
        return KINDS[self.kind][2]

    def document(self, number: int) -> bytes:
        """The version of this number: its invoice number and date, and the number at its end."""
        before, after = _CLOSING[self.mime_type]
        data = self.data
        if self.mime_type != "image/jpeg":
            dated = numbered.date_of(number)
            data = (
                data.replace(numbered.SAMPLE_NUMBER.encode(), numbered.invoice_number(number).encode())
                .replace(f"{numbered.SAMPLE_DATE:%d/%m/%Y}".encode(), f"{dated:%d/%m/%Y}".encode())
                .replace(f">{numbered.SAMPLE_DATE:%Y%m%d}<".encode(), f">{dated:%Y%m%d}<".encode())
            )
        return b"".join((data, before, numbered.mark(number), after))


def build(folder: Path) -> None:
    """Write the template of each kind into a folder."""
    xml = _xml()
    made = {
        "page": _pdf(),
        "pages20": _pdf(pages=20),
        "photo": _photo(),
        "large": _pdf(size=LARGE_BYTES),
        "xml": _dated(xml),
        # Its page shows the number and the date that the XML has.
        "pdf_xml": _with_xml(xml),
    }
    for kind, data in made.items():
        (folder / kind).write_bytes(data)


def load(folder: Path, kind: str) -> Template:
    """A template that :func:`build` wrote."""
    return Template(kind, (folder / kind).read_bytes())


def sample() -> Template:
    """The one-page PDF without a folder."""
    return Template("page", _pdf())


def _pdf(*, pages: int = 1, size: int = 0) -> bytes:
    """The sample with its page's text uncompressed, repeated, and filled up with pictures to a size."""
    import pikepdf

    with pikepdf.open(SAMPLE) as pdf:
        page = pdf.pages[0]
        page.Contents = pdf.make_stream(page.Contents.read_bytes())
        for _ in range(pages - 1):
            pdf.pages.append(page)
        picture, number = (_noise(), 0) if size else (b"", 0)
        while size and (number + 1) * len(picture) < size:
            number += 1
            stream = pdf.make_stream(
                picture,
                Type=pikepdf.Name.XObject,
                Subtype=pikepdf.Name.Image,
                Width=_NOISE_PIXELS,
                Height=_NOISE_PIXELS,
                ColorSpace=pikepdf.Name.DeviceGray,
                BitsPerComponent=8,
                Filter=pikepdf.Name.DCTDecode,
            )
            name = page.add_resource(stream, pikepdf.Name.XObject)
            page.contents_add(f"q 20 0 0 20 {20 * number} 20 cm {name} Do Q".encode())
        written = io.BytesIO()
        pdf.save(written, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return written.getvalue()


_NOISE_PIXELS = 1000


def _noise() -> bytes:
    """A picture that does not compress."""
    from PIL import Image

    written = io.BytesIO()
    Image.effect_noise((_NOISE_PIXELS, _NOISE_PIXELS), 100).save(written, "JPEG", quality=95)
    return written.getvalue()


def _photo() -> bytes:
    """The sample as a camera would give it: a little noise, and a size that is usual for one page."""
    import pypdfium2
    from PIL import Image

    pdf = pypdfium2.PdfDocument(SAMPLE)
    try:
        page = pdf[0].render(scale=2.3).to_pil().convert("RGB")
    finally:
        pdf.close()
    photo = Image.blend(page, Image.effect_noise(page.size, 60).convert("RGB"), 0.08)
    for quality in range(95, 20, -3):
        written = io.BytesIO()
        photo.save(written, "JPEG", quality=quality)
        if written.tell() <= _PHOTO_BYTES:
            break
    return written.getvalue()


def _xml() -> bytes:
    """The e-invoice of the hybrid sample, with the sample's number, and company numbers with right check digits."""
    import pikepdf

    with pikepdf.open(_E_INVOICE) as pdf:
        xml = next(iter(pdf.attachments.values())).get_file().read_bytes()
    for printed, valid in _VALID_NUMBERS.items():
        xml = xml.replace(printed, valid)
    return xml.replace(_PRINTED_NUMBER, numbered.SAMPLE_NUMBER.encode())


def _dated(xml: bytes) -> bytes:
    """The XML with the sample's date, which each document has its own of."""
    issued = re.compile(rb"(<ram:IssueDateTime>\s*<[^>]*>)\d{8}<")
    return issued.sub(rb"\g<1>%s<" % f"{numbered.SAMPLE_DATE:%Y%m%d}".encode(), xml, count=1)


def _with_xml(xml: bytes) -> bytes:
    """The hybrid sample with this XML and its number on the page, uncompressed."""
    import pikepdf

    with pikepdf.open(_E_INVOICE) as pdf:
        page = pdf.pages[0]
        printed = page.Contents.read_bytes().replace(_PRINTED_NUMBER, numbered.SAMPLE_NUMBER.encode())
        page.Contents = pdf.make_stream(printed)
        embedded = next(iter(pdf.attachments.values())).obj.EF
        for key in list(embedded.keys()):
            embedded[key].write(xml)
        written = io.BytesIO()
        pdf.save(written, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return written.getvalue()
