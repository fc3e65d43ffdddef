"""Documents for the tests: the shared set, and small files built for one purpose."""

import functools
import io
import zlib
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "data" / "invoices"
MEGABYTE = 1_048_576


def invoice(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d %s>>stream\n" % (len(data), entries) + data + b"\nendstream"


def flate(data: bytes, entries: bytes = b"") -> bytes:
    return stream(zlib.compress(data, 9), b"/Filter/FlateDecode " + entries)


def build_pdf(objects: dict[int, bytes], *, header: bytes = b"%PDF-1.7\n") -> bytes:
    """A PDF of these objects with a sound cross-reference table; object 1 is the catalogue."""
    out, offsets = header, {}
    for number, body in objects.items():
        offsets[number] = len(out)
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    out += b"".join(b"%010d 00000 n \n" % offsets[number] for number in range(1, size))
    return out + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def page_pdf(
    content: bytes, *, page: bytes = b"", resources: bytes = b"", extra: dict[int, bytes] | None = None
) -> bytes:
    """One page with this content stream and Helvetica as /F1."""
    return build_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            3: b"<</Type/Page/Parent 2 0 R " + (page or b"/MediaBox[0 0 595 842]") + b"/Contents 4 0 R"
            b"/Resources<</Font<</F1 5 0 R>>" + resources + b">>>>",
            4: content if b"stream\n" in content else stream(content),
            5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            **(extra or {}),
        }
    )


def endless_lengths(count: int) -> bytes:
    """Each stream's length is said to be in the next stream: a parser follows them one inside the other."""
    return build_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
            **{number: b"<</Length %d 0 R>>stream\n\nendstream" % (number + 1) for number in range(4, count)},
            count: b"0",
        }
    )


@functools.cache
def spaces(size: int) -> bytes:
    """``size`` bytes of blanks, deflated: one packed megabyte again and again."""
    megabyte = b" " * MEGABYTE
    engine = zlib.compressobj(9, wbits=-15)
    block = engine.compress(megabyte) + engine.flush(zlib.Z_FULL_FLUSH)
    check = 1
    for _ in range(size // MEGABYTE):
        check = zlib.adler32(megabyte, check)
    return b"x\xda" + block * (size // MEGABYTE) + b"\x03\x00" + check.to_bytes(4)


def picture(mode: str, size: tuple[int, int], file_format: str, colour=None, **options) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    image = Image.new(mode, size) if colour is None else Image.new(mode, size, colour)
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
