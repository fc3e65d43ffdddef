"""One small, sound invoice in every syntax that is read without a model, for tests that are about all of them."""

import json

from tests.unit.e_invoices.structured import invoice_json, invoice_xml
from tests.unit.e_invoices.written import cii, ubl

_FATTURAPA = """<p:FatturaElettronica versione="FPR12" xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2">
<FatturaElettronicaHeader><CedentePrestatore><DatiAnagrafici><IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>01234567897</IdCodice></IdFiscaleIVA>
<Anagrafica><Denominazione>Alfa S.r.l.</Denominazione></Anagrafica></DatiAnagrafici></CedentePrestatore></FatturaElettronicaHeader>
<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD01</TipoDocumento><Divisa>EUR</Divisa><Data>2026-05-04</Data>
<Numero>1</Numero><ImportoTotaleDocumento>122.00</ImportoTotaleDocumento></DatiGeneraliDocumento></DatiGenerali><DatiBeniServizi>
<DettaglioLinee><NumeroLinea>1</NumeroLinea><Descrizione>Servizio</Descrizione><PrezzoUnitario>100.00</PrezzoUnitario>
<PrezzoTotale>100.00</PrezzoTotale><AliquotaIVA>22.00</AliquotaIVA></DettaglioLinee><DatiRiepilogo><AliquotaIVA>22.00</AliquotaIVA>
<ImponibileImporto>100.00</ImponibileImporto><Imposta>22.00</Imposta></DatiRiepilogo></DatiBeniServizi></FatturaElettronicaBody>
</p:FatturaElettronica>"""
_KSEF = """<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"><Naglowek><KodFormularza kodSystemowy="FA (3)">FA</KodFormularza></Naglowek>
<Podmiot1><DaneIdentyfikacyjne><NIP>1234563218</NIP><Nazwa>Alfa Sp. z o.o.</Nazwa></DaneIdentyfikacyjne></Podmiot1><Fa><KodWaluty>PLN</KodWaluty>
<P_1>2026-05-04</P_1><P_2>FV/1</P_2><P_13_1>100.00</P_13_1><P_14_1>23.00</P_14_1><P_15>123.00</P_15><RodzajFaktury>VAT</RodzajFaktury>
<FaWiersz><NrWierszaFa>1</NrWierszaFa><P_7>Usluga</P_7><P_8A>szt</P_8A><P_8B>2</P_8B><P_9A>50.00</P_9A><P_11>100.00</P_11><P_12>23</P_12>
</FaWiersz></Fa></Faktura>"""
_FACTURAE = """<fe:Facturae xmlns:fe="http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml"><FileHeader><SchemaVersion>3.2.2</SchemaVersion>
</FileHeader><Parties><SellerParty><TaxIdentification><TaxIdentificationNumber>A12345674</TaxIdentificationNumber></TaxIdentification><LegalEntity>
<CorporateName>Alfa S.A.</CorporateName></LegalEntity></SellerParty></Parties><Invoices><Invoice><InvoiceHeader><InvoiceNumber>F1</InvoiceNumber>
<InvoiceDocumentType>FC</InvoiceDocumentType><InvoiceClass>OO</InvoiceClass></InvoiceHeader><InvoiceIssueData><IssueDate>2026-05-04</IssueDate>
<InvoiceCurrencyCode>EUR</InvoiceCurrencyCode></InvoiceIssueData><InvoiceTotals><TotalGrossAmount>100.00</TotalGrossAmount>
<TotalGrossAmountBeforeTaxes>100.00</TotalGrossAmountBeforeTaxes><TotalTaxOutputs>21.00</TotalTaxOutputs><InvoiceTotal>121.00</InvoiceTotal>
<TotalExecutableAmount>121.00</TotalExecutableAmount></InvoiceTotals><Items><InvoiceLine><ItemDescription>Trabajo</ItemDescription>
<Quantity>1</Quantity><UnitPriceWithoutTax>100.00</UnitPriceWithoutTax><TotalCost>100.00</TotalCost><GrossAmount>100.00</GrossAmount></InvoiceLine>
</Items></Invoice></Invoices></fe:Facturae>"""
_EBINTERFACE = """<Invoice xmlns="http://www.ebinterface.at/schema/6p1/" InvoiceCurrency="EUR" DocumentType="Invoice">
<InvoiceNumber>E1</InvoiceNumber><InvoiceDate>2026-05-04</InvoiceDate><Biller><VATIdentificationNumber>ATU12345675</VATIdentificationNumber>
<Address><Name>Alfa GmbH</Name></Address></Biller><Details><ItemList><ListLineItem><Description>Arbeit</Description><Quantity Unit="C62">1</Quantity>
<UnitPrice>100.00</UnitPrice><TaxItem><TaxableAmount>100.00</TaxableAmount><TaxPercent TaxCategoryCode="S">20</TaxPercent></TaxItem>
<LineItemAmount>100.00</LineItemAmount></ListLineItem></ItemList></Details><Tax><TaxItem><TaxableAmount>100.00</TaxableAmount>
<TaxPercent TaxCategoryCode="S">20</TaxPercent><TaxAmount>20.00</TaxAmount></TaxItem></Tax><TotalGrossAmount>120.00</TotalGrossAmount>
<PayableAmount>120.00</PayableAmount></Invoice>"""
_CFDI = """<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Folio="1" Fecha="2026-05-04T10:00:00" Moneda="MXN" SubTotal="100.00"
Total="116.00" TipoDeComprobante="I"><cfdi:Emisor Rfc="EKU9003173C9" Nombre="ALFA"/><cfdi:Conceptos><cfdi:Concepto Cantidad="1" Descripcion="Trabajo"
ValorUnitario="100.00" Importe="100.00"/></cfdi:Conceptos><cfdi:Impuestos TotalImpuestosTrasladados="16.00"><cfdi:Traslados><cfdi:Traslado Base="100.00"
Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="16.00"/></cfdi:Traslados></cfdi:Impuestos></cfdi:Comprobante>"""
_NFE = """<nfeProc xmlns="http://www.portalfiscal.inf.br/nfe" versao="4.00"><NFe><infNFe versao="4.00"><ide><nNF>1</nNF><serie>1</serie>
<dhEmi>2026-05-04T10:00:00-03:00</dhEmi><tpNF>1</tpNF><finNFe>1</finNFe></ide><emit><CNPJ>11222333000181</CNPJ><xNome>Alfa Ltda</xNome></emit>
<det nItem="1"><prod><xProd>Produto</xProd><qCom>1.0000</qCom><uCom>UN</uCom><vUnCom>100.00</vUnCom><vProd>100.00</vProd></prod></det><total><ICMSTot>
<vICMS>18.00</vICMS><vProd>100.00</vProd><vNF>100.00</vNF></ICMSTot></total></infNFe></NFe></nfeProc>"""
_FINVOICE = """<Finvoice Version="3.0"><SellerPartyDetails><SellerOrganisationName>Alfa Oy</SellerOrganisationName></SellerPartyDetails><InvoiceDetails>
<InvoiceTypeCode>INV01</InvoiceTypeCode><InvoiceNumber>1</InvoiceNumber><InvoiceDate Format="CCYYMMDD">20260504</InvoiceDate>
<InvoiceTotalVatExcludedAmount AmountCurrencyIdentifier="EUR">100,00</InvoiceTotalVatExcludedAmount><InvoiceTotalVatAmount
AmountCurrencyIdentifier="EUR">25,50</InvoiceTotalVatAmount><InvoiceTotalVatIncludedAmount AmountCurrencyIdentifier="EUR">125,50
</InvoiceTotalVatIncludedAmount></InvoiceDetails><InvoiceRow><ArticleName>Työ</ArticleName><RowVatExcludedAmount AmountCurrencyIdentifier="EUR">100,00
</RowVatExcludedAmount></InvoiceRow></Finvoice>"""
_ISDOC = """<Invoice xmlns="http://isdoc.cz/namespace/2013" version="6.0.2"><DocumentType>1</DocumentType><ID>I-1</ID><IssueDate>2026-05-04</IssueDate>
<LocalCurrencyCode>CZK</LocalCurrencyCode><AccountingSupplierParty><Party><PartyName><Name>Alfa s.r.o.</Name></PartyName></Party>
</AccountingSupplierParty><InvoiceLines><InvoiceLine><ID>1</ID><InvoicedQuantity>1</InvoicedQuantity><LineExtensionAmount>100.00</LineExtensionAmount>
<UnitPrice>100.00</UnitPrice><Item><Description>Práce</Description></Item></InvoiceLine></InvoiceLines><TaxTotal><TaxAmount>21.00</TaxAmount></TaxTotal>
<LegalMonetaryTotal><TaxExclusiveAmount>100.00</TaxExclusiveAmount><TaxInclusiveAmount>121.00</TaxInclusiveAmount><PayableAmount>121.00</PayableAmount>
</LegalMonetaryTotal></Invoice>"""
_NAV = """<InvoiceData xmlns="http://schemas.nav.gov.hu/OSA/3.0/data" xmlns:b="http://schemas.nav.gov.hu/OSA/3.0/base"><invoiceNumber>N-1</invoiceNumber>
<invoiceIssueDate>2026-05-04</invoiceIssueDate><invoiceMain><invoice><invoiceHead><supplierInfo><supplierTaxNumber><b:taxpayerId>12345676</b:taxpayerId>
</supplierTaxNumber><supplierName>Alfa Kft.</supplierName></supplierInfo><invoiceDetail><invoiceCategory>NORMAL</invoiceCategory>
<currencyCode>HUF</currencyCode></invoiceDetail></invoiceHead><invoiceLines><line><lineNumber>1</lineNumber><lineDescription>Munka</lineDescription>
<quantity>1</quantity><unitPrice>100</unitPrice><lineAmountsNormal><lineNetAmountData><lineNetAmount>100</lineNetAmount></lineNetAmountData>
</lineAmountsNormal></line></invoiceLines><invoiceSummary><summaryNormal><invoiceNetAmount>100</invoiceNetAmount><invoiceVatAmount>27</invoiceVatAmount>
</summaryNormal><summaryGrossData><invoiceGrossAmount>127</invoiceGrossAmount></summaryGrossData></invoiceSummary></invoice></invoiceMain></InvoiceData>"""
_SVEFAKTURA = """<Invoice xmlns="urn:sfti:documents:BasicInvoice:1:0" xmlns:cbc="urn:oasis:names:tc:ubl:CommonBasicComponents:1:0"
xmlns:cac="urn:sfti:CommonAggregateComponents:1:0"><ID>S-1</ID><cbc:IssueDate>2026-05-04</cbc:IssueDate><InvoiceTypeCode>380</InvoiceTypeCode>
<InvoiceCurrencyCode>SEK</InvoiceCurrencyCode><cac:SellerParty><cac:Party><cac:PartyName><cbc:Name>Alfa AB</cbc:Name></cac:PartyName></cac:Party>
</cac:SellerParty><cac:LegalTotal><cbc:LineExtensionTotalAmount>100.00</cbc:LineExtensionTotalAmount><cbc:TaxExclusiveTotalAmount>100.00
</cbc:TaxExclusiveTotalAmount><cbc:TaxInclusiveTotalAmount>125.00</cbc:TaxInclusiveTotalAmount></cac:LegalTotal></Invoice>"""
_UBL_JSON = {
    "_D": "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2",
    "Invoice": [
        {
            "ID": [{"_": "J-1"}],
            "IssueDate": [{"_": "2026-05-04"}],
            "DocumentCurrencyCode": [{"_": "MYR"}],
            "AccountingSupplierParty": [
                {"Party": [{"PartyLegalEntity": [{"RegistrationName": [{"_": "Alfa Sdn Bhd"}]}]}]}
            ],
            "LegalMonetaryTotal": [
                {
                    "TaxExclusiveAmount": [{"_": 100.0, "currencyID": "MYR"}],
                    "TaxInclusiveAmount": [{"_": 106.0, "currencyID": "MYR"}],
                    "PayableAmount": [{"_": 106.0, "currencyID": "MYR"}],
                }
            ],
        }
    ],
}
_INV01 = {
    "Version": "1.1",
    "TranDtls": {"TaxSch": "GST", "SupTyp": "B2B"},
    "DocDtls": {"Typ": "INV", "No": "G-1", "Dt": "04/05/2026"},
    "SellerDtls": {"Gstin": "29AABCR1718E1ZL", "LglNm": "Alfa Pvt Ltd", "Stcd": "29"},
    "BuyerDtls": {"Gstin": "29AWGPV7107B1Z1", "LglNm": "Beta Pvt Ltd", "Stcd": "29", "Pos": "29"},
    "ItemList": [{"SlNo": "1", "PrdDesc": "Work", "Qty": 1, "UnitPrice": 100.0, "TotAmt": 100.0, "AssAmt": 100.0, "GstRt": 18.0,
                  "CgstAmt": 9.0, "SgstAmt": 9.0, "TotItemVal": 118.0}],
    "ValDtls": {"AssVal": 100.0, "CgstVal": 9.0, "SgstVal": 9.0, "TotInvVal": 118.0},
}  # fmt: skip

