"""What those are called who took or decided a review: people read the label of an admin key, not its id."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared_code.database.stores.operations import admin_keys

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.stores.reviews.decisions import Correction, Decision
    from shared_code.database.stores.reviews.review_rows import Review

_KEY = "admin-key:"
#: of these the name itself is what people know
_NAMED = ("app-service:", "cli:")


@dataclass(frozen=True, slots=True)
class Names:
    """The name of each actor, such as ``admin-key:<id>``. One that has no other name keeps its id."""

    labels: Mapping[str, str] = field(default_factory=dict)

    def of(self, actor: str | None) -> str | None:
        """What an actor is called; None for nobody."""
        if actor is None:
            return None
        kind = next((one for one in _NAMED if actor.startswith(one)), "")
        return self.labels.get(actor) or actor.removeprefix(kind)


def find_names(connection: "Connection", actors: Iterable[str | None]) -> Names:
    """The names of these actors; those of revoked keys too."""
    keys = {actor.removeprefix(_KEY) for actor in actors if actor is not None and actor.startswith(_KEY)}
    labels = admin_keys.labels_of(connection, sorted(keys)) if keys else {}
    return Names({f"{_KEY}{key}": label for key, label in labels.items()})


def actors_of(
    reviews: Iterable["Review"], decisions: Iterable["Decision"] = (), corrections: Iterable["Correction"] = ()
) -> Iterator[str | None]:
    """Who took, decided or corrected these."""
    for review in reviews:
        yield from (review.taken_by, review.decided_by)
    for decision in decisions:
        yield decision.decided_by
        yield from (one.changed_by for one in decision.corrections)
    yield from (one.changed_by for one in corrections)
