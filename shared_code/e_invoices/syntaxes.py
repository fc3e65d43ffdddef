"""The syntaxes of e-invoices that are read without a model, in one table.

A syntax is recognised by its root element. Its reader is named here and imported when the first invoice of its kind
comes, so that a syntax that nobody sends costs nothing. A new syntax is one line here and one module.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import cast

from shared_code.e_invoices.xml import Node
from shared_code.invoices.reading import InvoiceReading

#: takes the root element; gives the profile or version that the file names, and its invoices
type Reader = Callable[[Node], tuple[str | None, tuple[InvoiceReading, ...]]]


@dataclass(frozen=True, slots=True)
class Syntax:
    """One syntax.

    :ivar name: as an answer gives it (``provenance.syntax``).
    :ivar roots: local names of its root elements.
    :ivar namespaces: beginnings of the root's namespace; ``("",)`` takes any.
    :ivar reader: a :data:`Reader` as ``module:function``, the module below ``shared_code.e_invoices``.
    :ivar repeated: path to elements of which each is an invoice, where one root holds several; those beyond the limit
        are counted and not read.
    """

    name: str
    roots: tuple[str, ...]
    namespaces: tuple[str, ...]
    reader: str
    repeated: str | None = None

    @property
    def read(self) -> Reader:
        """The reader itself."""
        return _imported(self.reader)


#: Looked through from the top: the first that fits reads the file.
SYNTAXES = (
    Syntax(
        "CII",
        ("CrossIndustryInvoice", "CrossIndustryDocument"),
        ("urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:", "urn:ferd:CrossIndustryDocument:invoice:"),
        "cii:read_cii",
    ),
    Syntax(
        "UBL",
        ("Invoice", "CreditNote", "DebitNote", "SelfBilledInvoice", "SelfBilledCreditNote"),
        ("urn:oasis:names:specification:ubl:schema:xsd:",),
        "ubl:read_ubl",
    ),
    # any namespace: the names are unique, and each version has a namespace of its own
    Syntax(
        "FatturaPA",
        ("FatturaElettronica", "FatturaElettronicaSemplificata"),
        ("",),
        "fatturapa:read_fatturapa",
        "FatturaElettronicaBody",
    ),
    Syntax(
        "KSeF",
        ("Faktura",),
        ("http://crd.gov.pl/wzor/2023/06/29/12648", "http://crd.gov.pl/wzor/2025/06/25/13775"),
        "national.ksef:read_ksef",
    ),
    Syntax("Facturae", ("Facturae",), ("",), "national.facturae:read_facturae", "Invoices/Invoice"),
    Syntax(
        "ebInterface",
        ("Invoice",),
        (
            "http://www.ebinterface.at/schema/4",
            "http://www.ebinterface.at/schema/5",
            "http://www.ebinterface.at/schema/6",
        ),
        "national.ebinterface:read_ebinterface",
    ),
    Syntax("CFDI", ("Comprobante",), ("",), "national.cfdi:read_cfdi"),
    Syntax("NF-e", ("nfeProc", "NFe", "enviNFe"), ("",), "national.nfe:read_nfe", "NFe"),
    Syntax("Finvoice", ("Finvoice",), ("",), "national.finvoice:read_finvoice"),
    Syntax("ISDOC", ("Invoice",), ("http://isdoc.cz/namespace/",), "national.isdoc:read_isdoc"),
    Syntax("INV-01", ("inv01",), ("urn:json:gst-inv-01",), "national.gst_inv01:read_inv01"),
    Syntax("NAV", ("InvoiceData",), ("http://schemas.nav.gov.hu/OSA/",), "national.nav:read_nav"),
    Syntax(
        "Svefaktura",
        ("Invoice", "Invoices"),
        ("urn:sfti:documents:BasicInvoice",),
        "national.svefaktura:read_svefaktura",
    ),
)

_BY_ROOT: dict[str, tuple[Syntax, ...]] = {
    root: tuple(syntax for syntax in SYNTAXES if root in syntax.roots) for each in SYNTAXES for root in each.roots
}


def syntax_of(root: Node) -> Syntax | None:
    """The syntax of which this is the root element, or None."""
    namespace = "".join(root.namespace.split())  # some files break the line within it
    return next((each for each in _BY_ROOT.get(root.name, ()) if namespace.startswith(each.namespaces)), None)


@lru_cache(maxsize=64)
def _imported(reader: str) -> Reader:
    module, _, function = reader.partition(":")
    return cast("Reader", getattr(import_module(f"shared_code.e_invoices.{module}"), function))
