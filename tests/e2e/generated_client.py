"""Run by the Python that a client was generated for, without anything of ours: uploads, waits, reads."""

import json
import sys
import time
from pathlib import Path

folder, host, company, *files = sys.argv[1:]
sys.path.insert(0, folder)

from extraction_client import AuthenticatedClient, Client  # noqa: E402 - made a moment ago
from extraction_client.api.extract import cancel_job, get_reading, upload_document  # noqa: E402
from extraction_client.api.health import check_readiness  # noqa: E402
from extraction_client.models import Upload  # noqa: E402
from extraction_client.types import File  # noqa: E402

assert check_readiness.sync(client=Client(base_url=host)).data.ready

results = []
key = {"token": "a function key", "prefix": "", "auth_header_name": "x-functions-key"}
with AuthenticatedClient(base_url=host, timeout=60, **key) as client:
    for name in files:
        with Path(name).open("rb") as content:
            body = Upload(company_id=company, file=File(content, file_name=Path(name).name))
            sent = upload_document.sync_detailed(client=client, body=body, prefer="respond-async")
        assert sent.status_code == 202, sent.content
        job = sent.parsed.data
        where = sent.headers["location"]
        assert where.endswith(job.id)
        reading = get_reading.sync(job.id, client=client).data
        while reading.state in {"queued", "running"}:
            time.sleep(0.2)
            reading = get_reading.sync(job.id, client=client).data
        (invoice,) = reading.invoices
        results.append(
            {
                "id": reading.id,
                "state": reading.state,
                "status": reading.status,
                "total": invoice.total,
                "seller": invoice.seller.name,
                "lines": [line.net_amount for line in invoice.line_items],
                "confidence": invoice.confidence["total"],
                "model": reading.provenance.model,
                "tokens": reading.usage.total_tokens,
            }
        )
    refused = cancel_job.sync(results[0]["id"], client=client)
    missing = get_reading.sync(f"ext_{'0' * 32}", client=client)
print(json.dumps({"results": results, "codes": [refused.error.code, missing.error.code]}))
