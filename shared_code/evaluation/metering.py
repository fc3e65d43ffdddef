"""What an evaluation may spend, and what its models answered: seen where the pipeline reserves, asks and books.

The pipeline itself stays as it is. It gets a ledger that asks for money before it reserves tokens, and providers that
keep the text of each answer beside handing it on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal

from shared_code.errors import ServiceError
from shared_code.extraction.service import ExtractionService
from shared_code.metering.booking import Booking
from shared_code.metering.call_costs import cost_usd
from shared_code.metering.finishing import Ended
from shared_code.metering.ledger import Ledger
from shared_code.providers.base import Finish, ModelAnswer, ModelProvider, ModelRequest
from shared_code.providers.vendors import model_info
from shared_code.records import ApiKey, Provider, Reservation, TokenRequest, Usage, UsageRow


class OverSpendingLimit(ServiceError):
    """The next call could cost more than is left of what may be spent."""

    code = "OVER_SPENDING_LIMIT"
    http_status = 429


@dataclass(slots=True)
class Meter:
    """Counts what one document after another costs. For one thread.

    :ivar limit_usd: dollars for all documents together; None = no limit.
    :ivar clock: the moment (aware, UTC) that decides prices.
    :ivar spent_usd: what was booked; a call whose price nobody knows counts with its bound.
    :ivar rows: what was booked for the present document; ``answers`` are the texts that models gave for it.
    :ivar refused: whether a call for the present document was not made, because it did not fit.
    """

    limit_usd: Decimal | None
    clock: Callable[[], datetime]
    spent_usd: Decimal = Decimal(0)
    rows: list[UsageRow] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refused: bool = False

    def begin(self) -> None:
        """Turn to the next document."""
        self.rows, self.answers, self.refused = [], [], False

    def admit(self, request: TokenRequest) -> None:
        """Let a call go on whose bound fits into what is left.

        :raises OverSpendingLimit: it does not, or its price is not known.
        """
        if self.limit_usd is None:
            return
        bound = self.price(request.model, request.input_bound, request.output_cap)
        if bound is None or self.spent_usd + bound > self.limit_usd:
            self.refused = True
            why = "has no known price" if bound is None else f"can cost {bound:.6f} USD"
            left = self.limit_usd - self.spent_usd
            raise OverSpendingLimit(f"The next call of {request.model} {why}; {left:.6f} USD are left.")

    def note(self, row: UsageRow, reservation: Reservation) -> None:
        """Count what a call was booked at."""
        self.rows.append(row)
        if row.cost_usd is not None:
            self.spent_usd += row.cost_usd
        elif row.usage.billable_tokens != 0:
            # The dearest that it can have been: all of the bound as output.
            self.spent_usd += self.price(reservation.model, 0, reservation.bound_tokens) or Decimal(0)

    def price(self, model: str, input_tokens: int, output_tokens: int) -> Decimal | None:
        """Dollars of one call, None when the model's price is not known."""
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        return cost_usd(usage, provider=model_info(model).provider, model=model, when=self.clock())


@dataclass(frozen=True)
class MeteredLedger(Ledger):
    """The ledger, with the meter asked before each reservation and told of each booking."""

    meter: Meter

    def reserve(self, request: TokenRequest, *arguments: object, **options: object) -> tuple[Reservation, ApiKey]:
        """As :meth:`Ledger.reserve`. Raises :class:`OverSpendingLimit` before anything is written."""
        self.meter.admit(request)
        return Ledger.reserve(self, request, *arguments, **options)  # type: ignore[arg-type] # handed on as they are

    def book(self, booking: Booking) -> Ended | None:
        """As :meth:`Ledger.book`."""
        if booking.row is not None:
            self.meter.note(booking.row, booking.reservation)
        return Ledger.book(self, booking)


class ListeningProvider:
    """A provider whose finished answers are kept as well."""

    def __init__(self, inner: ModelProvider, meter: Meter) -> None:
        self.provider = inner.provider
        self.inner = inner
        self.meter = meter

    def prepare(self) -> None:
        """As :meth:`ModelProvider.prepare`."""
        self.inner.prepare()

    def generate(self, request: ModelRequest, *, api_key: str, timeout_seconds: float) -> ModelAnswer:
        """As :meth:`ModelProvider.generate`."""
        answer = self.inner.generate(request, api_key=api_key, timeout_seconds=timeout_seconds)
        if answer.finish is Finish.STOP:
            self.meter.answers.append(answer.text)
        return answer

    def list_models(self, *, api_key: str, timeout_seconds: float) -> list[str]:
        """As :meth:`ModelProvider.list_models`."""
        return self.inner.list_models(api_key=api_key, timeout_seconds=timeout_seconds)

    def close(self) -> None:
        """As :meth:`ModelProvider.close`."""
        self.inner.close()


def metered(service: ExtractionService, meter: Meter) -> ExtractionService:
    """The same pipeline on the same accounts, with every call through the meter."""
    tools = service.call_tools
    ledger = MeteredLedger(**{entry.name: getattr(tools.ledger, entry.name) for entry in fields(Ledger)}, meter=meter)
    providers: Mapping[Provider, ModelProvider] = {
        name: ListeningProvider(provider, meter) for name, provider in tools.providers.items()
    }
    return replace(service, call_tools=replace(tools, ledger=ledger, providers=providers))
