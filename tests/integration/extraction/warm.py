"""Loaded once into the fork server of the workers: what each of them would otherwise load at its first call.

A fork takes no threads along. The vocabulary's library starts some to load it, and none to count by it.
"""

from datetime import UTC, datetime

from shared_code.extraction.answer.prompt import SYSTEM
from shared_code.metering.call_costs import cost_usd
from shared_code.metering.estimates import TokenCounter
from shared_code.providers.gemini.client import GeminiProvider
from shared_code.records import Provider, Usage

_usage = Usage(input_tokens=1, output_tokens=1)
cost_usd(_usage, provider=Provider.GEMINI, model="gemini-3.5-flash-lite", when=datetime.now(UTC))
_provider = GeminiProvider("http://127.0.0.1:1")
_provider._ready_client()
_provider.close()
TokenCounter().count_tokens(SYSTEM, "gemini-3.5-flash-lite")
