"""Gemini as the table of vendors holds it."""

from shared_code.providers.gemini.client import GeminiProvider
from shared_code.providers.gemini.models import MODELS
from shared_code.providers.vendors import Vendor
from shared_code.records import Provider

VENDOR = Vendor(
    provider=Provider.GEMINI,
    price_id="google",
    models=MODELS,
    configured=lambda settings: (settings.gemini_model, settings.gemini_fallback_model),
    build=lambda settings: GeminiProvider(settings.gemini_base_url, api_version=settings.gemini_api_version),
)
