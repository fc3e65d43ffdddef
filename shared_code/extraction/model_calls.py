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
from shared_code.database.stores.extractions.claims import Finished
from shared_code.extraction.call_plan import CallPlan, Place
from shared_code.extraction.failover import NO_KEY, contended, out_of_keys, public_error, soonest
from shared_code.extraction.key_effects import KeyEffects
from shared_code.extraction.submission import ExtractionContext
from shared_code.metering.booking import Booking
from shared_code.metering.budgets import Contended
from shared_code.metering.call_costs import CallCosts
from shared_code.metering.keys import RunKeys
from shared_code.metering.ledger import Claiming, Ledger
from shared_code.observability.telemetry import telemetry
from shared_code.providers.base import Billing, ModelAnswer, ModelCallFailed, ModelProvider, Next
from shared_code.providers.retry import Retries, RetryConfig
from shared_code.records import ApiKey, Provider, Reservation, TokenRequest, Usage, UsageRow

_log = logging.getLogger(__name__)

#: times that one reservation is tried when others are quicker for the same key or quota
_CONTENDED_TRIES = 20


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
        self._attempt = 0
        #: calls beside the first one; a refused key that is replaced is none
        self._retries = 0
        self._call_ms = 0
        #: milliseconds that models took, failed calls included
        self.model_ms = 0
        self._place: Place | None = None
        self._key: ApiKey | None = None
        self._reservation: Reservation | None = None
        self._billed: tuple[ModelAnswer, Reservation] | None = None
        self._booked: list[UsageRow] = []

    @property
    def place(self) -> tuple[Provider, str]:
        """Provider and model of the open reservation."""
        return self._current().provider, self._current().model

    @property
    def booked(self) -> Sequence[UsageRow]:
        """What the calls so far were booked at."""
        return tuple(self._booked)

    @cached_property
    def _retry_policy(self) -> Retries:
        return Retries(self._retry_config)

    def open(self, plan: CallPlan, claiming: Claiming) -> None:
        """Claim the document and reserve the first call, at another provider when the first one has no key for it.

        :raises ClaimTaken, errors.ServiceError: as :meth:`Ledger.reserve`.
        """
        first = Place(Provider(claiming.request.provider), claiming.request.model)
        refused = self._reserve(plan, first.with_other_providers(plan.choice.models), claiming)
        if refused is not None:
            raise refused

    def ask(self, plan: CallPlan) -> ModelAnswer:
        """Get an answer that was billed, usable or not; its reservation stays open for :meth:`settle` or :meth:`close`.

        :raises errors.ServiceError: a public one, when no key and no model gives an answer.
        """
        if self._reservation is None:
            self._reserve_at(plan, self._current())
        while True:
            place, started = self._current(), self._context.deadline.elapsed
            try:
                answer = self._call(plan, place)
            except ModelCallFailed as failure:
                failed = failure
            else:
                self._billed = answer, self._open_reservation()
                return answer
            finally:
                self._call_ms = int((self._context.deadline.elapsed - started) * 1000)
                self.model_ms += self._call_ms
            self._after_failure(plan, place, failed)

    def settle(
        self,
        answer: ModelAnswer | None,
        *,
        outcome: str,
        claim_key: str | None = None,
        finished: Finished | None = None,
    ) -> None:
        """Book a billed call and end its reservation; the result of the run is stored in the same transaction.

        :param answer: None for a call that may have been billed and gave no answer.
        """
        # From here on nobody gives it back: should the booking fail, its lease books the bound.
        reservation, self._reservation = self._open_reservation(), None
        usage, model = (answer.usage, answer.model_version) if answer else (Usage(), None)
        costs = self._tools.costs
        row = costs.row(reservation, usage, outcome=outcome, model=model, duration_ms=self._call_ms)
        self._booked.append(row)
        costs.note(reservation, row)
        self._tools.ledger.book(Booking(reservation, row, claim_key, finished))
        self._billed = None

    def close(self, claim_key: str) -> None:
        """End a run that failed: what it holds is given back, but an answer that nobody settled was billed."""
        try:
            if self._billed is not None:
                answer, self._reservation = self._billed
                self.settle(answer, outcome="failed")
        finally:
            self._tools.ledger.abandon(self._reservation, claim_key, self._context.identity.call_id)

    def give_back(self) -> None:
        """End a reservation whose call was not made, or failed at no cost."""
        reservation, self._reservation = self._reservation, None
        if reservation is not None:
            self._tools.ledger.abandon(reservation, None, self._context.identity.call_id)

    def _call(self, plan: CallPlan, place: Place) -> ModelAnswer:
        reservation, key = self._open_reservation(), self._key
        deadline = self._context.deadline
        if key is None or not deadline.allows_call():
            raise errors.ProviderTimeout
        cap = reservation.bound_tokens - plan.input_bound(place.model)
        with telemetry().dependency(place.model, kind="provider", target=place.provider.value):
            return self._tools.providers[place.provider].generate(
                plan.request(place.model, cap),
                api_key=key.secret,
                timeout_seconds=min(self._tools.model_timeout_seconds, deadline.left),
            )

    def _after_failure(self, plan: CallPlan, place: Place, failure: ModelCallFailed) -> None:
        """Note the failure and prepare the next call, or raise what the user sees."""
        key = self._key
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
            place.spent.add(key.token_id if key else None)
            refused = self._reserve(plan, place.with_other_providers(plan.choice.models))
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
        if self._reservation is None:
            self._reserve_at(plan, place)
        return True

    def _wait_for_key(
        self, plan: CallPlan, place: Place, failure: ModelCallFailed, refused: errors.ServiceError
    ) -> None:
        """Wait for the first key that cools down, if the deadline allows; keys that are out stay out."""
        effects = self._tools.key_effects
        cooling = effects.cooling([key for key in self._keys.read() if key.provider is place.provider])
        pause = effects.seconds_until_free(cooling)
        may_retry = self._retry_policy.delay_before(self._retries + 1, failure) is not None
        if pause is None or not may_retry or not self._context.deadline.allows_call(after_pause=pause):
            raise out_of_keys(failure, refused, free_in=pause) from failure
        self._retries += 1
        self._context.deadline.wait(pause)
        place.spent -= {key.token_id for key in cooling}
        self._reserve_at(plan, place)

    def _other_model(self, plan: CallPlan, place: Place, failure: ModelCallFailed) -> None:
        """Go on with the next model of the provider, or raise what the user sees."""
        names = list(plan.choice.models.get(place.provider, ()))
        following = names[names.index(place.model) + 1 :] if place.model in names else []
        if not following or not self._context.deadline.allows_call():
            raise public_error(failure) from failure
        self._retries += 1
        _log.warning("model %s fails (%s); going on with %s", place.model, failure.reason, following[0])
        self._reserve_at(plan, replace(place, model=following[0], same_key_tries=0))

    def _reserve_at(self, plan: CallPlan, place: Place) -> None:
        """Reserve for the next call at this place. Raises why it cannot take the call."""
        refused = self._reserve(plan, [place])
        if refused is not None:
            raise refused

    def _reserve(
        self, plan: CallPlan, places: Sequence[Place], claiming: Claiming | None = None
    ) -> errors.ServiceError | None:
        """Reserve at the first place that has a key; None when one had, else the refusal that ends soonest.

        An open reservation is given back in the same transaction.
        """
        refusals: list[errors.ServiceError] = []
        for place in places:
            self._tools.providers[place.provider].prepare()
            request = self._token_request(plan, place)
            for _ in range(_CONTENDED_TRIES):
                try:
                    self._reservation, self._key = self._tools.ledger.reserve(
                        request,
                        self._candidates(place),
                        time_zone=self._context.time_zone,
                        claiming=claiming,
                        instead_of=self._reservation,
                    )
                except Contended:
                    continue
                except NO_KEY as refused:
                    _log.info("no %s key can take the call: %s", place.provider, refused.code)
                    refusals.append(refused)
                    break
                self._selected(place)
                return None
            else:
                refusals.append(contended(request))
        return soonest(refusals)

    def _selected(self, place: Place) -> None:
        self._place = place
        company, token = self._context.identity.caller.company_id, self._key.token_id if self._key else None
        _log.info("Token %s selected for company %s, model %s", token, company, place.model)

    def _candidates(self, place: Place) -> list[ApiKey]:
        keys = [key for key in self._keys.read() if key.provider is place.provider and key.token_id not in place.spent]
        if not keys:
            raise errors.TokenUnavailable
        return keys

    def _token_request(self, plan: CallPlan, place: Place) -> TokenRequest:
        self._attempt += 1
        return TokenRequest(
            identity=self._context.identity,
            attempt=self._attempt,
            model=place.model,
            input_bound=plan.input_bound(place.model),
            output_cap=plan.output_cap(place.model),
            output_floor=plan.output_floor,
            lease_seconds=self._context.lease_seconds,
        )

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

    def _current(self) -> Place:
        if self._place is None:
            raise errors.InternalError("No call is open")
        return self._place

    def _open_reservation(self) -> Reservation:
        if self._reservation is None:
            raise errors.InternalError("No reservation is open")
        return self._reservation
