"""What one company sends never takes the room of another, nor that of the probes. ``soak`` shows it at full length."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack.setup.ports import free_ports
from tests.e2e.calling import SAMPLES, control, extract, request, unique

INVOICE = SAMPLES / "ghana-vat-invoice.pdf"


@pytest.fixture
def small(start_stack):
    """A stack that takes three uploads at once, two of one company; its model takes seconds."""
    running = start_stack("--port", free_ports(1)[0], env={"MAX_CONCURRENT_UPLOADS": "3"})
    ready = running.wait_until_ready()
    body = {"company_id": "OTHER", "company_name": "Other", "api_key": "AIzaSyAnotherKeyOfAnotherCompany000001"}
    made = request(
        f"{ready['host']}/api/manage/tokens",
        "POST",
        body=json.dumps(body | {"provider": "Gemini", "total_token_limit": 1_000_000}),
        headers={"Authorization": f"Bearer {ready['admin_key']}", "Content-Type": "application/json"},
    )
    assert made.status == 201, made.raw
    assert extract(ready["host"], unique(INVOICE)).status == 200
    control(ready["gemini"], "latency", {"milliseconds": 5_000})
    yield ready
    assert running.end() == 0, running.console


def test_uploads_of_one_company_leave_room_for_another_and_for_probes(small):
    host = small["host"]
    with ThreadPoolExecutor(4) as pool:
        busy = [pool.submit(extract, host, unique(INVOICE)) for _ in range(2)]
        while len(control(small["gemini"], "calls")["calls"]) < 3:
            assert not any(one.done() for one in busy)
        for _ in range(5):
            refused = extract(host, unique(INVOICE))
            assert (refused.status, refused.code) == (503, "BUSY"), refused.raw
            assert int(refused.headers["retry-after"]) > 0
            assert request(f"{host}/api/health/ready").status == 200
        other = pool.submit(extract, host, unique(INVOICE), companyID="OTHER")
        while len(control(small["gemini"], "calls")["calls"]) < 4:
            assert not any(one.done() for one in busy)
        full = extract(host, unique(INVOICE), companyID="THIRD")
        assert (full.status, full.code) == (503, "BUSY"), full.raw
        assert request(f"{host}/api/health/ready").status == 200
        assert request(f"{host}/api/health").status == 200
        assert not any(one.done() for one in (*busy, other))
        assert [one.result().status for one in (*busy, other)] == [200, 200, 200]
    assert extract(host, unique(INVOICE)).status == 200
