"""Which documents wait for a person, as the retention of their copies asks for it."""

import hashlib
import io

from PIL import Image

from shared_code.database.stores.extractions.open_reviews import documents_under_review


def picture() -> bytes:
    """A picture that nobody can read."""
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(stream, "PNG")
    return stream.getvalue()


def test_a_company_has_those_documents_under_review_that_its_readings_leave_to_a_person(pipeline):
    pipeline.add_key()
    unreadable = picture()
    right = pipeline.extract().data
    assert (right["status"], pipeline.extract(unreadable).data["status"]) == ("ok", "needs_review")
    digest = hashlib.sha256(unreadable).hexdigest()
    asked = [right["provenance"]["sha256"], digest, *(f"{number:064d}" for number in range(1000))]
    read = pipeline.services.database.read
    assert read(lambda connection: documents_under_review(connection, "NT047", asked)) == {digest}
    assert read(lambda connection: documents_under_review(connection, "OTHER", asked)) == set()
