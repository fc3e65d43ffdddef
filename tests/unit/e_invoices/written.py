"""E-invoices written for one purpose each: a sound one per syntax, with parts that a test puts in."""

from shared_code.documents.document import Document
from shared_code.documents.file_type import Kind

_UBL = "urn:oasis:names:specification:ubl:schema:xsd"
SELLER_UBL = "<cac:Party><cac:PartyName><cbc:Name>Seller Ltd</cbc:Name></cac:PartyName></cac:Party>"


def ubl(
    body: str = "", *, root: str = "Invoice", totals: str | None = None, number: str = "U-1", date: str = "2026-01-15"
) -> bytes:
    totals = (
        totals
        if totals is not None
        else (
            "<cbc:LineExtensionAmount>100.00</cbc:LineExtensionAmount><cbc:TaxExclusiveAmount>100.00</cbc:TaxExclusiveAmount>"
            "<cbc:TaxInclusiveAmount>119.00</cbc:TaxInclusiveAmount><cbc:PayableAmount>119.00</cbc:PayableAmount>"
        )
    )
    return (
        f'<{root} xmlns="{_UBL}:{root}-2" xmlns:cac="{_UBL}:CommonAggregateComponents-2" xmlns:cbc="{_UBL}:CommonBasicComponents-2">'
        f"<cbc:ID>{number}</cbc:ID><cbc:IssueDate>{date}</cbc:IssueDate><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>"
        f"<cac:AccountingSupplierParty>{SELLER_UBL}</cac:AccountingSupplierParty>"
        f"{body}<cac:LegalMonetaryTotal>{totals}</cac:LegalMonetaryTotal></{root}>"
    ).encode()


def cii(
    *,
    document: str = "",
    lines: str = "",
    agreement: str = "",
    delivery: str = "",
    settlement: str = "",
    date: str = '<udt:DateTimeString format="102">20260115</udt:DateTimeString>',
    type_code: str = "380",
    totals: str = (
        "<ram:LineTotalAmount>100.00</ram:LineTotalAmount><ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount>"
        "<ram:TaxTotalAmount>19.00</ram:TaxTotalAmount><ram:GrandTotalAmount>119.00</ram:GrandTotalAmount>"
        "<ram:DuePayableAmount>119.00</ram:DuePayableAmount>"
    ),
) -> bytes:
    return (
        '<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"'
        ' xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"'
        ' xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">'
        f"<rsm:ExchangedDocument><ram:ID>C-1</ram:ID><ram:TypeCode>{type_code}</ram:TypeCode>"
        f"<ram:IssueDateTime>{date}</ram:IssueDateTime>{document}</rsm:ExchangedDocument>"
        f"<rsm:SupplyChainTradeTransaction>{lines}<ram:ApplicableHeaderTradeAgreement><ram:SellerTradeParty><ram:Name>Seller Ltd"
        f"</ram:Name></ram:SellerTradeParty>{agreement}</ram:ApplicableHeaderTradeAgreement><ram:ApplicableHeaderTradeDelivery>"
        f"{delivery}</ram:ApplicableHeaderTradeDelivery><ram:ApplicableHeaderTradeSettlement>"
        f"<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>{settlement}<ram:SpecifiedTradeSettlementHeaderMonetarySummation>"
        f"{totals}</ram:SpecifiedTradeSettlementHeaderMonetarySummation></ram:ApplicableHeaderTradeSettlement>"
        "</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"
    ).encode()


def cii_line(
    *, price: str, quantity: str, amount: str, settlement: str = "", document: str = "<ram:LineID>1</ram:LineID>"
) -> str:
    return (
        f"<ram:IncludedSupplyChainTradeLineItem><ram:AssociatedDocumentLineDocument>{document}</ram:AssociatedDocumentLineDocument>"
        "<ram:SpecifiedTradeProduct><ram:Name>Screws</ram:Name></ram:SpecifiedTradeProduct>"
        f"<ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>{price}</ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>"
        f'<ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="C62">{quantity}</ram:BilledQuantity></ram:SpecifiedLineTradeDelivery>'
        f"<ram:SpecifiedLineTradeSettlement>{settlement}<ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>{amount}"
        "</ram:LineTotalAmount></ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>"
        "</ram:IncludedSupplyChainTradeLineItem>"
    )


def fatturapa_body(
    *, number: str = "F-1", kind: str = "TD01", general: str = "", goods: str = "", payment: str = ""
) -> str:
    goods = goods or (
        "<DettaglioLinee><NumeroLinea>1</NumeroLinea><Descrizione>Servizio</Descrizione><PrezzoUnitario>100.00</PrezzoUnitario>"
        "<PrezzoTotale>100.00</PrezzoTotale><AliquotaIVA>22.00</AliquotaIVA></DettaglioLinee><DatiRiepilogo><AliquotaIVA>22.00"
        "</AliquotaIVA><ImponibileImporto>100.00</ImponibileImporto><Imposta>22.00</Imposta></DatiRiepilogo>"
    )
    return (
        f"<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>{kind}</TipoDocumento><Divisa>EUR</Divisa>"
        f"<Data>2026-01-15</Data><Numero>{number}</Numero>{general}</DatiGeneraliDocumento></DatiGenerali>"
        f"<DatiBeniServizi>{goods}</DatiBeniServizi>{payment}</FatturaElettronicaBody>"
    )


def fatturapa(*bodies: str, root: str = "FatturaElettronica", seller: str | None = None) -> bytes:
    seller = seller or (
        "<DatiAnagrafici><IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>01982821207</IdCodice></IdFiscaleIVA><Anagrafica>"
        "<Nome>Anna</Nome><Cognome>Neri</Cognome></Anagrafica></DatiAnagrafici>"
    )
    return (
        f'<p:{root} versione="FPR12" xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2">'
        f"<FatturaElettronicaHeader><CedentePrestatore>{seller}</CedentePrestatore></FatturaElettronicaHeader>"
        f"{''.join(bodies)}</p:{root}>"
    ).encode()


def pdf_with(*attachments: tuple[str, bytes]) -> Document:
    """What the intake makes of a PDF with these files in it."""
    return Document(
        kind=Kind.PDF,
        mime_type="application/pdf",
        sha256="0" * 64,
        size=1,
        page_count=1,
        label="invoice.pdf",
        media=(),
        xml_attachments=attachments,
    )
