"""Finds invoices in JSON, and turns each into the element that its reader takes.

Two syntaxes are known by their members: UBL (OASIS, UBL 2.1 JSON Alternative Representation) and the Indian INV-01 (GST
Network). Both come alone, several in an array, or wrapped: in the request to a tax office (MyInvois has the document
as base64), and in the answer of an Indian portal, whose ``SignedInvoice`` is a JSON Web Token (RFC 7519) with the
invoice in ``data``. The signature of such a token is not checked here, because that needs the portal's keys.
"""

import base64
import re
from collections.abc import Iterator

from shared_code import errors
from shared_code.documents.file_type import is_token
from shared_code.e_invoices.envelopes import Found, invoices_in
from shared_code.e_invoices.json_tree import Members, Value, is_json, json_text, node_of, parse_json
from shared_code.e_invoices.national.gst_inv01 import NAMESPACE as INV01
from shared_code.e_invoices.national.gst_inv01 import ROOT
from shared_code.e_invoices.syntaxes import syntax_of
from shared_code.e_invoices.xml import Node
from shared_code.e_invoices.xml_parsing import parse_xml

#: a text in a text in a text: beyond that nobody wraps an invoice
_MOST_WRAPPED = 3
_MOST_VALUES = 50_000
_MOST_TEXTS = 200

_UBL = "urn:oasis:names:specification:ubl:schema:xsd"
#: members that hold a document as text; a token and base64 are told by their form
_HOLDERS = frozenset({"document", "data", "signedinvoice", "invoice", "content", "rawdocument", "payload", "result"})
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*", re.ASCII)


def is_json_document(data: bytes) -> bool:
    """Whether a file is JSON, or a JSON Web Token alone."""
    return is_json(data) or is_token(data)


def json_invoices(data: bytes) -> list[Found]:
    """Root elements of invoices, with their syntaxes, in the order of the file; none for other JSON.

    :raises errors.InvalidFile: as :func:`json_tree.parse_json` and :func:`json_tree.node_of`.
    """
    text = json_text(data).strip()
    if _TOKEN.fullmatch(text):
        return list(_in_text(text, Members(), _MOST_WRAPPED))
    return list(_in_value(parse_json(text), _MOST_WRAPPED))


def _in_value(root: Value, levels: int) -> Iterator[Found]:
    waiting: list[Value] = [root]
    seen = opened = 0
    while waiting and seen < _MOST_VALUES:
        value = waiting.pop()
        seen += 1
        if not isinstance(value, Members):
            waiting += reversed(value or []) if not isinstance(value, str) else []
            continue
        found = list(_in_members(value))
        if found:
            yield from found
            continue
        waiting += [member for _, member in reversed(value.entries) if isinstance(member, list | Members)]
        for name, text in value.entries:
            if isinstance(text, str) and name.casefold() in _HOLDERS and levels and opened < _MOST_TEXTS:
                opened += 1
                yield from _in_text(text.strip(), value, levels - 1)


def _in_members(members: Members) -> Iterator[Found]:
    """The invoices that an object is, or holds under the name of a UBL document."""
    if members.has("DocDtls", "SellerDtls") and (members.has("ItemList") or members.has("ValDtls")):
        yield from _found(node_of(members, ROOT, namespace=INV01, fold=True))
        return
    for name in ("Invoice", "CreditNote", "DebitNote"):
        for value in members.values_of(name):
            if isinstance(value, Members) and _is_ubl(value):
                yield from _found(node_of(value, name, namespace=f"{_UBL}:{name}-2"))
    if _is_ubl(members):
        lines = (name for name in ("CreditNote", "DebitNote") if members.has(f"{name}Line"))
        name = next(lines, "Invoice")
        yield from _found(node_of(members, name, namespace=f"{_UBL}:{name}-2"))


def _is_ubl(members: Members) -> bool:
    totals = members.has("LegalMonetaryTotal") or members.has("RequestedMonetaryTotal")
    return totals and members.has("ID", "AccountingSupplierParty")


def _in_text(text: str, holder: Members, levels: int) -> Iterator[Found]:
    """The invoices in a text that is a token, JSON or XML, plain or in base64. What is none of these is no invoice."""
    try:
        if _TOKEN.fullmatch(text):
            yield from _in_token(text, holder, levels)
            return
        content = text.encode(errors="replace")
        if text[:1] not in "<{[" and _BASE64.fullmatch(text):
            content = base64.b64decode(text)
        if content[:1] == b"<":
            yield from invoices_in(parse_xml(content))
        elif is_json(content):
            yield from _in_value(parse_json(content), levels)
    except (errors.InvalidFile, ValueError):
        return


def _in_token(token: str, holder: Members, levels: int) -> Iterator[Found]:
    """The invoice in a token, with what the portal's answer says beside it."""
    part = token.split(".")[1]
    payload = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if isinstance(payload, Members) and (data := payload.text("data")):
        payload = parse_json(data)
    if not (isinstance(payload, Members) and payload.has("DocDtls", "SellerDtls")):
        yield from _in_value(payload, levels)
        return
    beside = tuple((name, text) for name, text in holder.entries if isinstance(text, str) and not payload.has(name))
    yield from _in_members(Members((*payload.entries, *beside, ("Signature", "unverified"))))


def _found(node: Node) -> Iterator[Found]:
    syntax = syntax_of(node)
    if syntax is not None:
        yield syntax, node
