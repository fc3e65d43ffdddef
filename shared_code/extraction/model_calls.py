"""The model calls of one run: which key and model, what to do after a failure, and what each call cost.

A run holds at most one open reservation. Every call that may have been billed ends its reservation by a booking; a
call that cost nothing keeps it for the next try. Retries of the same key, waits and the fallback model share one
retry policy; a key that the provider refused is simply replaced, which is no retry.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared_code import errors
from shared_code.database.stores.extractions import Claim, ClaimRequest
from shared_code.extraction.context import Question, Run, Tools
from shared_code.extraction.failover import Place, first_that_serves, out_of_keys, public_error
from shared_code.metering.booking import Booking, usage_row
from shared_code.observability.telemetry import telemetry
from shared_code.providers.base import Billing, ModelAnswer, ModelCallFailed, Next
from shared_code.records import ApiKey, Order, Provider, Reservation, Usage, UsageKind

if TYPE_CHECKING:
    from shared_code.retry_policy import RetryPolicy

_log = logging.getLogger(__name__)

#: a call is not started with less time than this, in seconds
_LEAST_CALL_SECONDS = 2.0


class ModelCalls:
    """One run's conversation with the models. ``booked`` holds the usage of every call so far."""

    def __init__(self, tools: Tools, run: Run, *, keys: Callable[[], Sequence[ApiKey]], policy: "RetryPolicy") -> None:
        self._tools = tools
        self._run = run
        self._keys = keys
        self._policy = policy
        self._attempt = 0
        #: calls beside the first one; a refused key that is replaced is none
        self._retries = 0
        self._call_ms = 0
        #: milliseconds that models took, failed calls included
        self.model_ms = 0
        self._place: Place | None = None
        self._key: ApiKey | None = None
        self.reservation: Reservation | None = None
        self._billed: tuple[ModelAnswer, Reservation] | None = None
        self.booked: list[Usage] = []
        self.costs: list[Any] = []

    @property
    def place(self) -> tuple[Provider, str]:
        """Provider and model of the open reservation."""
        if self._place is None:
            raise errors.InternalError("No call is open")
        return self._place.provider, self._place.model

    def open(
        self, question: Question, claim: ClaimRequest, *, taken_over: Claim | None = None, force: bool = False
    ) -> None:
        """Claim the document and reserve the first call, at another provider when the first one has no key for it.

        Raises as :meth:`Ledger.open`.
        """

        def reserve(place: Place) -> None:
            self.reservation, self._key = self._tools.ledger.open(
                self._order(question, place),
                lambda: self._candidates(place),
                time_zone=self._run.time_zone,
                claim=claim,
                taken_over=taken_over,
                force=force,
            )
            self._selected(place)

        first = Place(Provider(claim.provider), claim.model)
        refused = first_that_serves(first.with_other_providers(question.models), reserve)
        if refused is not None:
            raise refused

    def ask(self, question: Question) -> ModelAnswer:
        """Get an answer that was billed, usable or not; its reservation stays open for :meth:`settle` or :meth:`close`.

        Raises a public :class:`errors.ServiceError` when no key and no model gives one.
        """
        if self.reservation is None:
            self._reserve(question, self._current())
        while True:
            place, started = self._current(), self._tools.clock()
            try:
                answer = self._call(question, place)
            except ModelCallFailed as failure:
                failed = failure
            else:
                self._billed = answer, self._open_reservation()
                return answer
            finally:
                self._call_ms = int((self._tools.clock() - started) * 1000)
                self.model_ms += self._call_ms
            self._after_failure(question, place, failed)

    def settle(self, answer: ModelAnswer, *, outcome: str, **finishing: Any) -> None:
        """Book a billed answer and end its reservation. ``finishing`` goes to :meth:`Ledger.book`."""
        usage = answer.usage
        kind = UsageKind.USAGE
        if not usage.measured:
            kind, usage = UsageKind.UNMEASURED, self._unmeasured()
        self._book(usage, kind=kind, outcome=outcome, model=answer.model_version, **finishing)
        self._billed = None

    def close(self, claim_key: str) -> None:
        """End a run that failed: what it holds is given back, but an answer that nobody settled was billed."""
        try:
            if self._billed is not None:
                answer, self.reservation = self._billed
                self.settle(answer, outcome="failed")
        finally:
            self._tools.ledger.abandon(self.reservation, claim_key, self._run.call_id)

    def _call(self, question: Question, place: Place) -> ModelAnswer:
        reservation, key = self._open_reservation(), self._key
        left = self._run.deadline - self._tools.clock()
        if key is None or left < _LEAST_CALL_SECONDS:
            raise errors.ProviderTimeout
        cap = reservation.bound_tokens - question.input_bound(place.model)
        with telemetry().dependency(place.model, kind="provider", target=place.provider.value):
            return self._tools.providers[place.provider].generate(
                question.build(place.model, cap),
                api_key=key.secret,
                timeout_seconds=min(self._tools.model_timeout_seconds, left),
            )

    def _after_failure(self, question: Question, place: Place, failure: ModelCallFailed) -> None:
        """Note the failure and prepare the next call, or raise what the user sees."""
        key = self._key
        self._note(failure, key)
        if key is not None:
            self._tools.key_effects.apply(key, failure)
        if failure.billing is Billing.UNKNOWN:
            self._book_unmeasured(failure)
        if failure.next_step is Next.FAIL:
            raise public_error(failure) from failure
        if failure.next_step is Next.OTHER_KEY:
            place.spent.add(key.token_id if key else None)
            places = place.with_other_providers(question.models)
            refused = first_that_serves(places, lambda other: self._reserve(question, other))
            if refused is not None:
                self._wait_for_key(question, place, failure, refused)
        elif failure.next_step is Next.OTHER_MODEL or not self._same_key(question, place, failure):
            self._other_model(question, place, failure)

    def _same_key(self, question: Question, place: Place, failure: ModelCallFailed) -> bool:
        """Pause and keep the key; False when its tries are used up."""
        place.same_key_tries += 1
        pause = self._policy.delay_before(self._retries + 1, failure, same_key_failures=place.same_key_tries)
        if pause is None or self._tools.clock() + pause + _LEAST_CALL_SECONDS > self._run.deadline:
            return False
        self._retries += 1
        self._tools.sleep(pause)
        if self.reservation is None:
            self._reserve(question, place)
        return True

    def _wait_for_key(
        self, question: Question, place: Place, failure: ModelCallFailed, refused: errors.ServiceError
    ) -> None:
        """Wait for the first key that cools down, if the deadline allows; keys that are out stay out."""
        effects = self._tools.key_effects
        cooling = effects.cooling([key for key in self._keys() if key.provider is place.provider])
        pause = effects.seconds_until_free(cooling)
        patient = self._policy.delay_before(self._retries + 1, failure) is not None
        if pause is None or not patient or self._tools.clock() + pause + _LEAST_CALL_SECONDS > self._run.deadline:
            raise out_of_keys(failure, refused, free_in=pause) from failure
        self._retries += 1
        self._tools.sleep(pause)
        place.spent -= {key.token_id for key in cooling}
        self._reserve(question, place)

    def _other_model(self, question: Question, place: Place, failure: ModelCallFailed) -> None:
        """Go on with the next model of the provider, or raise what the user sees."""
        names = list(question.models.get(place.provider, ()))
        following = names[names.index(place.model) + 1 :] if place.model in names else []
        if not following or self._tools.clock() + _LEAST_CALL_SECONDS > self._run.deadline:
            raise public_error(failure) from failure
        self._retries += 1
        _log.warning("model %s fails (%s); going on with %s", place.model, failure.reason, following[0])
        self._reserve(question, replace(place, model=following[0], same_key_tries=0))

    def _reserve(self, question: Question, place: Place) -> None:
        """Reserve for the next call; an open reservation is given back in the same transaction."""
        self.reservation, self._key = self._tools.ledger.reserve_again(
            self._order(question, place),
            lambda: self._candidates(place),
            time_zone=self._run.time_zone,
            instead_of=self.reservation,
        )
        self._selected(place)

    def _selected(self, place: Place) -> None:
        self._place = place
        token = self._key.token_id if self._key else None
        _log.info("Token %s selected for company %s, model %s", token, self._run.caller.company_id, place.model)

    def _candidates(self, place: Place) -> list[ApiKey]:
        keys = [key for key in self._keys() if key.provider is place.provider and key.token_id not in place.spent]
        if not keys:
            raise errors.TokenUnavailable
        return keys

    def _order(self, question: Question, place: Place) -> Order:
        self._attempt += 1
        return Order(
            call_id=self._run.call_id,
            attempt=self._attempt,
            caller=self._run.caller,
            model=place.model,
            source=self._run.source,
            input_bound=question.input_bound(place.model),
            output_cap=question.output_cap(place.model),
            output_floor=question.output_floor,
            lease_seconds=self._run.lease_seconds,
            request_id=self._run.request_id,
            document_sha256=self._run.document_sha256,
        )

    def _book_unmeasured(self, failure: ModelCallFailed) -> None:
        """A call that may have been billed ends its reservation; what becomes of the bound is a setting."""
        self._book(
            self._unmeasured(),
            kind=UsageKind.UNMEASURED,
            outcome=failure.reason,
            model=None,
        )
        self._tools.key_effects.unmeasured(self._current().model, failure.reason)

    def _unmeasured(self) -> Usage:
        return Usage(total_tokens=self._tools.unmeasured_tokens(self._open_reservation()))

    def _book(self, usage: Usage, *, kind: UsageKind, outcome: str, model: str | None, **finishing: Any) -> None:
        # From here on nobody gives it back: should the booking fail, its lease books the bound.
        reservation, self.reservation = self._open_reservation(), None
        tokens = usage.billable_tokens or 0
        cost = self._tools.cost(usage, provider=reservation.provider, model=model or reservation.model)
        row = usage_row(
            reservation, usage, outcome=outcome, kind=kind, model=model, cost_usd=cost, duration_ms=self._call_ms
        )
        claim_key = finishing.pop("claim_key", None)
        telemetry().metric("model_tokens", tokens, model=row.model or "", outcome=outcome)
        if cost is not None:
            telemetry().metric("cost_usd", float(cost), model=row.model or "")
        self.booked.append(usage)
        self.costs.append(cost)
        if tokens > reservation.bound_tokens:
            self._tools.missed(reservation, tokens)
        self._tools.ledger.book(
            Booking(reservation, row, claim_key), budget_seconds=self._tools.booking_seconds, **finishing
        )

    def _note(self, failure: ModelCallFailed, key: ApiKey | None) -> None:
        attempt = self._policy.record(
            failure,
            token_id=key.token_id if key else None,
            company_id=self._run.caller.company_id,
            call_id=self._run.call_id,
            request_id=self._run.request_id,
        )
        telemetry().metric("failed_attempts", 1, reason=failure.reason)
        self._tools.key_effects.note_attempt(attempt)

    def _current(self) -> Place:
        if self._place is None:
            raise errors.InternalError("No call is open")
        return self._place

    def _open_reservation(self) -> Reservation:
        if self.reservation is None:
            raise errors.InternalError("No reservation is open")
        return self.reservation
