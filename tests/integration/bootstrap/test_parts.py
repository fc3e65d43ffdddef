"""The parts that no upload needs: built when they are asked for, once for all threads, each from a small import."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shared_code.bootstrap import build_services
from shared_code.bootstrap.container import Services, _Part

PARTS = sorted(name for name, value in vars(Services).items() if isinstance(value, _Part))


@pytest.fixture
def services(tmp_path, make_settings):
    built = build_services(make_settings(f"sqlite:///{tmp_path}/parts.db"))
    yield built
    built.close()


def test_there_are_such_parts():
    assert {"health", "readiness", "rollup", "jobs", "reviews", "exports", "usage_reports"} <= set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_many_threads_get_the_same_part(services, part):
    gate = Barrier(8)

    def ask(_):
        gate.wait()
        return id(getattr(services, part))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


def test_what_an_upload_needs_imports_no_other_part_and_no_reader_of_xml():
    late = ("shared_code.e_invoices.reader", "shared_code.exports", "shared_code.jobs", "shared_code.rollup")
    code = f"import sys, shared_code.bootstrap.build, shared_code.web.extract; print([n for n in {late!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
