"""Who is in the demo: three companies that do not exist, and those who send them invoices."""

from dataclasses import dataclass
from decimal import Decimal

from shared_code.demo.invoices import Party

NORDWIND, KAVERI, ALQASR = "NORDWIND", "KAVERI", "ALQASR"


@dataclass(frozen=True, slots=True)
class Good:
    """What a seller sells: ``code`` is an HSN or SAC code."""

    name: str
    unit: str
    price: Decimal
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Seller:
    """A seller and what stands on its invoices. ``prefix`` begins their numbers; ``due_days`` are for payment."""

    party: Party
    currency: str
    taxes: tuple[tuple[str, Decimal], ...]
    prefix: str
    goods: tuple[Good, ...]
    due_days: int = 30


@dataclass(frozen=True, slots=True)
class Company:
    """A company that has its invoices read. ``users`` and ``branches`` send them; ``clerks`` look at them.

    :ivar per_day: documents on a usual working day, a year ago and now.
    """

    company_id: str
    name: str
    zone: str
    party: Party
    users: tuple[str, ...]
    branches: tuple[str, ...]
    clerks: tuple[str, ...]
    per_day: tuple[int, int]


COMPANIES = (
    Company(
        NORDWIND,
        "Nordwind Logistik GmbH",
        "Europe/Berlin",
        Party("Nordwind Logistik GmbH", "Speicherstraße 14", "Hamburg", "20457", "DE", "DE188203645", "USt-IdNr."),
        ("m.vogt", "j.petersen", "buchhaltung"),
        ("Hamburg", "Bremen", "Kiel"),
        ("app-service:maren.vogt@nordwind.example", "app-service:jonas.petersen@nordwind.example"),
        (26, 44),
    ),
    Company(
        KAVERI,
        "Kaveri Foods Pvt Ltd",
        "Asia/Kolkata",
        Party("Kaveri Foods Pvt Ltd", "12 Hebbal Ring Road", "Bengaluru", "560024", "IN", "29AADCK5530Q1ZZ", "GSTIN"),
        ("a.rao", "s.iyer"),
        ("Bengaluru", "Mysuru"),
        ("app-service:ananya.rao@kaveri.example",),
        (14, 27),
    ),
    Company(
        ALQASR,
        "Al Qasr Trading LLC \N{EM DASH} القصر للتجارة",
        "Asia/Dubai",
        Party("Al Qasr Trading LLC", "Al Wasl Road 88", "Dubai", "", "AE"),
        ("ليلى حداد", "o.farouk"),
        ("دبي", "Sharjah"),
        ("app-service:layla.haddad@alqasr.example",),
        (6, 15),
    ),
)


def company_of(company_id: str) -> Company:
    """The company with an id."""
    return next(company for company in COMPANIES if company.company_id == company_id)


def _goods(*lines: str) -> tuple[Good, ...]:
    """Goods, each as ``name | unit | price`` or ``name | unit | price | code``."""
    parts = ([part.strip() for part in line.split("|")] for line in lines)
    return tuple(Good(name, unit, Decimal(price), *code) for name, unit, price, *code in parts)


_GERMAN = (("MwSt.", Decimal(19)),)
_IGST = (("IGST", Decimal(18)),)
_STATE_GST = (("CGST", Decimal("2.5")), ("SGST", Decimal("2.5")))

