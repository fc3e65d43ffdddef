"""The loads that the page shows, each as it is deployed by default, and after what has to change."""

from dataclasses import dataclass, replace

from bench.simulation.inputs import NO_LIMITS, TIER_3, Deployment, Load

DEFAULTS = Deployment()
#: each company with a key of the highest tier
TIER_3_KEYS = replace(DEFAULTS, name="keys of Tier 3", tier=TIER_3)
#: one of many: 4,096 MB and two processes an instance, a Hyperscale database of its own
LARGER = Deployment(
    name="larger",
    cores=2.0,
    processes=2,
    readers=2,
    concurrency=32,
    pool=6,
    workers=800,
    database_cores=8,
    log_rate=100e6,
    commit_seconds=0.003,
)
STAMPS = replace(LARGER, name="20 stamps, keys of Tier 3", stamps=20, tier=TIER_3)
#: for one company that sends as much as many others together
ONE_KEY = replace(LARGER, name="a stamp, one key, limits raised", tier=NO_LIMITS)
SIX_KEYS = replace(LARGER, name="a stamp, six keys of Tier 3", keys=6, tier=TIER_3)


#: of an upload, a little more than the model takes
_SECONDS_IN_WORK = 4.0


@dataclass(frozen=True)
class Scenario:
    """One row of the table."""

    load: Load
    size: Deployment
    who: str


#: few seconds where uploads are many: each of them costs events, whatever the time between them
_TEN = Load(10, seconds=72_000)
_THOUSAND = Load(1_000, companies=10, largest_share=0.5, seconds=10_800)
_HUNDRED_THOUSAND = Load(100_000, companies=200, largest_share=0.1, seconds=420)
_TEN_MILLION = Load(10_000_000, companies=5_000, largest_share=0.005, seconds=240)
_ONE = "one company"


def _warm(scenario: Scenario) -> Scenario:
    """With as many instances as the mean load needs, as they are after hours of it."""
    load, size = scenario.load, scenario.size
    in_work = load.per_hour / 3600 / size.stamps * _SECONDS_IN_WORK
    instances = max(min(round(in_work / size.concurrency), size.most), 1)
    return replace(scenario, size=replace(size, instances=instances))


def _alone(load: Load, **changes: float) -> Load:
    """The same from one company."""
    return replace(load, companies=1, largest_share=1.0, **changes)


SCENARIOS = tuple(
    _warm(scenario)
    for scenario in (
        Scenario(_TEN, DEFAULTS, _ONE),
        Scenario(_THOUSAND, DEFAULTS, "10 companies"),
        Scenario(replace(_THOUSAND, burst=5.0), DEFAULTS, "10 companies"),
        Scenario(_HUNDRED_THOUSAND, DEFAULTS, "200 companies"),
        Scenario(replace(_HUNDRED_THOUSAND, burst=5.0), DEFAULTS, "200 companies"),
        Scenario(_alone(_HUNDRED_THOUSAND, seconds=1_800), DEFAULTS, _ONE),
        Scenario(_alone(_HUNDRED_THOUSAND), TIER_3_KEYS, _ONE),
        Scenario(_alone(_HUNDRED_THOUSAND, per_hour=1_000_000, seconds=180), ONE_KEY, _ONE),
        Scenario(_alone(_HUNDRED_THOUSAND, per_hour=1_000_000, seconds=180), SIX_KEYS, _ONE),
        # Everything is full within seconds, and stays so.
        Scenario(replace(_TEN_MILLION, seconds=45), DEFAULTS, "5,000 companies"),
        Scenario(_TEN_MILLION, STAMPS, "5,000 companies"),
        Scenario(replace(_TEN_MILLION, burst=5.0), STAMPS, "5,000 companies"),
    )
)
