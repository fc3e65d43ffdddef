"""NF-e 4.00: invoices as the manual and as programs write them, with values by hand."""

from tests.unit.e_invoices.national.played import answer

_KEY = "35260812345678000195550010000012341000012345"


def _party(
    tag, address, name, number="<CNPJ>12345678000195</CNPJ>", *, country="<cPais>1058</cPais><xPais>BRASIL</xPais>"
):
    return (
        f"<{tag}>{number}<xNome>{name}</xNome><{address}><xLgr>Rua Bahia</xLgr><nro>3465</nro><xBairro>Salto</xBairro><cMun>4202404"
        f"</cMun><xMun>Blumenau</xMun><UF>SC</UF><CEP>89031001</CEP>{country}<fone>4733270000</fone></{address}><IE>250745615</IE></{tag}>"
    )


_SELLER = _party("emit", "enderEmit", "Fornos LTDA").replace("</xNome>", "</xNome><xFant>Fornos</xFant>")
_BUYER = _party("dest", "enderDest", "Cliente SA", "<CNPJ>98765432000198</CNPJ>").replace(
    "</dest>", "<email>c@c.example</email></dest>"
)


def _item(number, quantity, price, amount, taxes="", *, more=""):
    return (
        f'<det nItem="{number}"><prod><cProd>P{number}</cProd><cEAN>SEM GTIN</cEAN><xProd>Peca {number}</xProd><NCM>85169000</NCM>'
        f"<CFOP>5102</CFOP><uCom>PC</uCom><qCom>{quantity}</qCom><vUnCom>{price}</vUnCom><vProd>{amount}</vProd>{more or '<indTot>1</indTot>'}"
        f"</prod><imposto>{taxes}</imposto></det>"
    )


def _icms(base, rate, amount):
    return f"<ICMS><ICMS00><orig>0</orig><CST>00</CST><vBC>{base}</vBC><pICMS>{rate}</pICMS><vICMS>{amount}</vICMS></ICMS00></ICMS>"


def _totals(total, **amounts):
    given = "".join(f"<{name}>{amount}</{name}>" for name, amount in amounts.items())
    return f"<total><ICMSTot>{given}<vNF>{total}</vNF></ICMSTot></total>"


def _note(body, *, ide="<tpNF>1</tpNF><finNFe>1</finNFe>", seller=_SELLER, buyer=_BUYER, model="55"):
    return (
        f'<NFe xmlns="http://www.portalfiscal.inf.br/nfe"><infNFe versao="4.00" Id="NFe{_KEY}"><ide><mod>{model}</mod><serie>1</serie>'
        f"<nNF>1234</nNF><dhEmi>2026-08-03T15:05:23-03:00</dhEmi>{ide}</ide>{seller}{buyer}{body}</infNFe></NFe>"
    )


def _processed(note, status="100"):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><nfeProc xmlns="http://www.portalfiscal.inf.br/nfe" versao="4.00">{note}<protNFe '
        f'versao="4.00"><infProt><chNFe>{_KEY}</chNFe><dhRecbto>2026-08-03T15:06:00-03:00</dhRecbto><nProt>1</nProt><cStat>{status}'
        "</cStat></infProt></protNFe></nfeProc>"
    )


_IPI = (
    "<IPI><cEnq>999</cEnq><IPITrib><CST>50</CST><vBC>980.00</vBC><pIPI>10.0000</pIPI><vIPI>98.00</vIPI></IPITrib></IPI>"
)
FULL = _processed(
    _note(
        _item(
            1,
            "10.0000",
            "100.0000000000",
            "1000.00",
            _icms("980.00", "17.0000", "166.60") + _IPI,
            more="<vDesc>50.00</vDesc><indTot>1</indTot><xPed>PO-5</xPed>",
        )
        + _totals(
            "1100.00",
            vBC="980.00",
            vICMS="166.60",
            vST="22.00",
            vProd="1000.00",
            vFrete="30.00",
            vSeg="0.00",
            vDesc="50.00",
            vII="0.00",
            vIPI="98.00",
            vPIS="6.00",
            vCOFINS="28.00",
            vOutro="0.00",
        )
        + "<cobr><fat><nFat>001</nFat><vOrig>1100.00</vOrig><vDesc>0.00</vDesc><vLiq>1100.00</vLiq></fat><dup><dVenc>2026-10-03"
        "</dVenc><vDup>550.00</vDup></dup><dup><dVenc>2026-09-03</dVenc><vDup>550.00</vDup></dup></cobr><pag><detPag><tPag>15"
        "</tPag><vPag>1100.00</vPag></detPag></pag><infAdic><infCpl>Pedido 5</infCpl></infAdic><compra><xPed>PO-5</xPed><xCont>"
        "C-1</xCont></compra>",
        ide="<dhSaiEnt>2026-08-04T09:00:00-03:00</dhSaiEnt><tpNF>1</tpNF><finNFe>1</finNFe>",
    )
)


