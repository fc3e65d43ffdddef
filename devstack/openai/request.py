"""What a Responses API request holds, checked where the product could get it wrong."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from devstack.models.questions import Blob, Context, Question, RequestRefused
from devstack.openai.errors import ERRORS, error

_DATA_URL = re.compile(r"data:(?P<mime>[\w.+/-]+);base64,(?P<data>[A-Za-z0-9+/=\s]*)")
_KNOWN = frozenset(
    {"model", "input", "instructions", "text", "max_output_tokens", "reasoning", "store", "temperature", "top_p"}
    | {
        "metadata",
        "parallel_tool_calls",
        "tool_choice",
        "tools",
        "truncation",
        "user",
        "seed",
        "service_tier",
        "stream",
    }
    | {"include", "background", "previous_response_id", "safety_identifier", "prompt_cache_key", "top_logprobs"}
)
_MOST_OUTPUT = 128_000
_LEAST_OUTPUT = 16


def parse_responses(body: bytes) -> Question:
    """Read and check a request body. Raises :class:`RequestRefused` with the service's answer."""
    try:
        data = json.loads(body)
    except ValueError as failure:
        raise RequestRefused(error(400, "We could not parse the JSON body of your request.")) from failure
    if not isinstance(data, dict) or not isinstance(data.get("model"), str):
        raise RequestRefused(error(400, "you must provide a model parameter"))
    for name in data:
        if name not in _KNOWN:
            raise RequestRefused(error(400, f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name))
    texts, blobs = _input(data.get("input"))
    most = data.get("max_output_tokens")
    if most is not None and (not isinstance(most, int) or most < _LEAST_OUTPUT):
        message = (
            f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {_LEAST_OUTPUT}, but got "
            f"{most} instead."
        )
        raise RequestRefused(error(400, message, code="integer_below_min_value", param="max_output_tokens"))
    return Question(
        model=data["model"],
        texts=texts,
        blobs=blobs,
        system=str(data.get("instructions") or ""),
        schema=_schema(data.get("text") or {}),
        max_output_tokens=most or _MOST_OUTPUT,
    )


def _input(value: Any) -> tuple[tuple[str, ...], tuple[Blob, ...]]:
    if isinstance(value, str):
        return (value,), ()
    if not isinstance(value, list) or not value:
        raise RequestRefused(
            error(400, "Missing required parameter: 'input'.", code="missing_required_parameter", param="input")
        )
    texts: list[str] = []
    blobs: list[Blob] = []
    for message in value:
        content = message.get("content")
        for part in [{"type": "input_text", "text": content}] if isinstance(content, str) else content or []:
            kind = part.get("type")
            if kind == "input_text":
                texts.append(str(part.get("text", "")))
            elif kind == "input_file":
                if not part.get("filename"):
                    raise RequestRefused(error(400, "Missing required parameter: 'filename'.", param="input"))
                blobs.append(_blob(str(part.get("file_data", ""))))
            elif kind == "input_image":
                blobs.append(_blob(str(part.get("image_url", ""))))
            else:
                raise RequestRefused(error(400, f"Invalid value: '{kind}'.", code="invalid_value", param="input"))
    return tuple(texts), tuple(blobs)


def _blob(url: str) -> Blob:
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise RequestRefused(ERRORS["bad_mime"](Context()))
    try:
        return Blob(match["mime"], base64.b64decode(match["data"], validate=True))
    except (binascii.Error, ValueError) as failure:
        raise RequestRefused(ERRORS["bad_file"](Context())) from failure


def _schema(text: Mapping[str, Any]) -> Mapping[str, Any] | None:
    form = text.get("format") or {"type": "text"}
    if form.get("type") != "json_schema":
        return None
    schema = form.get("schema")
    if not form.get("name") or not isinstance(schema, dict):
        raise RequestRefused(error(400, "Missing required parameter: 'text.format.name'.", param="text.format.name"))
    if form.get("strict"):
        if schema.get("type") != "object":
            raise _bad_schema("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.")
        _check_strict(schema, ())
    return schema


def _check_strict(schema: Mapping[str, Any], context: tuple[str, ...]) -> None:
    where = f"In context={context!r}, "
    properties = schema.get("properties")
    if properties is not None:
        if schema.get("additionalProperties") is not False:
            raise _bad_schema(f"{where}'additionalProperties' is required to be supplied and to be false.")
        missing = [name for name in properties if name not in schema.get("required", ())]
        if missing:
            raise _bad_schema(
                f"{where}'required' is required to be supplied and to be an array including every key in properties. "
                f"Missing '{missing[0]}'."
            )
        for name, child in properties.items():
            _check_strict(child, (*context, "properties", name))
    elif "object" in schema.get("type", ()):
        raise _bad_schema(f"{where}'additionalProperties' is required to be supplied and to be false.")
    elif not {"type", "anyOf", "$ref", "enum"} & set(schema):
        raise _bad_schema(f"{where}schema must have a 'type' key.")
    if isinstance(schema.get("items"), dict):
        _check_strict(schema["items"], (*context, "items"))


def _bad_schema(why: str) -> RequestRefused:
    return RequestRefused(ERRORS["bad_schema"](Context(options={"why": why})))
