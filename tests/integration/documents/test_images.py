import io
import zlib

import pytest
from PIL import Image, PngImagePlugin

from shared_code import errors
from shared_code.documents.document import Document, page_images, page_texts
from shared_code.documents.file_type import Kind
from tests.unit.documents.files import invoice, picture


def opened(document: Document, at: int = 0) -> Image.Image:
    with Image.open(io.BytesIO(document.media[at].data)) as image:
        image.load()
        return image


def reason(caught: pytest.ExceptionInfo[errors.ServiceError]) -> str:
    return caught.value.details["reason"]


@pytest.mark.parametrize("name", ["nasty-png-renamed.pdf", "syn-gst-intra-scan.jpg"])
def test_small_upright_images_are_sent_as_they_are(open_file, name):
    data = invoice(name)
    document = open_file(data)
    assert document.kind is Kind.IMAGE
    assert document.media[0].data is data
    assert document.media[0].mime_type == document.mime_type
    assert document.page_count == 1


def test_a_wrong_name_is_remarked_and_no_more(open_file):
    (finding,) = open_file(invoice("nasty-png-renamed.pdf"), file_name="scan.pdf").findings
    assert (finding.code, finding.found, finding.review) == ("type_mismatch", "image/png", False)


def test_a_photo_taken_sideways_is_turned(open_file):
    data = invoice("img-exif-rotated.jpg")
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[0x0112] == 6
        width, height = image.size
    document = open_file(data)
    assert document.image_sizes == ((height, width),)
    assert opened(document).size == (height, width)
    assert opened(document).getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(open_file, orientation):
    from PIL import ImageOps

    image = Image.new("RGB", (64, 32), "white")
    image.paste((255, 0, 0), (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif, quality=95)
    with Image.open(io.BytesIO(buffer.getvalue())) as original:
        expected = ImageOps.exif_transpose(original)
    seen = opened(open_file(buffer.getvalue()))
    assert seen.size == expected.size
    for x in (4, seen.width - 5):
        for y in (4, seen.height - 5):
            assert seen.getpixel((x, y)) == pytest.approx(expected.getpixel((x, y)), abs=12)


def test_large_photos_shrink_to_what_a_model_uses(open_file):
    data = picture("RGB", (4000, 3000), "JPEG")
    document = open_file(data)
    assert document.image_sizes == ((2048, 1536),)
    assert (document.media[0].mime_type, opened(document).size) == ("image/jpeg", (2048, 1536))


def test_heic_is_decoded(open_file):
    document = open_file(invoice("img-photo.heic"))
    assert document.mime_type == "image/heic"
    assert document.media[0].mime_type == "image/jpeg"
    assert opened(document).size == document.image_sizes[0]


def test_every_frame_of_a_tiff_is_a_page(open_file):
    document = open_file(invoice("img-multipage.tiff"))
    assert document.page_count == 2
    assert [part.mime_type for part in document.media] == ["image/jpeg", "image/jpeg"]
    with pytest.raises(errors.TooManyPages) as caught:
        open_file(invoice("img-multipage.tiff"), max_pages=1)
    assert caught.value.details == {"field": "file", "reason": "too_many_pages", "limit": 1, "actual": 2}


@pytest.mark.parametrize(
    ("mode", "file_format", "colour", "seen"),
    [
        ("CMYK", "JPEG", (0, 0, 0, 0), (255, 255, 255)),
        ("1", "PNG", 1, 255),
        ("1", "TIFF", 1, 255),
        ("LA", "PNG", (0, 0), (255, 255, 255)),
        ("RGBA", "PNG", (0, 0, 0, 0), (255, 255, 255)),
        ("RGBA", "WEBP", (0, 0, 0, 0), (255, 255, 255)),
        ("CMYK", "TIFF", (0, 0, 0, 255), (0, 0, 0)),
    ],
)
def test_unusual_pixels_become_what_a_person_sees(open_file, mode, file_format, colour, seen):
    document = open_file(picture(mode, (40, 30), file_format, colour))
    image = opened(document)
    assert image.mode in {"RGB", "L"}
    assert image.getpixel((5, 5)) == pytest.approx(seen, abs=3)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bits_keep_their_contrast(open_file, file_format):
    image = Image.new("I;16", (20, 20))
    for x in range(20):
        for y in range(20):
            image.putpixel((x, y), 60_000 if x > 9 else 30_000)
    buffer = io.BytesIO()
    image.save(buffer, file_format)
    seen = opened(open_file(buffer.getvalue()))
    assert seen.mode == "L"
    assert seen.getpixel((1, 10)) < 20
    assert seen.getpixel((18, 10)) > 235


def test_opaque_images_with_an_alpha_channel_are_left_alone(open_file):
    data = picture("RGBA", (40, 30), "PNG", (9, 9, 9, 255))
    assert open_file(data).media[0].data is data


def test_too_many_pixels_are_refused_by_the_header(open_file):
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(invoice("nasty-bomb-20000x20000.png"))
    assert reason(caught) == "image_too_large"
    assert caught.value.details["limit"] == 40_000_000


@pytest.mark.parametrize(("width", "height"), [(65_500, 65_500), (7_000, 7_000), (10**9, 10**9)])
def test_a_header_that_only_claims_is_enough(open_file, width, height):
    header = width.to_bytes(4) + height.to_bytes(4) + b"\x01\x00\x00\x00\x00"
    chunk = b"\x00\x00\x00\x0dIHDR" + header + zlib.crc32(b"IHDR" + header).to_bytes(4)
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(b"\x89PNG\r\n\x1a\n" + chunk)
    assert reason(caught) in {"image_too_large", "corrupt"}


@pytest.mark.parametrize(
    ("mode", "file_format"), [("RGBA", "PNG"), ("RGB", "JPEG"), ("CMYK", "TIFF"), ("I;16", "PNG"), ("LA", "PNG")]
)
def test_forty_megapixels_are_read_within_the_memory_limit(open_file, sandbox, mode, file_format):
    options = {"compress_level": 1} if file_format == "PNG" else {}
    data = picture(
        mode, (8_000, 5_000), file_format, **options, **({"compression": "tiff_lzw"} if file_format == "TIFF" else {})
    )
    assert open_file(data).image_sizes == ((2048, 1280),)
    assert sandbox.run("sleep", (), seconds=0).peak_mb < 512


@pytest.mark.parametrize("name", ["az-britain.png", "syn-gst-intra-scan.jpg", "img-multipage.tiff", "img-photo.heic"])
def test_damaged_images_are_refused(open_file, name):
    data = invoice(name)
    with pytest.raises(errors.InvalidFile) as caught:
        open_file(data[: len(data) * 6 // 10])
    assert reason(caught) == "corrupt"
    assert caught.value.message == "Failed to process invoice: the file is damaged and could not be read."


def test_only_the_first_picture_of_an_animation_is_sent(open_file):
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    document = open_file(buffer.getvalue())
    assert document.page_count == 1
    assert opened(document).getpixel((3, 3)) == pytest.approx((255, 0, 0), abs=10)


def test_images_have_no_text_and_are_their_own_pages(open_file, sandbox):
    document = open_file(invoice("syn-gst-intra-scan.jpg"))
    texts = page_texts(document)
    assert texts.pages == ("",)
    assert page_images(document) == document.media
    (small,) = page_images(document, longest_side=500, sandbox=sandbox)
    with Image.open(io.BytesIO(small.data)) as image:
        assert max(image.size) == 500


def animated(file_format: str) -> bytes:
    frames = [Image.radial_gradient("L").resize((60, 40)).rotate(turn) for turn in (0, 90, 45)]
    buffer = io.BytesIO()
    frames[0].save(buffer, file_format, save_all=True, append_images=frames[1:], duration=100)
    return buffer.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_of_an_animated_picture_the_first_one_is_read_and_the_answer_says_so(open_file, file_format):
    document = open_file(animated(file_format))
    (finding,) = document.findings
    assert (finding.code, finding.found, finding.review) == ("first_picture_only", "3", False)
    assert "only the first one was read" in finding.message
    assert document.page_count == 1
    assert document.media[0].mime_type == "image/jpeg"


@pytest.mark.parametrize(
    ("size", "file_format"),
    [((40_000_000, 1), "PNG"), ((1, 40_000_000), "PNG"), ((40_000_000, 1), "TIFF"), ((10_000, 100), "TIFF")],
)
def test_a_picture_too_narrow_for_any_text_is_refused(open_file, size, file_format):
    with pytest.raises(errors.InvalidFile, match="narrow") as caught:
        open_file(picture("1", size, file_format))
    assert reason(caught) == "too_narrow"


def test_a_long_receipt_is_not_too_narrow(open_file):
    assert open_file(picture("L", (300, 9_000), "PNG")).image_sizes == ((68, 2_048),)


@pytest.mark.parametrize("aside", ["zTXt", "iTXt", "iCCP"])
def test_a_png_with_a_large_text_or_profile_is_read_without_it(open_file, aside):
    image, info = Image.radial_gradient("L").convert("RGB"), PngImagePlugin.PngInfo()
    if aside != "iCCP":
        (info.add_itxt if aside == "iTXt" else info.add_text)("Comment", "x" * 5_000_000, zip=True)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info, icc_profile=b"\0" * 5_000_000 if aside == "iCCP" else None)
    document = open_file(buffer.getvalue())
    assert document.media[0].mime_type == "image/jpeg"
    assert opened(document).size == image.size
    assert opened(document).getpixel((128, 10)) == pytest.approx(image.getpixel((128, 10)), abs=12)


@pytest.mark.parametrize(
    ("mode", "file_format", "colour", "blank"),
    [
        ("RGB", "PNG", (255, 255, 255), True),
        ("1", "TIFF", 1, True),
        ("RGBA", "PNG", (0, 0, 0, 0), True),
        ("L", "JPEG", 250, True),
    ],
)
def test_pictures_of_one_colour_are_blank(open_file, mode, file_format, colour, blank):
    assert open_file(picture(mode, (400, 300), file_format, colour)).blank is blank


def test_a_picture_with_one_small_mark_is_not_blank(open_file):
    image = Image.new("RGB", (1_000, 1_400), "white")
    image.paste((200, 255, 255), (500, 700, 506, 706))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert not open_file(buffer.getvalue()).blank