def test_an_authorised_invoice_with_taxes_on_top_and_within_the_price():
    """1000.00 less 50.00, freight 30.00; IPI 10 % of 980.00 = 98.00; ICMS by substitution 22.00: 1100.00."""
    status, codes, invoice = answer(
        FULL
    )  # fmt: skip
    assert (status, codes) == ("ok", [])
    assert (invoice["document_type"], invoice["invoice_number"], invoice["currency"]) == ("invoice", "1234", "BRL")
    assert (invoice["invoice_date"], invoice["delivery_date"], invoice["due_date"]) == (
        "2026-08-03",
        "2026-08-04",
        "2026-09-03",
    )
    assert (invoice["subtotal"], invoice["discount_total"], invoice["charges_total"]) == ("1000.00", "50.00", "30.00")
    assert (invoice["net_total"], invoice["tax_total"], invoice["total"]) == ("980.00", "120.00", "1100.00")
    assert invoice["amount_due"] == "1100.00"
    assert invoice["taxes"] == [
        {"name": "IPI", "rate": "10.0000", "taxable_amount": "980.00", "amount": "98.00"},
        {"name": "ICMS-ST", "amount": "22.00"},
    ]
    assert invoice["seller"] == {
        "name": "Fornos LTDA", "trading_name": "Fornos", "tax_id": "12345678000195", "tax_id_type": "TIN",
        "registration_number": "250745615", "address": "Rua Bahia, 3465, Salto", "city": "Blumenau", "state": "SC",
        "postal_code": "89031001", "country": "BR", "phone": "4733270000",
    }  # fmt: skip
    assert (invoice["buyer"]["tax_id"], invoice["buyer"]["email"]) == ("98765432000198", "c@c.example")
    line = invoice["line_items"][0]
    assert (line["product_code"], line["hsn_sac"], line["unit"]) == ("P1", "85169000", "PC")
    assert (line["net_amount"], line["discount_amount"], line["tax_rate"]) == ("1000.00", "50.00", "17.0000")
    assert [(tax["name"], tax["amount"]) for tax in line["taxes"]] == [("ICMS", "166.60"), ("IPI", "98.00")]
    assert (invoice["po_numbers"], invoice["contract_number"], invoice["notes"]) == (["PO-5"], "C-1", "Pedido 5")
    assert invoice["payment"] == {"method": "bank payment slip (boleto)", "reference": "001"}
    assert invoice["fiscal"] == {"authority": "SEFAZ", "receipt_number": _KEY, "timestamp": "2026-08-03T15:06:00-03:00"}


def test_a_return_without_authorisation_names_the_key_of_its_invoice():
    status, codes, invoice = answer(
        _note(
            _item(1, "2", "50.00", "100.00", _icms("100.00", "12.00", "12.00"))
            + _totals("105.00", vProd="100.00", vDesc="0.00", vIPIDevol="5.00")
            + "<pag><detPag><tPag>90</tPag><vPag>0.00</vPag></detPag></pag>",
            ide=f"<tpNF>0</tpNF><finNFe>4</finNFe><NFref><refNFe>{_KEY}</refNFe></NFref>",
        )
    )
    assert (status, codes) == ("ok", ["credit_note_positive"])
    assert (invoice["document_type"], invoice["original_invoice"]) == ("credit_note", {"number": _KEY})
    assert (invoice["tax_total"], invoice["total"]) == ("5.00", "105.00")
    assert invoice["seller"]["name"] == "Fornos LTDA"
    assert "payment" not in invoice


