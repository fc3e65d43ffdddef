"""KSeF FA(2) and FA(3): invoices as the ministry's samples and as programs write them, with values by hand."""

from tests.unit.e_invoices.national.played import answer

_FA3 = 'xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"'
_SELLER = (
    "<Podmiot1><DaneIdentyfikacyjne><NIP>9876543210</NIP><Nazwa>Hurtownia Abc sp. z o.o.</Nazwa></DaneIdentyfikacyjne>"
    "<Adres><KodKraju>PL</KodKraju><AdresL1>ul. Kwiatowa 1 m. 2</AdresL1><AdresL2>00-001 Warszawa</AdresL2></Adres>"
    "<DaneKontaktowe><Email>abc@abc.example</Email><Telefon>667444555</Telefon></DaneKontaktowe></Podmiot1>"
)
_BUYER = (
    "<Podmiot2><DaneIdentyfikacyjne><NIP>1234563218</NIP><Nazwa>F.H.U. Jan Kowalski</Nazwa></DaneIdentyfikacyjne>"
    "<Adres><KodKraju>PL</KodKraju><AdresL1>ul. Polna 1</AdresL1></Adres></Podmiot2>"
)
_NOTHING_SPECIAL = "<Adnotacje><P_16>2</P_16><P_17>2</P_17><P_18>2</P_18></Adnotacje>"


def _fa(body, *, root=_FA3, form="FA (3)", buyer=_BUYER):
    return (
        f'<Faktura {root}><Naglowek><KodFormularza kodSystemowy="{form}" wersjaSchemy="1-0E">FA</KodFormularza></Naglowek>'
        f"{_SELLER}{buyer}<Fa><KodWaluty>PLN</KodWaluty>{body}</Fa></Faktura>"
    )


def _line(number, net, *, quantity="1", price=None, rate="23", more=""):
    return (
        f"<FaWiersz><NrWierszaFa>{number}</NrWierszaFa><P_7>Towar {number}</P_7><P_8A>szt.</P_8A><P_8B>{quantity}</P_8B>"
        f"<P_9A>{price or net}</P_9A><P_11>{net}</P_11><P_12>{rate}</P_12>{more}</FaWiersz>"
    )


FULL = _fa(
    "<P_1>2026-02-15</P_1><P_1M>Warszawa</P_1M><P_2>FV2026/02/150</P_2><WZ>WZ 7/2026</WZ><P_6>2026-01-27</P_6>"
    "<P_13_1>1666.66</P_13_1><P_14_1>383.33</P_14_1><P_13_3>0.95</P_13_3><P_14_3>0.05</P_14_3>"
    "<P_13_6_1>100.00</P_13_6_1><P_15>2150.99</P_15>"
    f"{_NOTHING_SPECIAL}<RodzajFaktury>VAT</RodzajFaktury>"
    "<DodatkowyOpis><Klucz>przedstawiciel</Klucz><Wartosc>Anna Nowak</Wartosc></DodatkowyOpis>"
    + _line(1, "1626.01", more="<P_6A>2026-01-27</P_6A>")
    + _line(2, "40.65")
    + _line(3, "0.95", rate="5")
    + _line(4, "100", quantity="10", price="10", rate="0 KR")
    + "<Platnosc><TerminPlatnosci><Termin>2026-03-15</Termin></TerminPlatnosci><FormaPlatnosci>6</FormaPlatnosci>"
    "<RachunekBankowy><NrRB>73111111111111111111111111</NrRB><SWIFT>BREXPLPWXXX</SWIFT><NazwaBanku>Bank Przyklad"
    "</NazwaBanku></RachunekBankowy><Skonto><WarunkiSkonta>platnosc w 7 dni</WarunkiSkonta>"
    "<WysokoscSkonta>2,5%</WysokoscSkonta></Skonto></Platnosc><WarunkiTransakcji><Umowy><NrUmowy>U/12</NrUmowy></Umowy>"
    "<Zamowienia><NrZamowienia>4354343</NrZamowienia></Zamowienia></WarunkiTransakcji>"
)


