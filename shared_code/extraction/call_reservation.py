"""What a run holds for its next call: where the call goes, with which key, and at most one open reservation."""

import logging
from collections.abc import Mapping, Sequence

from shared_code import errors
from shared_code.extraction.call_plan import CallPlan, Place, mark_of
from shared_code.extraction.failover import NO_KEY, contended, places_after, soonest
from shared_code.extraction.submission import ExtractionContext
from shared_code.metering.budgets import Contended
from shared_code.metering.keys import RunKeys
from shared_code.metering.ledger import Claiming, Ledger
from shared_code.providers.base import ModelProvider
from shared_code.records import ApiKey, Provider, Reservation, TokenRequest

_log = logging.getLogger(__name__)

#: times that one reservation is tried when others are quicker for the same key or quota
_CONTENDED_TRIES = 20
#: a reservation is kept for a call that would ask for so much of it: another transaction would cost more than it saves
_LEAST_USED, _MOST_USED = 0.8, 1.2


class CallReservation:
    """One run's place, key and reservation. Each reservation is an attempt of its own."""

    def __init__(
        self,
        ledger: Ledger,
        providers: Mapping[Provider, ModelProvider],
        context: ExtractionContext,
        keys: RunKeys,
    ) -> None:
        self._ledger = ledger
        self._providers = providers
        self._context = context
        self._keys = keys
        self._attempt = 0
        self._least_tokens = 0
        self._place: Place | None = None
        self._request: TokenRequest | None = None
        #: models that gave no answer, or refused the document
        self._left: set[tuple[Provider, str]] = set()
        self.key: ApiKey | None = None
        self._open: Reservation | None = None

    @property
    def place(self) -> Place:
        """Where the next call goes."""
        if self._place is None:
            raise errors.InternalError("No call is open")
        return self._place

    @property
    def held(self) -> Reservation | None:
        """The open reservation, if there is one."""
        return self._open

    @property
    def reservation(self) -> Reservation:
        """The open reservation, which must be there."""
        if self._open is None:
            raise errors.InternalError("No reservation is open")
        return self._open

    @property
    def unshortened_tokens(self) -> int | None:
        """What the last reservation would have taken with more room; None when it took that much."""
        if self._request is None or self._open is None or self._open.bound_tokens >= self._request.full_bound:
            return None
        return self._request.full_bound

    def take(self) -> Reservation:
        """Hand the open reservation over to whoever ends it."""
        reservation, self._open = self.reservation, None
        return reservation

    def hold(self, reservation: Reservation | None) -> None:
        """Take a reservation back that was handed over."""
        self._open = reservation

    def fits(self, plan: CallPlan) -> bool:
        """Whether a reservation is open that was made for a call of about this size; near a limit it may hold less."""
        if self._open is None or self._request is None:
            return False
        wanted, asked = self._token_request(plan, self.place).full_bound, self._request.full_bound
        return _LEAST_USED * asked <= wanted <= _MOST_USED * asked

    def open(self, plan: CallPlan, claiming: Claiming) -> None:
        """Claim the document and reserve the first call, at another provider when the first one has no key for it.

        :raises ClaimTaken, errors.ServiceError: as :meth:`Ledger.reserve`.
        """
        self._least_tokens = claiming.needed_tokens
        first = Place(Provider(claiming.request.provider), claiming.request.model)
        refused = self.reserve(plan, first.with_other_providers(plan.choice.models), claiming)
        if refused is not None:
            raise refused

    def move_on(self, plan: CallPlan) -> errors.ServiceError | None:
        """Reserve at the next model, or else at another provider; None when one takes the call, else why none does.

        A model that was left is not tried again in this run. TokenUnavailable says that no other one is left.
        """
        self._left.add((self.place.provider, self.place.model))
        places = places_after(self.place, plan.choice.models, self._left)
        return self.reserve(plan, places) if places else errors.TokenUnavailable()

    def reserve_at(self, plan: CallPlan, place: Place) -> None:
        """Reserve for the next call at this place. Raises why it cannot take the call."""
        refused = self.reserve(plan, [place])
        if refused is not None:
            raise refused

    def reserve(
        self, plan: CallPlan, places: Sequence[Place], claiming: Claiming | None = None
    ) -> errors.ServiceError | None:
        """Reserve at the first place that has a key; None when one had, else the refusal that ends soonest.

        An open reservation is given back in the same transaction.
        """
        refusals: list[errors.ServiceError] = []
        for place in places:
            self._providers[place.provider].prepare()
            self._attempt += 1
            request = self._token_request(plan, place)
            for _ in range(_CONTENDED_TRIES):
                try:
                    self._open, self.key = self._ledger.reserve(
                        request,
                        self._candidates(place, request),
                        time_zone=self._context.time_zone,
                        claiming=claiming,
                        instead_of=self._open,
                    )
                except Contended:
                    continue
                except NO_KEY as refused:
                    _log.info("no %s key can take the call: %s", place.provider, refused.code)
                    refusals.append(refused)
                    break
                self._selected(place, request)
                return None
            else:
                refusals.append(contended(request))
        return soonest(refusals)

    def _selected(self, place: Place, request: TokenRequest) -> None:
        self._place, self._request = place, request
        company, token = request.identity.caller.company_id, self.key.token_id if self.key else None
        _log.debug("Token %s selected for company %s, model %s", token, company, place.model)

    def _candidates(self, place: Place, request: TokenRequest) -> list[ApiKey]:
        """Keys of the place's provider, read anew: one that was replaced since it was refused is a new key."""
        company = self._keys.read(needed_tokens=request.least_bound)
        keys = [key for key in company.keys if key.provider is place.provider and mark_of(key) not in place.spent]
        if not keys:
            raise company.refusal_of(place.provider, needed_tokens=request.least_bound)
        return keys

    def _token_request(self, plan: CallPlan, place: Place) -> TokenRequest:
        return plan.token_request(
            place.model,
            identity=self._context.identity,
            attempt=self._attempt,
            lease_seconds=self._context.lease_seconds,
            least_tokens=self._least_tokens,
        )