def test_an_import_is_issued_by_the_buyer_and_may_leave_the_duty_out_of_the_total():
    """Products 1000.00, IPI 100.00; the import duty of 160.00 is named but not in the total of 1100.00."""
    supplier = _party(
        "dest",
        "enderDest",
        "Elektro GmbH",
        "<idEstrangeiro>X1</idEstrangeiro>",
        country="<cPais>0230</cPais><xPais>Alemanha</xPais>",
    ).replace("<UF>SC</UF>", "<UF>EX</UF>")
    status, codes, invoice = answer(
        _note(
            _item(1, "10", "100", "1000.00", "<II><vBC>1000.00</vBC><vDespAdu>0.00</vDespAdu><vII>160.00</vII></II>")
            + _totals("1100.00", vProd="1000.00", vII="160.00", vIPI="100.00"),
            ide="<tpNF>0</tpNF><finNFe>1</finNFe>",
            buyer=supplier,
        )
    )
    assert (status, codes) == ("ok", ["self_billed"])
    assert (invoice["seller"]["name"], invoice["seller"]["country"]) == ("Elektro GmbH", "DE")
    assert (invoice["seller"]["tax_id"], invoice["seller"]["tax_id_type"]) == ("X1", "OTHER")
    assert invoice["buyer"]["name"] == "Fornos LTDA"
    assert invoice["taxes"] == [{"name": "IPI", "amount": "100.00"}]


def test_services_taxes_kept_back_and_a_bill_over_another_amount():
    """Goods 100.00 and services 50.00: 150.00; a third line is a gift that does not count; income tax 4.50 is kept back."""
    status, codes, invoice = answer(
        _note(
            _item(1, "1", "100.00", "100.00")
            + _item(2, "1", "50.00", "50.00", "<ISSQN><vBC>50.00</vBC><vAliq>5.00</vAliq><vISSQN>2.50</vISSQN></ISSQN>")
            + _item(3, "1", "9.00", "9.00", more="<indTot>0</indTot>")
            + "<total><ICMSTot><vProd>100.00</vProd><vDesc>0.00</vDesc><vNF>150.00</vNF></ICMSTot><ISSQNtot><vServ>50.00</vServ>"
            "<vISSRet>2.50</vISSRet></ISSQNtot><retTrib><vIRRF>4.50</vIRRF></retTrib></total>"
            "<cobr><fat><vOrig>80.00</vOrig><vLiq>80.00</vLiq></fat></cobr><pag><detPag><tPag>99</tPag><xPag>Permuta</xPag></detPag></pag>"
        )
    )
    assert (status, codes) == ("ok", [])
    assert (invoice["subtotal"], invoice["net_total"], invoice["total"]) == ("150.00", "150.00", "150.00")
    assert invoice["withholdings"] == [{"name": "IRRF", "amount": "4.50"}, {"name": "ISS", "amount": "2.50"}]
    assert invoice["line_items"][1]["tax_rate"] == "5.00"
    assert "net_amount" not in invoice["line_items"][2]
    assert "amount_due" not in invoice
    assert invoice["payment"] == {"method": "Permuta"}


def test_a_consumer_receipt_spared_of_a_tax():
    """100.00 less the ICMS of 7.00 that the buyer is spared; another prefix, and no buyer at all."""
    note = _note(
        _item(1, "1", "100.00", "100.00") + _totals("93.00", vICMSDeson="7.00", vProd="100.00"), buyer="", model="65"
    )
    prefixed = note.replace("</", "</n:").replace("<", "<n:").replace("<n:/n:", "</n:").replace("xmlns=", "xmlns:n=")
    status, codes, invoice = answer(prefixed)
    assert (status, codes) == ("ok", [])
    assert (invoice["document_type"], invoice["discount_total"], invoice["total"]) == ("receipt", "7.00", "93.00")
    assert "buyer" not in invoice


def test_an_invoice_that_the_authority_refused_needs_a_look():
    status, codes, _ = answer(
        _processed(_note(_item(1, "1", "5", "5.00") + _totals("5.00", vProd="5.00")), status="302")
    )
    assert (status, codes) == ("needs_review", ["not_authorised"])
