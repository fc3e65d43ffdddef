import pytest

from shared_code import errors
from shared_code.documents import refusals
from shared_code.documents.sandbox import refused_files
from shared_code.documents.sandbox.refused_files import RefusedFiles

JOB = {"operation": "codes", "kind": "pdf", "pages": [0]}
REFUSAL = refusals.invalid_file("time", limit=10.0)


def test_the_same_bytes_in_the_same_job_are_refused_with_the_same_words():
    known = RefusedFiles()
    known.check(JOB, [b"slow"])
    known.add(JOB, [b"slow"], REFUSAL)
    with pytest.raises(errors.InvalidFile) as caught:
        known.check(dict(reversed(JOB.items())), [b"slow"])
    assert (caught.value.message, caught.value.details) == (REFUSAL.message, REFUSAL.details)


@pytest.mark.parametrize(
    ("job", "parts"),
    [
        (JOB, [b"slower"]),
        (JOB, [b"sl", b"ow"]),
        (JOB | {"pages": [1]}, [b"slow"]),
        (JOB | {"operation": "texts"}, [b"slow"]),
    ],
)
def test_other_bytes_and_other_jobs_are_not(job, parts):
    known = RefusedFiles()
    known.add(JOB, [b"slow"], REFUSAL)
    known.check(job, parts)


def test_it_forgets_after_an_hour():
    now = [0.0]
    known = RefusedFiles(clock=lambda: now[0])
    known.add(JOB, [b"slow"], REFUSAL)
    now[0] = 3_599.0
    with pytest.raises(errors.InvalidFile):
        known.check(JOB, [b"slow"])
    now[0] = 3_600.0
    known.check(JOB, [b"slow"])


def test_it_is_bounded(monkeypatch):
    monkeypatch.setattr(refused_files, "_MOST", 3)
    known = RefusedFiles()
    for number in range(5):
        known.add(JOB, [b"%d" % number], REFUSAL)
    for number in range(2):
        known.check(JOB, [b"%d" % number])
    for number in range(2, 5):
        with pytest.raises(errors.InvalidFile):
            known.check(JOB, [b"%d" % number])
