import psutil

from tests.integration.documents import fuzz


def test_mutated_documents_are_read_or_refused_and_nothing_else(sandbox):
    """The long form is ``python -m tests.integration.documents.fuzz``."""
    memory = psutil.Process().memory_info
    list(fuzz.run(30, sandbox=sandbox))
    before = memory().rss
    results = list(fuzz.run(120, sandbox=sandbox, start=30))
    assert len(results) == 120
    assert max(seconds for *_, seconds in results) < 20
    assert {outcome for _, _, outcome, _ in results} > {"read", "INVALID_FILE corrupt"}
    assert memory().rss - before < 40 * fuzz.MEGABYTE