def test_an_invoice_with_three_rates_and_all_that_the_form_has():
    status, codes, invoice = answer(FULL)
    assert (status, codes) == ("ok", [])
    assert invoice["document_type"] == "invoice"
    assert (invoice["invoice_number"], invoice["invoice_date"]) == ("FV2026/02/150", "2026-02-15")
    assert (invoice["delivery_date"], invoice["due_date"]) == ("2026-01-27", "2026-03-15")
    assert (invoice["net_total"], invoice["tax_total"], invoice["total"]) == ("1767.61", "383.38", "2150.99")
    assert [(tax["rate"], tax["taxable_amount"], tax["amount"], tax["category"]) for tax in invoice["taxes"]] == [
        ("23", "1666.66", "383.33", "S"),
        ("5", "0.95", "0.05", "S"),
        ("0", "100.00", "0", "Z"),
    ]
    assert invoice["seller"] == {
        "name": "Hurtownia Abc sp. z o.o.",
        "tax_id": "9876543210",
        "tax_id_type": "VAT",
        "address": "ul. Kwiatowa 1 m. 2, 00-001 Warszawa",
        "country": "PL",
        "email": "abc@abc.example",
        "phone": "667444555",
    }
    assert invoice["buyer"]["tax_id"] == "1234563218"
    assert invoice["line_items"][3] == {
        "line_no": "4", "description": "Towar 4", "quantity": "10", "unit": "szt.", "unit_price": "10",
        "net_amount": "100", "tax_rate": "0",
    }  # fmt: skip
    assert invoice["line_items"][0]["date"] == "2026-01-27"
    assert (invoice["po_numbers"], invoice["contract_number"]) == (["4354343"], "U/12")
    assert invoice["delivery_note_numbers"] == ["WZ 7/2026"]
    assert invoice["notes"] == "przedstawiciel: Anna Nowak"
    assert invoice["payment"] == {
        "terms": "2,5% platnosc w 7 dni",
        "method": "credit transfer",
        "discounts": [{"percent": "2.5"}],
        "bank_accounts": [
            {"account_number": "73111111111111111111111111", "bic": "BREXPLPWXXX", "bank_name": "Bank Przyklad"}
        ],
    }


def test_lines_before_a_correction_count_against_those_after_it():
    status, codes, invoice = answer(
        _fa(
            "<P_1>2026-03-01</P_1><P_2>FK2026/03/200</P_2><P_13_1>-162.60</P_13_1><P_14_1>-37.40</P_14_1><P_15>-200.00</P_15>"
            f"{_NOTHING_SPECIAL}<RodzajFaktury>KOR</RodzajFaktury><PrzyczynaKorekty>obnizka ceny</PrzyczynaKorekty>"
            "<DaneFaKorygowanej><DataWystFaKorygowanej>2026-02-15</DataWystFaKorygowanej><NrFaKorygowanej>FV2026/02/150"
            "</NrFaKorygowanej><NrKSeFN>1</NrKSeFN></DaneFaKorygowanej>"
            + _line(1, "1626.01", more="<StanPrzed>1</StanPrzed>")
            + _line(1, "1463.41")
        )
    )
    assert (status, codes) == ("ok", ["lines_before_correction"])
    assert (invoice["document_type"], invoice["total"]) == ("credit_note", "-200.00")
    assert invoice["original_invoice"] == {"number": "FV2026/02/150", "date": "2026-02-15"}
    assert [(line["quantity"], line["net_amount"]) for line in invoice["line_items"]] == [
        ("-1", "-1626.01"), ("1", "1463.41"),
    ]  # fmt: skip
    assert invoice["notes"] == "obnizka ceny"


def test_a_correction_that_raises_the_amount_is_a_debit_note():
    status, _, invoice = answer(
        _fa(
            "<P_1>2026-03-01</P_1><P_2>FK/1</P_2><P_13_1>50.00</P_13_1><P_14_1>11.50</P_14_1><P_15>61.50</P_15>"
            "<RodzajFaktury>KOR</RodzajFaktury>"
        )
    )
    assert (status, invoice["document_type"]) == ("ok", "debit_note")


