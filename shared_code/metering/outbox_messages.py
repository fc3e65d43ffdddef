"""Messages of the outbox queue as text, and which of them belong to one document. Pure functions, without I/O."""

import base64
import binascii
import hashlib
from contextlib import suppress

from shared_code.errors import InternalError
from shared_code.metering.booking import Booking


def encoded(text: str) -> str:
    """A text as it is sent."""
    return base64.b64encode(text.encode()).decode()


def text_of(content: str) -> str:
    """What was sent, given a message's content."""
    # Ours are base64; a tool may put text into the queue as it is.
    with suppress(binascii.Error, ValueError):
        return base64.b64decode(content, validate=True).decode()
    return content


def label_of(content: str) -> str:
    """The same for the same text, in whichever queue it is; tells nothing of it."""
    return f"message {hashlib.sha256(content.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def booking_in(content: str) -> Booking | None:
    """What a message holds; None when it is no booking that this version can read."""
    with suppress(InternalError):
        return Booking.from_text(text_of(content))
    return None


def is_of(company_id: str, sha256: str, booking: Booking) -> bool:
    """Whether a booking is one of this document of this company."""
    identity = booking.reservation.identity
    return (identity.caller.company_id, identity.document_sha256) == (company_id, sha256)
