"""OpenAI as the table of vendors holds it."""

from shared_code.providers.openai.client import OpenAIProvider
from shared_code.providers.openai.models import MODELS
from shared_code.providers.vendors import Vendor
from shared_code.records import Provider

VENDOR = Vendor(
    provider=Provider.OPENAI,
    price_id="openai",
    models=MODELS,
    configured=lambda settings: (settings.openai_model, settings.openai_fallback_model),
    build=lambda settings: OpenAIProvider(settings.openai_base_url),
)
