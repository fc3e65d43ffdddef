"""What a generateContent request holds, checked as strictly as the service checks it.

The protocol is proto-JSON: names may come in snake_case or camelCase, even mixed in one request, and bytes in either
base64 alphabet.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from devstack.gemini import errors
from devstack.gemini.errors import invalid_argument
from devstack.models.questions import Blob, Question, RequestRefused

_TOP = frozenset(
    [
        "contents",
        "systemInstruction",
        "generationConfig",
        "safetySettings",
        "tools",
        "toolConfig",
        "cachedContent",
        "labels",
        "model",
        "store",
        "serviceTier",
        "continuationToken",
    ]
)
_CONFIG = frozenset(
    [
        "temperature",
        "topP",
        "topK",
        "candidateCount",
        "maxOutputTokens",
        "stopSequences",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "thinkingConfig",
        "mediaResolution",
        "seed",
        "presencePenalty",
        "frequencyPenalty",
        "responseLogprobs",
        "logprobs",
        "responseModalities",
        "speechConfig",
        "audioTimestamp",
        "routingConfig",
        "modelSelectionConfig",
        "enableEnhancedCivicAnswers",
        "imageConfig",
    ]
)
_SCHEMA_NAMES = frozenset({"responseJsonSchema"})
_NO_MINIMAL = re.compile(r"gemini-(?:3\.[78]-flash|3\.1-pro|4-)")
_BUDGET_ONLY = re.compile(r"gemini-2\.5-")
_MOST_OUTPUT = 65_536
_RESOLUTIONS = frozenset({"MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"})


def parse_generate(model: str, body: bytes) -> Question:
    """Read and check a request body. Raises :class:`RequestRefused` with the service's answer."""
    data = _loads(body)
    _refuse_unknown(data, _TOP, "")
    config = data.get("generationConfig") or {}
    _refuse_unknown(config, _CONFIG, " at 'generation_config'")
    contents = data.get("contents")
    if not isinstance(contents, list) or not contents:
        raise RequestRefused(
            invalid_argument("* GenerateContentRequest.contents: contents is not specified\n", field_path="contents")
        )
    texts, blobs = _parts(contents)
    system = data.get("systemInstruction") or {}
    system_texts, _ = _parts([system]) if system else ((), ())
    _check_thinking(model, config.get("thinkingConfig") or {})
    return Question(
        model=model,
        texts=texts,
        blobs=blobs,
        system="\n".join(system_texts),
        schema=_schema(config),
        max_output_tokens=_max_output(config),
        media_resolution=_resolution(config),
    )