SELLERS = {
    "kraemer": Seller(
        Party("Krämer Bürobedarf GmbH", "Lange Reihe 41", "Hamburg", "20099", "DE", "DE271934856", "USt-IdNr.",
              "DE46100500001234567890", "Hanseatische Bank", "de", (0.55, 0.12, 0.16)),
        "EUR", _GERMAN, "KB-2026-",
        _goods("Kopierpapier A4, 80 g | Krt | 24.90", "Toner schwarz, 6.000 Seiten | St | 89.50",
               "Ordner breit, grau | St | 2.35", "Etiketten 105 x 148 mm | Pkg | 12.80",
               "Versandtaschen C4 | Pkg | 18.40", "Bürostuhl Modell Elbe | St | 329.00"),
        14,
    ),
    "hafenkran": Seller(
        Party("Hafenkran Service GmbH", "Am Sandtorkai 7", "Hamburg", "20457", "DE", "DE314509722", "USt-IdNr.",
              "DE25200411330081726354", "Elbe Bank AG", "de", (0.05, 0.33, 0.42)),
        "EUR", _GERMAN, "HK/26/",
        _goods("Wartung Portalkran, Stunde | Std | 118.00", "Hydraulikschlauch DN 25 | St | 74.60",
               "Drahtseil 22 mm | m | 16.85", "Bremsbelag, Satz | St | 412.00", "Schmierstoff EP 2 | kg | 9.45",
               "Anfahrt Zone 2 | St | 65.00", "Prüfprotokoll UVV | St | 140.00"),
    ),
    "thames": Seller(
        Party("Thames Freight Ltd", "3 Dock Road", "Tilbury", "RM18 7EH", "GB", "GB731550011", "VAT No.",
              "GB29NWBK60161331926819", "Riverside Bank", "en", (0.10, 0.20, 0.42)),
        "GBP", (("VAT", Decimal(20)),), "TF-",
        _goods("Container handling 40 ft | ea | 185.00", "Customs clearance | ea | 62.50",
               "Haulage Tilbury to Leeds | ea | 640.00", "Storage, per day | day | 28.00",
               "Fuel surcharge | ea | 41.20"),
    ),
    "alpin": Seller(
        Party("Alpin Verpackungen AG", "Industriestrasse 22", "Winterthur", "8404", "CH", "CHE118326453", "UID",
              "CH9300762011623852957", "Kantonalbank", "en", (0.74, 0.18, 0.15)),
        "CHF", (("VAT", Decimal("8.1")),), "AV-",
        _goods("Folding box 400 x 300 mm | pc | 1.15", "Stretch film 23 my | roll | 9.80",
               "Edge protector 1.2 m | pc | 0.64", "Void fill, 500 l | bag | 22.30"),
    ),
    "pallets": Seller(
        Party("Van den Berg Pallets B.V.", "Waalhaven 118", "Rotterdam", "3087 BM", "NL", "NL853746308B01", "VAT No.",
              "NL91ABNA0417164300", "Maasbank", "en", (0.16, 0.38, 0.22)),
        "EUR", (("VAT", Decimal(21)),), "VB26",
        _goods("Euro pallet EPAL 1, new | pc | 11.40", "Euro pallet, used A | pc | 7.85",
               "Pallet collar 200 mm | pc | 6.20", "Collection and sorting | h | 48.00"),
    ),
    "moulin": Seller(
        Party("Papeterie Moulin SARL", "9 rue des Tanneurs", "Lille", "59800", "FR", "FR83404833048", "VAT No.",
              "FR1420041010050500013M02606", "Banque du Nord", "en", (0.36, 0.20, 0.46)),
        "EUR", (("TVA", Decimal(20)),), "PM-26-",
        _goods("Delivery notes, 3 parts | pad | 14.60", "Driver's log book | pc | 6.90",
               "Labels, printed | roll | 31.00"),
    ),
    "brightline": Seller(
        Party("Brightline Software Inc.", "500 Harbor Street, Suite 210", "Oakland, CA", "94607", "US", None, "EIN",
              "2209418853", "Pacific Bank", "en", (0.08, 0.45, 0.55)),
        "USD", (), "INV-",
        _goods("Team plan, per seat | seat | 24.00", "Route planning add-on | month | 310.00",
               "Onboarding session | h | 145.00", "API calls, 10,000 | pack | 18.00"),
    ),
    "sagar": Seller(
        Party("Sagar Polymers Pvt Ltd", "Plot 18, MIDC Andheri East", "Mumbai", "400093", "IN", "27AAKCS4821P1ZQ",
              "GSTIN", "50200048812764", "Bank of Konkan", "en", (0.60, 0.30, 0.05)),
        "INR", _IGST, "SPL/26-27/",
        _goods("HDPE granules | kg | 112.50 | 390120", "PP film 40 micron | kg | 148.00 | 392020",
               "Food grade drums 50 l | nos | 640.00 | 392330", "Caps and closures | nos | 2.40 | 392350",
               "LDPE liners | kg | 131.25 | 392321", "Crates, stackable | nos | 285.00 | 392310"),
    ),
    "veda": Seller(
        Party("Veda Cold Chain Pvt Ltd", "44 Anna Salai", "Chennai", "600002", "IN", "33AABCV7716M1Z1", "GSTIN",
              "912020038817265", "Coromandel Bank", "en", (0.04, 0.30, 0.52)),
        "INR", _IGST, "VCC-",
        _goods("Reefer transport, Chennai to Bengaluru | trip | 38500.00 | 996511",
               "Cold storage, pallet and month | nos | 1450.00 | 996721",
               "Loading and unloading | nos | 85.00 | 996711"),
    ),
    "deccan": Seller(
        Party("Deccan Spices LLP", "7 Market Yard", "Bengaluru", "560022", "IN", "29AAFCD6617L1Z8", "GSTIN",
              "33781190042", "Mysore Bank", "en", (0.62, 0.14, 0.10)),
        "INR", _STATE_GST, "DS/",
        _goods("Black pepper, garbled | kg | 612.00 | 090411", "Green cardamom 8 mm | kg | 2480.00 | 090831",
               "Turmeric powder | kg | 164.00 | 091030", "Cumin seed | kg | 298.00 | 090931"),
    ),
    "gulf": Seller(
        Party("Gulf Marine Supplies LLC", "Warehouse 6, Port Rashid", "Dubai", "", "AE", "100234567800003", "TRN",
              "AE070331234567890123456", "Creek Bank", "en", (0.05, 0.24, 0.34)),
        "AED", (("VAT", Decimal(5)),), "GMS-",
        _goods("Mooring rope 48 mm | coil | 1860.00", "Marine paint, 20 l | can | 745.00",
               "Shackle 25 t | pc | 212.50", "Safety harness | pc | 168.00", "Gangway net | pc | 390.00"),
    ),
}  # fmt: skip
