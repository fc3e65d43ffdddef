"""What a call cost in US dollars, by the prices that held at its moment.

Prices are those of genai-prices, which carries them in the package: nothing is fetched. A model without a price costs
None, never 0, and is warned about once.
"""

import logging
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from shared_code.providers.catalog import plain_name
from shared_code.records import Provider, Usage

logger = logging.getLogger(__name__)

_PROVIDER_IDS = {Provider.GEMINI: "google", Provider.OPENAI: "openai"}
#: TokenUsageLogs.CostUSD keeps eight decimals
_STEP = Decimal("0.00000001")


def cost_usd(usage: Usage, *, provider: Provider, model: str | None, when: datetime) -> Decimal | None:
    """Price one call.

    :param model: the version that answered, as the provider names it.
    :param when: moment of the call; naive is UTC.
    :returns: dollars with eight decimals, or None when usage, model or price is unknown.
    """
    if not model or usage.input_tokens is None or usage.output_tokens is None:
        return None
    import genai_prices

    # More cached than read cannot be priced, and a vendor that says so is wrong about the cache.
    cached = min(usage.cached_tokens or 0, usage.input_tokens)
    moment = when if when.tzinfo else when.replace(tzinfo=UTC)
    try:
        price = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=usage.input_tokens, cache_read_tokens=cached, output_tokens=usage.output_tokens
            ),
            model_ref=plain_name(model),
            provider_id=_PROVIDER_IDS[provider],
            genai_request_timestamp=moment,
        )
    except (LookupError, ValueError):
        _warn_once(provider, plain_name(model))
        return None
    return Decimal(price.total_price).quantize(_STEP, ROUND_HALF_UP)


@cache
def _warn_once(provider: Provider, model: str) -> None:
    logger.warning("No price is known for model %s of %s; its calls are booked without a cost.", model, provider)
