"""What both vendors' protocols come down to: a question with files, an error that can be refused with, a reading."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devstack.http_server import Answer
from devstack.models.documents import Attachment, read_attachments
from devstack.models.reading.fill import fill, plain_answer
from devstack.models.reading.invoice import UNREADABLE

#: kind of the error that a request without any key gets
NO_KEY = "no_key"


@dataclass(frozen=True, slots=True)
class Blob:
    """One file or picture of the question."""

    mime_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    :ivar texts: prompt texts in order; ``system`` stands apart.
    :ivar schema: the wire schema, None when plain text was asked for.
    :ivar media_resolution: how closely Gemini is to look, None = as usual.
    """

    model: str
    texts: tuple[str, ...]
    blobs: tuple[Blob, ...]
    system: str
    schema: Mapping[str, Any] | None
    max_output_tokens: int
    media_resolution: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What an error body can mention; ``version`` is the API version in a path of Gemini."""

    api_key: str = field(default="", repr=False)
    model: str = ""
    version: str = "v1beta"
    options: Mapping[str, Any] = field(default_factory=dict)


#: error answers by kind
ErrorTable = Mapping[str, Callable[[Context], Answer]]


class RequestRefused(Exception):
    """The service refuses the request; ``answer`` is what it says."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


def read(question: Question, attachments: Sequence[Attachment], *, blind: bool) -> str:
    """The model's text: the schema of the question filled with what the document really says.

    ``blind`` is the known failure of some models to see pages whose fonts they cannot map: an empty answer, status 200.
    """
    reading = UNREADABLE if blind else read_attachments(tuple(attachments), question.texts)
    if question.schema:
        return json.dumps(fill(question.schema, reading), ensure_ascii=False)
    return plain_answer(reading)