def test_a_final_invoice_lists_more_than_it_bills():
    """As in the ministry's sample: the lines are the whole flat, the totals what the advance invoice has left."""
    status, codes, invoice = answer(
        _fa(
            "<P_1>2026-08-17</P_1><P_2>FV2026/08/12</P_2><P_13_1>4100.16</P_13_1><P_14_1>943.04</P_14_1>"
            "<P_13_2>280177.59</P_13_2><P_14_2>22414.21</P_14_2><P_15>307635</P_15>"
            "<RodzajFaktury>ROZ</RodzajFaktury><FakturaZaliczkowa><NrKSeFFaZaliczkowej>X</NrKSeFFaZaliczkowej></FakturaZaliczkowa>"
            + _line(1, "307500", rate="8")
            + _line(2, "4500")
            + "<Platnosc><TerminPlatnosci><Termin>2026-10-15</Termin></TerminPlatnosci><TerminPlatnosci><Termin>2026-09-15"
            "</Termin></TerminPlatnosci></Platnosc>"
        )
    )
    assert (status, codes) == ("ok", [])
    assert (invoice["net_total"], invoice["tax_total"], invoice["total"]) == ("284277.75", "23357.25", "307635")
    assert invoice["due_date"] == "2026-09-15"  # the first instalment


def test_foreign_currency_in_the_older_form_with_a_prefix_and_a_gross_price():
    """FA(2), in euros: an exempt line and one in gross prices; the tax in zloty; a part is paid."""
    text = (
        '<ns0:Faktura xmlns:ns0="http://crd.gov.pl/wzor/2023/06/29/12648/"><ns0:Naglowek><ns0:KodFormularza '
        'kodSystemowy="FA (2)">FA</ns0:KodFormularza></ns0:Naglowek><ns0:Podmiot1><ns0:PrefiksPodatnika>PL</ns0:PrefiksPodatnika>'
        "<ns0:DaneIdentyfikacyjne><ns0:NIP>9876543210</ns0:NIP><ns0:Nazwa>Abc</ns0:Nazwa></ns0:DaneIdentyfikacyjne>"
        "<ns0:Adres><ns0:KodKraju>PL</ns0:KodKraju><ns0:AdresL1>Kwiatowa 1</ns0:AdresL1></ns0:Adres></ns0:Podmiot1>"
        "<ns0:Podmiot2><ns0:DaneIdentyfikacyjne><ns0:KodUE>DE</ns0:KodUE><ns0:NrVatUE>136695976</ns0:NrVatUE><ns0:Nazwa>Muster GmbH"
        "</ns0:Nazwa></ns0:DaneIdentyfikacyjne></ns0:Podmiot2><ns0:Fa><ns0:KodWaluty>EUR</ns0:KodWaluty><ns0:P_1>2026-01-21</ns0:P_1>"
        "<ns0:P_2>15/2026</ns0:P_2><ns0:P_13_1>100</ns0:P_13_1><ns0:P_14_1>23</ns0:P_14_1><ns0:P_14_1W>99.36</ns0:P_14_1W>"
        "<ns0:P_13_2>0</ns0:P_13_2><ns0:P_14_2>0</ns0:P_14_2><ns0:P_13_7>50</ns0:P_13_7><ns0:P_15>173</ns0:P_15><ns0:Adnotacje>"
        "<ns0:P_17>1</ns0:P_17></ns0:Adnotacje><ns0:RodzajFaktury>VAT</ns0:RodzajFaktury><ns0:FaWiersz><ns0:NrWierszaFa>1"
        "</ns0:NrWierszaFa><ns0:P_7>Usluga</ns0:P_7><ns0:P_8B>2</ns0:P_8B><ns0:P_9B>61.5</ns0:P_9B><ns0:P_11A>123</ns0:P_11A>"
        "<ns0:P_12>23</ns0:P_12><ns0:KursWaluty>4.3200</ns0:KursWaluty></ns0:FaWiersz><ns0:FaWiersz><ns0:NrWierszaFa>2"
        "</ns0:NrWierszaFa><ns0:P_7>Szkolenie</ns0:P_7><ns0:P_8B>2.5</ns0:P_8B><ns0:P_9A>22</ns0:P_9A><ns0:P_10>5</ns0:P_10>"
        "<ns0:P_11>50</ns0:P_11><ns0:P_12>zw</ns0:P_12></ns0:FaWiersz><ns0:Platnosc><ns0:ZnacznikZaplatyCzesciowej>1"
        "</ns0:ZnacznikZaplatyCzesciowej><ns0:ZaplataCzesciowa><ns0:KwotaZaplatyCzesciowej>73</ns0:KwotaZaplatyCzesciowej>"
        "</ns0:ZaplataCzesciowa></ns0:Platnosc></ns0:Fa></ns0:Faktura>"
    )
    status, codes, invoice = answer(text)
    assert (status, codes) == ("ok", ["self_billed"])
    assert (invoice["currency"], invoice["exchange_rate"]) == ("EUR", "4.3200")
    assert (invoice["tax_currency"], invoice["tax_total_in_tax_currency"]) == ("PLN", "99.36")
    assert (invoice["net_total"], invoice["tax_total"], invoice["total"]) == ("150", "23", "173")
    assert (invoice["amount_paid"], invoice["amount_due"]) == ("73", "100")
    assert [(tax.get("rate"), tax["category"]) for tax in invoice["taxes"]] == [("23", "S"), (None, "E")]
    assert (invoice["seller"]["tax_id"], invoice["buyer"]["tax_id"]) == ("PL9876543210", "DE136695976")
    assert [line.get("tax_rate") for line in invoice["line_items"]] == ["23", None]
    assert invoice["line_items"][1]["discount_amount"] == "5"