def camel_case(value: Any) -> Any:
    """Names in camelCase throughout, but for the names inside schemas, which are the caller's own."""
    if isinstance(value, list):
        return [camel_case(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for name, entry in value.items():
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        if camel == "responseSchema":
            out[camel] = _schema_case(entry)
        else:
            out[camel] = entry if camel in _SCHEMA_NAMES else camel_case(entry)
    return out


def _schema_case(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_schema_case(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    out = {}
    for name, entry in schema.items():
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        if camel == "properties" and isinstance(entry, dict):
            out[camel] = {key: _schema_case(child) for key, child in entry.items()}
        else:
            out[camel] = _schema_case(entry)
    return out


def _loads(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError as error:
        raise RequestRefused(invalid_argument(f"Invalid JSON payload received. {error}")) from error
    if not isinstance(data, dict):
        raise RequestRefused(invalid_argument("Invalid JSON payload received. Root must be an object."))
    return dict(camel_case(data))


def _refuse_unknown(data: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for name in data:
        if name not in known:
            message = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
            raise RequestRefused(invalid_argument(message, field_path=""))


def _parts(contents: list[Any]) -> tuple[tuple[str, ...], tuple[Blob, ...]]:
    texts, blobs = [], []
    for content in contents:
        for part in content.get("parts") or []:
            if "text" in part:
                texts.append(str(part["text"]))
            elif "inlineData" in part:
                blobs.append(_blob(part["inlineData"]))
            elif "fileData" in part:
                message = "You do not have permission to access the File or it may not exist."
                raise RequestRefused(errors.error(403, "PERMISSION_DENIED", message))
            else:
                raise RequestRefused(
                    invalid_argument(
                        "* contents.parts.data: required oneof field 'data' must have one initialized field\n"
                    )
                )
    return tuple(texts), tuple(blobs)


def _blob(inline: Mapping[str, Any]) -> Blob:
    text = str(inline.get("data") or "").translate(str.maketrans("-_", "+/"))
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        message = "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding failed"
        raise RequestRefused(invalid_argument(message)) from error
    return Blob(str(inline.get("mimeType") or "").lower(), data)


def _check_thinking(model: str, thinking: Mapping[str, Any]) -> None:
    level = str(thinking.get("thinkingLevel") or "").upper()
    if level and thinking.get("thinkingBudget") is not None:
        raise RequestRefused(invalid_argument("You can only set only one of thinking budget and thinking level."))
    if level and _BUDGET_ONLY.match(model):
        raise RequestRefused(invalid_argument("Thinking level is not supported for this model."))
    if level == "MINIMAL" and _NO_MINIMAL.match(model):
        message = "Thinking level MINIMAL is not supported for this model. Please retry with other thinking level."
        raise RequestRefused(invalid_argument(message))


def _schema(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    open_api, json_schema = config.get("responseSchema"), config.get("responseJsonSchema")
    if open_api is None and json_schema is None:
        return None
    if open_api is not None and json_schema is not None:
        raise RequestRefused(invalid_argument("response_schema and response_json_schema must not be both set."))
    if config.get("responseMimeType") != "application/json":
        raise RequestRefused(
            invalid_argument("Response schema is only supported with response_mime_type application/json.")
        )
    schema = open_api if open_api is not None else json_schema
    if not isinstance(schema, dict):
        raise RequestRefused(invalid_argument("Invalid value at 'generation_config.response_schema'"))
    _check_schema(schema, "generation_config.response_schema", open_api=open_api is not None, nested=False)
    return schema


def _check_schema(schema: Mapping[str, Any], path: str, *, open_api: bool, nested: bool) -> None:
    if open_api and nested and "additionalProperties" in schema:
        message = (
            f"Invalid JSON payload received. Unknown name \"additional_properties\" at '{path}': Cannot find field."
        )
        raise RequestRefused(invalid_argument(message, field_path=path))
    choices = schema.get("anyOf") or []
    kinds = {str(choice.get("type", "")).lower() for choice in choices} - {"null"}
    if len(kinds) > 1 and "type" not in schema:
        # A Decimal as pydantic writes it: a number or a string, without a type.
        message = f"* {path}.any_of: should be a single type with nullable\n"
        raise RequestRefused(invalid_argument(message, field_path=path))
    children = [*schema.get("properties", {}).items(), *(("items", child) for child in [schema.get("items")] if child)]
    for name, child in [*children, *(("any_of", choice) for choice in choices)]:
        _check_schema(child, f"{path}.{name}", open_api=open_api, nested=True)


def _max_output(config: Mapping[str, Any]) -> int:
    value = config.get("maxOutputTokens")
    if value is None:
        return _MOST_OUTPUT
    if not isinstance(value, int) or not 1 <= value <= _MOST_OUTPUT:
        message = (
            f"Unable to submit request because it has a maxOutputTokens value of {value} but the supported range is "
            f"from 1 (inclusive) to {_MOST_OUTPUT + 1} (exclusive). Update the value and try again."
        )
        raise RequestRefused(invalid_argument(message))
    return value


def _resolution(config: Mapping[str, Any]) -> str | None:
    value = config.get("mediaResolution")
    if value in {None, "MEDIA_RESOLUTION_UNSPECIFIED"}:
        return None
    if value not in _RESOLUTIONS:
        message = f"Invalid value at 'generation_config.media_resolution': \"{value}\""
        raise RequestRefused(invalid_argument(message))
    return str(value)
