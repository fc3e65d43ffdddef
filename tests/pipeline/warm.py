"""Loaded once into the fork server of the workers: what each of them would otherwise load at its first call.

Nothing that starts threads, which a fork would not take along: the tokenizers are left to the workers.
"""

from datetime import UTC, datetime

from shared_code.providers.gemini.client.client import GeminiProvider

from shared_code.metering.pricing import cost_usd
from shared_code.records import Provider, Usage

_usage = Usage(input_tokens=1, output_tokens=1)
cost_usd(_usage, provider=Provider.GEMINI, model="gemini-3.5-flash-lite", when=datetime.now(UTC))
_provider = GeminiProvider("http://127.0.0.1:1")
_provider._ready_client()
_provider.close()
