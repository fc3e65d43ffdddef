"""The floor: google-genai alone, as a script would use it, with the question that the service asks.

The SDK builds its own HTTP client and reads the answer in its own way. Nothing of ours runs but the constants of the
question. ``python -m bench.service.floor FOLDER URL``.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from bench.documents import Template
from bench.service import callers
from bench.service.callers import Order, Timing

MODEL = "gemini-3.5-flash-lite"


def asker(base_url: str, *, mime_type: str = "application/pdf", pages: int = 1) -> Callable[[bytes], None]:
    """A function that asks about one document and reads the JSON of the answer."""
    from google import genai
    from google.genai import types

    from shared_code.extraction.answer.prompt import SYSTEM, build_prompt
    from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA
    from shared_code.metering.estimates import output_cap

    client = genai.Client(api_key="bench-key", http_options=types.HttpOptions(base_url=base_url))
    prompt = build_prompt(page_count=pages)
    config = types.GenerateContentConfig(
        system_instruction=SYSTEM,
        max_output_tokens=output_cap(pages, thoughts_tokens=128),
        response_mime_type="application/json",
        response_json_schema=dict(WIRE_SCHEMA),
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.MINIMAL),
    )

    def ask(data: bytes) -> None:
        parts = [types.Part.from_bytes(data=data, mime_type=mime_type), types.Part.from_text(text=prompt)]
        contents = [types.Content(role="user", parts=parts)]
        answer = client.models.generate_content(model=MODEL, contents=contents, config=config)
        assert json.loads(answer.text)["invoices"]

    return ask


def main() -> None:
    folder, url = Path(sys.argv[1]), sys.argv[2]
    runs: dict[str, callers.Run] = {}

    def run(template: Template, order: Order) -> Timing:
        if template.kind not in runs:
            pages = 20 if template.kind == "pages20" else 1
            runs[template.kind] = callers.in_threads(asker(url, mime_type=template.mime_type, pages=pages))
        return runs[template.kind](template, order)

    callers.serve(folder, run)


if __name__ == "__main__":
    main()