def test_charges_and_deductions_lead_from_the_total_to_the_amount_due():
    status, codes, invoice = answer(
        _fa(
            "<P_1>2026-02-04</P_1><P_2>FA/1</P_2><P_13_1>738.21</P_13_1><P_14_1>169.79</P_14_1><P_15>908.00</P_15>"
            "<RodzajFaktury>VAT</RodzajFaktury>" + _line(1, "738.21") + "<Rozliczenie><Obciazenia><Kwota>69.01</Kwota>"
            "<Powod>Ubezpieczenie</Powod></Obciazenia><SumaObciazen>69.01</SumaObciazen><SumaOdliczen>50.00</SumaOdliczen>"
            "<DoZaplaty>927.01</DoZaplaty></Rozliczenie><Platnosc><FormaPlatnosci>6</FormaPlatnosci><RachunekBankowy>"
            "<NrRB>PL61109010140000071219812874</NrRB></RachunekBankowy><RachunekBankowyFaktora><NrRB>PL27114020040000300201355387"
            "</NrRB></RachunekBankowyFaktora></Platnosc>",
            buyer=_BUYER
            + "<Podmiot3><DaneIdentyfikacyjne><NIP>5260250274</NIP><Nazwa>Faktor SA</Nazwa></DaneIdentyfikacyjne>"
            "<Rola>1</Rola></Podmiot3>",
        )
    )
    assert (status, codes) == ("ok", [])
    assert (invoice["previous_balance"], invoice["amount_due"]) == ("19.01", "927.01")
    assert invoice["remit_to"]["name"] == "Faktor SA"
    # the factor's account takes the payment, not the seller's
    assert [account["iban"] for account in invoice["payment"]["bank_accounts"]] == ["PL27114020040000300201355387"]


def test_an_invoice_that_is_paid_has_nothing_due():
    _, _, invoice = answer(
        _fa(
            "<P_1>2026-02-04</P_1><P_2>FA/2</P_2><P_13_1>100</P_13_1><P_14_1>23</P_14_1><P_15>123</P_15>"
            "<Platnosc><Zaplacono>1</Zaplacono><DataZaplaty>2026-02-04</DataZaplaty></Platnosc>"
        )
    )
    assert (invoice["amount_paid"], invoice["amount_due"]) == ("123", "0")
