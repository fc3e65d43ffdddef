"""A company that writes markup into everything that it may write, and readings that hold it."""

import re
from dataclasses import dataclass

from tests.e2e.calling import INVOICES, post_form, write

from .review_page import numbers, wrong_total

#: runs where it becomes an element
EVIL = "<img src=x onerror=window.__ran=1>"
#: the same as long as what is printed in a line of the sample: the policy of contents reports it
EVIL_LINE = "<img src=y:y> "
#: the same where no blank may stand
EVIL_ADDRESS = EVIL.replace(" ", "/")
_SAMPLE_LINE = "Iron rods 12mm"


@dataclass(frozen=True)
class Hostile:
    """``pending`` came as XML; the others are pages with :data:`EVIL_LINE`."""

    company: str
    pending: str
    corrected: str
    rejected: str
    failed: str


def evil_xml():
    """An e-invoice with markup in its names, notes and places."""
    xml = (INVOICES / "fx-DATA-002.xml").read_text(encoding="utf-8")
    escaped = EVIL.replace("<", "&lt;").replace(">", "&gt;")
    for part in ("Name", "Content", "LineOne", "CityName"):
        xml, count = re.subn(rf"<ram:{part}>[^<]*</ram:{part}>", f"<ram:{part}>{escaped}</ram:{part}>", xml)
        assert count, part
    return xml.replace("FA-2026-0001", escaped[:40]).encode()


def make(console, stack):
    """Writes it all, by the ways that tenants and operators have."""
    company = console.company(mode="everything", company_name=EVIL, provider_project=EVIL)
    clerk = console.login("reviewer", company, label=f"Ama {EVIL}")
    who = {"username": EVIL, "branch": EVIL}

    def read(data, file_name):
        return console.read(None, company, data=data, file_name=file_name, **who)["id"]

    def page():
        return read(wrong_total(next(numbers), **{_SAMPLE_LINE: EVIL_LINE}), f"{EVIL}.pdf")

    pending, corrected, rejected = read(evil_xml(), f"{EVIL}.xml"), page(), page()
    values = {"seller.name": EVIL, "invoice_number": EVIL, "line_items[0].description": EVIL, "payment.terms": EVIL}
    decision = {"decision": "correct", "corrections": [{"field": name, "value": text} for name, text in values.items()]}
    console.api("POST", f"reviews/{corrected}/decision", decision, key=clerk)
    console.api("POST", f"reviews/{rejected}/decision", {"decision": "reject", "reason": EVIL}, key=clerk)
    broken = post_form(console.host, b"%PDF-1.7 " + EVIL.encode(), file_name=f"{EVIL}.pdf", companyID=company, **who)
    assert broken.status >= 400
    console.api("POST", "quotas", {"company_id": company, "scope": "user", "subject": EVIL, "daily_limit": 5_000_000})
    console.api(
        "PUT",
        "webhooks",
        {"company_id": company, "url": f"http://127.0.0.1:9/?{EVIL_ADDRESS}", "events": ["review.decided"]},
    )
    write(
        stack,
        "INSERT INTO Alerts (Kind, Subject, Severity, Message) VALUES (?, ?, 'warning', ?)",
        EVIL,
        company,
        f"Look: {EVIL}",
    )
    write(
        stack,
        "INSERT INTO ApplicationLogs (LogLevel, Logger, Message, Exception) VALUES ('ERROR', ?, ?, ?)",
        EVIL, f"{company} {EVIL}", EVIL,
    )  # fmt: skip
    failed = console.api("GET", f"extractions?company_id={company}&state=failed")["items"][0]["id"]
    return Hostile(company, pending, corrected, rejected, failed)


def require_harmless(page):
    """No script ran, and nothing of it became an element."""
    assert page.evaluate("window.__ran") is None
    assert page.locator("img[src='x'], img[src='y:y'], [onerror]").count() == 0


def shown(page, within="main"):
    """What is written on a page, in its fields too."""
    return page.evaluate(
        """(within) => [...document.querySelectorAll(within)].map((part) => part.innerText + "\\n" +
          [...part.querySelectorAll("input, textarea")].map((one) => one.value).join("\\n")).join("\\n")""",
        within,
    )
