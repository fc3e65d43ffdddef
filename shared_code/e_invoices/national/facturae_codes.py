"""Code lists of Facturae 3.2.2 (facturae.gob.es), in words or as codes of UN/CEFACT."""

#: TaxTypeCode
TAXES = {"01": "VAT", "02": "IPSI", "03": "IGIC", "04": "IRPF", "17": "REIVA", "18": "REIGIC", "19": "REIPSI"}
#: SpecialTaxableEventCode of a line (why it has no tax) -> category of UNTDID 5305
EVENTS = {"01": "E", "02": "O"}
#: UnitOfMeasure -> code of UN/ECE Recommendation 20; "05" is "other"
UNITS = {
    "01": "C62",
    "02": "HUR",
    "03": "KGM",
    "04": "LTR",
    "15": "CLT",
    "16": "CMT",
    "18": "DZN",
    "21": "GRM",
    "22": "KMT",
    "25": "MTR",
    "26": "MMT",
    "33": "MTQ",
    "34": "SEC",
    "35": "WTT",
    "36": "KWH",
    "05": None,
}
#: PaymentMeans
METHODS = {
    "01": "cash",
    "02": "direct debit",
    "03": "receipt",
    "04": "credit transfer",
    "05": "accepted bill of exchange",
    "06": "documentary credit",
    "08": "bill of exchange",
    "09": "transferable promissory note",
    "10": "promissory note",
    "11": "cheque",
    "13": "special payment",
    "14": "clearing between partners",
    "16": "certified cheque",
    "17": "bank cheque",
    "18": "cash on delivery",
    "19": "payment card",
}
