"""The model calls of one run: which key and model, what to do after a failure, and what each call cost.

A run holds at most one open reservation. Every call that may have been billed ends its reservation by a booking; a
call that cost nothing keeps it for the next try. Retries of the same key, waits and the fallback model share one
retry policy; a key that the provider refused is simply replaced, which is no retry.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from shared_code import errors
from shared_code.database.stores.extractions.readings import Finished
from shared_code.documents.sandbox.turns import waiting
from shared_code.extraction.call_plan import CallPlan, Place, mark_of
from shared_code.extraction.call_reservation import CallReservation
from shared_code.extraction.failover import out_of_keys, public_error
from shared_code.extraction.key_effects import KeyEffects
from shared_code.extraction.submission import ExtractionContext
from shared_code.metering.booking import Booking
from shared_code.metering.call_costs import CallCosts
from shared_code.metering.finishing import Ended, Failed
from shared_code.metering.keys import RunKeys
from shared_code.metering.ledger import Claiming, Ledger
from shared_code.metering.usage_text import format_run_usage
from shared_code.observability.telemetry import telemetry
from shared_code.providers.base import Billing, Finish, ModelAnswer, ModelCallFailed, ModelProvider, Next
from shared_code.providers.retry import Retries, RetryConfig
from shared_code.records import ApiKey, Provider, Reservation, Usage, UsageRow

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallTools:
    """What calls are made with; one set for the process."""

    ledger: Ledger
    costs: CallCosts
    key_effects: KeyEffects
    providers: Mapping[Provider, ModelProvider]
    model_timeout_seconds: float


class ModelCalls:
    """One run's conversation with the models."""

    def __init__(
        self, tools: CallTools, context: ExtractionContext, *, keys: RunKeys, retry_config: RetryConfig
    ) -> None:
        self._tools = tools
        self._context = context
        self._keys = keys
        self._retry_config = retry_config
        self._next = CallReservation(tools.ledger, tools.providers, context, keys)
        #: calls beside the first one; a refused key that is replaced is none
        self._retries = 0
        self._call_ms = 0
        #: milliseconds that models took, failed calls included
        self.model_ms = 0
        self._needed_tokens: int | None = None
        self._billed: tuple[ModelAnswer, Reservation] | None = None
        self._booked: list[UsageRow] = []
        self._last: Booking | None = None

    @property
    def place(self) -> tuple[Provider, str]:
        """Provider and model of the open reservation."""
        return self._next.place.provider, self._next.place.model

    @property
    def booked(self) -> Sequence[UsageRow]:
        """What the calls so far were booked at."""
        return tuple(self._booked)

    @property
    def tokens(self) -> str:
        """The tokens (TokenID) whose keys the calls so far were made with, for logs."""
        return ", ".join(dict.fromkeys(str(row.token_id) for row in self._booked))

    @cached_property
    def _retry_policy(self) -> Retries:
        return Retries(self._retry_config)

    def open(self, plan: CallPlan, claiming: Claiming) -> None:
        """Claim the document and reserve the first call, at another provider when the first one has no key for it.

        :raises ClaimTaken, errors.ServiceError: as :meth:`Ledger.reserve`.
        """
        self._next.open(plan, claiming)

    def ask(self, plan: CallPlan) -> ModelAnswer:
        """Get an answer that was billed, usable or not; its reservation stays open for :meth:`settle` or :meth:`close`.

        A reservation that was made for a call of another size is replaced first.

        :raises errors.ServiceError: a public one, when no key and no model gives an answer.
        """
        if not self._next.fits(plan):
            self._reserve_at(plan, self._next.place)
        while True:
            place, started = self._next.place, self._context.deadline.elapsed
            try:
                answer = self._call(plan, place)
            except ModelCallFailed as failure:
                failed = failure
            else:
                self._billed = answer, self._next.reservation
                _log.info("%s", format_run_usage(answer.usage, provider=place.provider.value))
                return answer
            finally:
                self._call_ms = int((self._context.deadline.elapsed - started) * 1000)
                self.model_ms += self._call_ms
            self._after_failure(plan, place, failed)

    def ask_elsewhere(self, plan: CallPlan) -> ModelAnswer | None:
        """The same from the next model, or else from another provider; None when none of them can take the call.

        :raises errors.ServiceError: as :meth:`ask`.
        """
        if not self._context.deadline.allows_call() or self._next.move_on(plan) is not None:
            return None
        return self.ask(plan)

    def settle(
        self,
        answer: ModelAnswer | None,
        *,
        outcome: str,
        claim_key: str | None = None,
        finished: Finished | None = None,
    ) -> Ended | None:
        """Book a billed call and end its reservation; the result of the run is stored in the same transaction.

        :param answer: None for a call that may have been billed and gave no answer.
        :returns: None when the database was away, and the outbox keeps the booking.
        """
        # From here on nobody gives it back: should the booking fail, its lease books the bound.
        if answer is not None and answer.finish is Finish.TRUNCATED:
            self._needed_tokens = self._next.unshortened_tokens
        reservation = self._next.take()
        usage, model = (answer.usage, answer.model_version) if answer else (Usage(), None)
        costs = self._tools.costs
        row = costs.row(reservation, usage, outcome=outcome, model=model, duration_ms=self._call_ms)
        self._booked.append(row)
        costs.note(reservation, row)
        self._last = Booking(reservation, row, claim_key, finished)
        ended = self._tools.ledger.book(self._last)
        self._billed = None
        return ended

    def store(self, claim_key: str, finished: Finished) -> Ended | None:
        """Store the result of a run whose calls are all booked; None as for :meth:`settle`."""
        if self._last is None:
            raise errors.InternalError("No call is booked")
        return self._tools.ledger.store(replace(self._last, claim_key=claim_key, finished=finished))

    def close(self, claim_key: str, failed: Failed | None) -> None:
        """End a run that failed: what it holds is given back, but an answer that nobody settled was billed.

        When the run has paid for an answer that a limit has made useless, the claim remembers what is needed.

        :param failed: what is noted of the reading.
        """
        try:
            if self._billed is not None:
                answer, reservation = self._billed
                self._next.hold(reservation)
                self.settle(answer, outcome="failed")
        finally:
            self._tools.ledger.abandon(
                self._next.held,
                claim_key,
                self._context.identity.call_id,
                needed_tokens=self._needed_tokens,
                failed=failed,
            )

    def give_back(self) -> None:
        """End a reservation whose call was not made, or failed at no cost."""
        if self._next.held is not None:
            self._tools.ledger.abandon(self._next.take(), None, self._context.identity.call_id)

    def _call(self, plan: CallPlan, place: Place) -> ModelAnswer:
        reservation, key = self._next.reservation, self._next.key
        deadline = self._context.deadline
        if key is None or not deadline.allows_call():
            raise errors.ProviderTimeout
        cap = reservation.bound_tokens - plan.input_bound(place.model)
        with waiting(), telemetry().dependency(place.model, kind="provider", target=place.provider.value):
            return self._tools.providers[place.provider].generate(
                plan.request(place.model, cap),
                api_key=key.secret,
                timeout_seconds=min(self._tools.model_timeout_seconds, deadline.left),
            )

    def _after_failure(self, plan: CallPlan, place: Place, failure: ModelCallFailed) -> None:
        """Note the failure and prepare the next call, or raise what the user sees."""
        key = self._next.key
        self._note(failure, key)
        if key is not None:
            self._tools.key_effects.apply(key, failure)
        if failure.billing is Billing.UNKNOWN:
            # May have been billed: it ends its reservation, and what becomes of the bound is a setting.
            self.settle(None, outcome=failure.reason)
            self._tools.key_effects.unmeasured(place.model, failure.reason)
        if failure.next_step is Next.FAIL:
            raise public_error(failure) from failure
        if failure.next_step is Next.OTHER_KEY:
            place.spent.add(mark_of(key))
            refused = self._next.reserve(plan, place.with_other_providers(plan.choice.models))
            if refused is not None:
                self._wait_for_key(plan, place, failure, refused)
        elif failure.next_step is Next.OTHER_MODEL or not self._same_key(plan, place, failure):
            self._other_model(plan, place, failure)

    def _same_key(self, plan: CallPlan, place: Place, failure: ModelCallFailed) -> bool:
        """Pause and keep the key; False when its tries are used up."""
        place.same_key_tries += 1
        pause = self._retry_policy.delay_before(self._retries + 1, failure, same_key_failures=place.same_key_tries)
        if pause is None or not self._context.deadline.allows_call(after_pause=pause):
            return False
        self._retries += 1
        self._context.deadline.wait(pause)
        if self._next.held is None:
            self._reserve_at(plan, place)
        return True

    def _wait_for_key(
        self, plan: CallPlan, place: Place, failure: ModelCallFailed, refused: errors.ServiceError
    ) -> None:
        """Wait for the first key that cools down, if the deadline allows; keys that are out stay out."""
        effects = self._tools.key_effects
        cooling = effects.cooling([key for key in self._keys.read().keys if key.provider is place.provider])
        pause = effects.seconds_until_free(cooling)
        may_retry = self._retry_policy.delay_before(self._retries + 1, failure) is not None
        if pause is None or not may_retry or not self._context.deadline.allows_call(after_pause=pause):
            raise out_of_keys(failure, refused, free_in=pause, now=effects.now()) from failure
        self._retries += 1
        self._context.deadline.wait(pause)
        place.spent -= {mark_of(key) for key in cooling}
        self._reserve_at(plan, place)

    def _other_model(self, plan: CallPlan, place: Place, failure: ModelCallFailed) -> None:
        """Go on with the next model, or else with another provider, or raise what the user sees."""
        if not self._context.deadline.allows_call():
            raise public_error(failure) from failure
        refused = self._next.move_on(plan)
        if isinstance(refused, errors.TokenUnavailable):
            raise public_error(failure) from failure
        if refused is not None:
            self._note_need(refused)
            raise refused
        self._retries += 1
        _log.warning("model %s fails (%s); going on with %s", place.model, failure.reason, self._next.place.model)

    def _reserve_at(self, plan: CallPlan, place: Place) -> None:
        """Reserve for the next call at this place. Raises why it cannot take the call."""
        try:
            self._next.reserve_at(plan, place)
        except errors.QuotaExceeded as refused:
            self._note_need(refused)
            raise

    def _note_need(self, refused: errors.ServiceError) -> None:
        """Remember what the document needs, when a limit makes what was paid for it useless."""
        if self._booked and isinstance(refused, errors.QuotaExceeded):
            self._needed_tokens = refused.details.get("needed")

    def _note(self, failure: ModelCallFailed, key: ApiKey | None) -> None:
        identity = self._context.identity
        attempt = self._retry_policy.record(
            failure,
            token_id=key.token_id if key else None,
            company_id=identity.caller.company_id,
            call_id=identity.call_id,
            request_id=identity.request_id,
        )
        telemetry().metric("failed_attempts", 1, reason=failure.reason)
        self._tools.key_effects.note_attempt(attempt)
