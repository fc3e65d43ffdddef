"""The keys of the demo's companies: one in each state that an operator meets."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from shared_code.demo.companies import ALQASR, KAVERI, NORDWIND
from shared_code.records import KeyStatus, Provider

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class DemoKey:
    """One key.

    :ivar since: days ago on which its use began; ``until`` is when it ended, 0 = it serves still.
    :ivar share: of the company's calls meanwhile.
    :ivar days_left: it is limited so that it ends in so many days; None = its limit is ``room`` times what it used.
    :ivar room: 0 = no limit.
    :ivar rests_minutes: so long it rests from now on.
    """

    name: str
    company_id: str
    provider: Provider
    model: str
    since: int
    until: int = 0
    share: float = 1.0
    status: KeyStatus = KeyStatus.ACTIVE
    days_left: int | None = None
    room: float = 1.6
    rests_minutes: int = 0

    @property
    def secret(self) -> str:
        """What stands in its row: accepted by no vendor."""
        name = f"demo-key-of-nobody-{self.company_id.lower()}-{self.name}"
        return f"{name}-{zlib.crc32(name.encode()):08x}"

    @property
    def reads_documents(self) -> bool:
        """Whether the demo's documents are read by it; one of each company and vendor."""
        return self.status is KeyStatus.ACTIVE and not self.rests_minutes

    def limit(self, used: int, per_day: float) -> int | None:
        """Its limit for life, in model tokens."""
        if self.days_left is not None:
            return used + round(per_day * self.days_left)
        if not self.room:
            return None
        return -(-round(used * self.room) // _MILLION) * _MILLION


_LITE, _MINI = "gemini-3.5-flash-lite", "gpt-5-mini"
KEYS = (
    DemoKey("old", NORDWIND, Provider.GEMINI, _LITE, 365, 240, status=KeyStatus.DISABLED),
    DemoKey("main", NORDWIND, Provider.GEMINI, _LITE, 240, share=0.78),
    DemoKey("second", NORDWIND, Provider.OPENAI, _MINI, 240, share=0.22, room=0),
    DemoKey("first", KAVERI, Provider.GEMINI, _LITE, 365, 150, status=KeyStatus.BLOCKED),
    DemoKey("main", KAVERI, Provider.GEMINI, _LITE, 150, share=0.7),
    DemoKey("spare", KAVERI, Provider.GEMINI, _LITE, 150, share=0.3, rests_minutes=47),
    DemoKey("trial", ALQASR, Provider.GEMINI, _LITE, 330, 120, status=KeyStatus.EXPIRED, room=1.1),
    DemoKey("main", ALQASR, Provider.GEMINI, _LITE, 120, days_left=11),
)
#: tokens of ids by key
type TokenIds = Mapping[DemoKey, int]
