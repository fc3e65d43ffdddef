"""What a model call is booked at: its price, its bound when nobody learned its cost, and what a miss teaches.

Prices are those that held at the moment of the call, from the package genai-prices, which carries them: nothing is
fetched. A model without a price costs None, never 0, and is warned about once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import TYPE_CHECKING

from shared_code.metering.bookable import MOST_TOKENS, bookable, tell
from shared_code.metering.estimates import ESTIMATE_MISS, SafetyFactors
from shared_code.observability.telemetry import telemetry
from shared_code.operations.alerts import raise_alert
from shared_code.providers.vendors import plain_name, vendor_of
from shared_code.records import Alert, Provider, Reservation, Usage, UsageKind, UsageRow
from shared_code.settings import UnmeasuredCalls

if TYPE_CHECKING:
    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: TokenUsageLogs.CostUSD keeps eight decimals
_STEP = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class CallCosts:
    """Values the calls of runs. One for the process; safe for many threads.

    :ivar unmeasured: what a call without a usage report is booked at.
    :ivar clock: the moment (aware, UTC) that decides the price.
    """

    database: "Database"
    factors: SafetyFactors
    unmeasured: UnmeasuredCalls
    clock: Callable[[], datetime]

    def row(
        self, reservation: Reservation, usage: Usage, *, outcome: str, model: str | None, duration_ms: int
    ) -> UsageRow:
        """The usage row of a billed call, with its price; one that named no cost gets the bound by the setting.

        A report of usage that cannot be booked as it is gets corrected, and operators are told.
        """
        reported = reservation.usage_row(usage, outcome=outcome, model=model, duration_ms=duration_ms)
        made = bookable(reported)
        row = made.row
        # No call costs nothing: a report of 0 says as little as none.
        if not row.usage.billable_tokens:
            bound = reservation.bound_tokens if self.unmeasured is UnmeasuredCalls.BOOK else None
            row = replace(row, kind=UsageKind.UNMEASURED, usage=Usage(total_tokens=bound))
        price = cost_usd(row.usage, provider=reservation.provider, model=row.model or "", when=self.clock())
        row = replace(row, cost_usd=price)
        if made.corrections:
            tell(self.database, replace(made, row=row), reported)
        return row

    def note(self, reservation: Reservation, row: UsageRow) -> None:
        """Measure the call, and learn from one that cost more than was reserved. Never raises."""
        tokens = row.usage.billable_tokens or 0
        split = {"company": row.identity.caller.company_id, "model": row.model or ""}
        telemetry().metric("model_tokens", tokens, outcome=row.outcome, **split)
        if row.cost_usd is not None:
            telemetry().metric("cost_usd", float(row.cost_usd), **split)
        # Nothing is learned from a count that was beyond the books: no call can have cost so much.
        if reservation.bound_tokens < tokens < MOST_TOKENS:
            self._missed(reservation, tokens)

    def _missed(self, reservation: Reservation, actual: int) -> None:
        factor = self.factors.missed(reservation.model, bound=reservation.bound_tokens, actual=actual)
        raise_alert(
            self.database,
            Alert(
                kind=ESTIMATE_MISS,
                subject=reservation.model,
                severity="warning",
                message=f"A call of {reservation.model} cost {actual} tokens with {reservation.bound_tokens} reserved; "
                f"its estimates are now multiplied by {factor:.2f}.",
                details={"bound": reservation.bound_tokens, "actual": actual, "factor": factor},
            ),
        )


def load_prices() -> None:
    """Import the price list, which takes a tenth of a second, before a call is waited for."""
    import genai_prices.data  # noqa: F401 - loaded for its effect


def cost_usd(usage: Usage, *, provider: Provider, model: str | None, when: datetime) -> Decimal | None:
    """Price one call.

    :param model: the version that answered, as the provider names it.
    :param when: moment of the call; naive is UTC.
    :returns: dollars with eight decimals, or None when usage, model or price is unknown.
    """
    if not model or usage.input_tokens is None or usage.output_tokens is None:
        return None
    import genai_prices

    # The package refuses more cached than input tokens; a vendor that reports so is wrong about the cache.
    cached = min(usage.cached_tokens or 0, usage.input_tokens)
    moment = when if when.tzinfo else when.replace(tzinfo=UTC)
    try:
        price = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=usage.input_tokens, cache_read_tokens=cached, output_tokens=usage.output_tokens
            ),
            model_ref=plain_name(model),
            provider_id=vendor_of(provider).price_id,
            genai_request_timestamp=moment,
        )
    except (LookupError, ValueError):
        _warn_once(provider, plain_name(model))
        return None
    return Decimal(price.total_price).quantize(_STEP, ROUND_HALF_UP)


@cache
def _warn_once(provider: Provider, model: str) -> None:
    _log.warning("No price is known for model %s of %s; its calls are booked without a cost.", model, provider)