#: syntax -> file name and bytes
SAMPLES: dict[str, tuple[str, bytes]] = {
    "CII": ("cii.xml", cii()),
    "UBL": ("ubl.xml", ubl()),
    "FatturaPA": ("fatturapa.xml", _FATTURAPA.encode()),
    "KSeF": ("ksef.xml", _KSEF.encode()),
    "Facturae": ("facturae.xml", _FACTURAE.encode()),
    "ebInterface": ("ebinterface.xml", _EBINTERFACE.encode()),
    "CFDI": ("cfdi.xml", _CFDI.encode()),
    "NF-e": ("nfe.xml", _NFE.encode()),
    "Finvoice": ("finvoice.xml", _FINVOICE.encode()),
    "ISDOC": ("isdoc.xml", _ISDOC.encode()),
    "NAV": ("nav.xml", _NAV.encode()),
    "Svefaktura": ("svefaktura.xml", _SVEFAKTURA.encode()),
    "UBL as JSON": ("ubl.json", json.dumps(_UBL_JSON).encode()),
    "INV-01": ("inv01.json", json.dumps(_INV01).encode()),
}
#: those of kinds that no reader knows
UNKNOWN: dict[str, tuple[str, bytes]] = {
    "XML": ("unknown.xml", invoice_xml()),
    "JSON": ("unknown.json", invoice_json()),
}
