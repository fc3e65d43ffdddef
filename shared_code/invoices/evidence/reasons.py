"""Why a value is trusted or doubted, in words for the person who looks at the page."""

from collections.abc import Sequence

from shared_code.invoices.reading import Grounding
from shared_code.records import Finding

_ONCE, _TWICE = 1, 2
_SHOWN = 60


def of_place(count: int, label: str | None, level: Grounding | None, *, letterhead: bool = False) -> str:
    """Where a value that was found stands.

    :param count: how often it stands on the pages.
    :param label: the label beside it, if there is one.
    """
    if label is not None:
        return f"beside the label '{' '.join(label.split())[:_SHOWN]}'"
    if level is Grounding.RECOGNISED:
        return "recognised in a picture of the page"
    if letterhead:
        return "in the letterhead"
    if count == _ONCE:
        return "once on the pages"
    return "twice on the pages" if count == _TWICE else f"{count} times on the pages"


def of_nothing(pages: Sequence[int], *, readable: bool) -> str:
    """Why there is no place."""
    if not readable:
        return "the pages have no text in which it could be looked up"
    return f"not found on {named(pages)}"


def named(pages: Sequence[int]) -> str:
    """``page 1``, ``page 1 or 2``, ``pages 1 to 7``."""
    if len(pages) > _TWICE:
        return f"pages {pages[0]} to {pages[-1]}"
    return f"page {' or '.join(map(str, pages))}"


def with_checks(reason: str, *, confirmed: bool, agreed: bool, doubts: Sequence[Finding]) -> str:
    """The reason with what else speaks for the value or against it.

    :param confirmed: a sum or a check digit supports it.
    :param agreed: the signed QR code says the same.
    :param doubts: findings on the field that ask for a review.
    """
    if not (confirmed or agreed or doubts):
        return reason
    said = [reason]
    if agreed:
        said.append("the signed QR code says the same")
    if confirmed and not doubts:
        said.append("a sum or a check digit confirms it")
    said += [_doubt(finding) for finding in doubts[:_TWICE]]
    return "; ".join(dict.fromkeys(said))


def _doubt(finding: Finding) -> str:
    if finding.code == "ungrounded":
        return "all that the pages show is text, and it is not there"
    if finding.code == "xml_page_mismatch" and finding.expected and finding.found:
        return f"the XML says {finding.found[:_SHOWN]}, the page {finding.expected[:_SHOWN]}"
    message = finding.message.rstrip(".")
    message = message[:1].lower() + message[1:] if not message[:2].isupper() else message
    expected = f" ({finding.expected[:_SHOWN]})" if finding.expected else ""
    return f"{message}{expected}"
