"""What is measured: a base case, and cells that differ from it in one thing each."""

from dataclasses import dataclass

from bench.documents import KINDS

#: the ways of asking, in the order of a round; the first is the floor
FLOOR, PIPELINE, HTTP = "SDK alone", "pipeline", "over HTTP"
WAYS = (FLOOR, PIPELINE, HTTP)
#: the last one again, with two worker processes
HTTP_TWO = "two workers"
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
ROUNDS = 5


@dataclass(frozen=True)
class Cell:
    """One case. ``calls`` are those of one way in one round.

    :ivar factor: what differs from the base case, in words.
    :ivar by_two: whether two worker processes are measured as well, in turn with one.
    """

    key: str
    factor: str
    calls: int
    kind: str = "page"
    latency_ms: int = 50
    callers: int = 1
    database: str = SQLITE
    by_two: bool = False

    @property
    def by_model(self) -> bool:
        """Whether a model is asked; without one there is no floor."""
        return self.kind not in {"xml", "pdf_xml"}

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways that are measured."""
        return (WAYS if self.by_model else WAYS[1:]) + ((HTTP_TWO,) if self.by_two else ())

    @property
    def title(self) -> str:
        """The whole case in words."""
        model = f"model {self.latency_ms:,} ms" if self.by_model else "no model call"
        callers = "1 caller" if self.callers == 1 else f"{self.callers} callers"
        return f"{KINDS[self.kind][0]}, {model}, {callers}, {self.database}"


BASE = Cell("base", "base case", calls=80)
QUICK = (Cell("base", "base case", calls=30),)
FULL = (
    BASE,
    Cell("callers16", "16 callers", calls=240, callers=16, by_two=True),
    Cell("callers64", "64 callers", calls=384, callers=64),
    Cell("crowd3000", "64 callers, model takes 3 s", calls=256, callers=64, latency_ms=3000),
    Cell("model0", "model answers at once", calls=120, latency_ms=0),
    Cell("model3000", "model takes 3 s", calls=3, latency_ms=3000),
    Cell("pages20", "20-page PDF", calls=40, kind="pages20"),
    Cell("photo", "photo, 200 KB", calls=40, kind="photo"),
    Cell("xml", "XML", calls=150, kind="xml"),
    Cell("pdf_xml", "PDF with XML", calls=100, kind="pdf_xml"),
    # Last on its processes: the memory that it takes is not given back.
    Cell("large", "PDF of 20 MB", calls=8, kind="large"),
    Cell("postgresql", "PostgreSQL", calls=80, database=POSTGRESQL),
    Cell("postgresql64", "PostgreSQL, 64 callers", calls=384, callers=64, database=POSTGRESQL),
)
