"""What an address or a tax number says about the country, and the states of India as GST numbers them.

Codes of countries are ISO 3166-1 alpha-2. The prefixes of VAT numbers are those of the EU's VIES system (``EL`` is
Greece, ``XI`` Northern Ireland), of the United Kingdom, Switzerland and Norway. The state codes of India are the first
two digits of a GSTIN, as the GST portal (GST Network) lists them.
"""

import re
import unicodedata

from shared_code.invoices.schema import Party

#: names in English and in the languages of customers' vendors, without accents
_NAMES_OF_CODE = {
    "AE": "united arab emirates",
    "AR": "argentina",
    "AT": "austria, osterreich",
    "AU": "australia",
    "BE": "belgie, belgium",
    "BR": "brasil, brazil",
    "CA": "canada",
    "CH": "schweiz, suisse, switzerland",
    "CN": "china",
    "CZ": "czech republic",
    "DE": "deutschland, germany",
    "DK": "danmark, denmark",
    "ES": "espana, spain",
    "FI": "finland",
    "FR": "france",
    "GB": "england, great britain, scotland, uk, united kingdom, wales",
    "GH": "ghana",
    "GR": "greece",
    "HK": "hong kong",
    "ID": "indonesia",
    "IE": "ireland",
    "IN": "india, bharat",
    "IT": "italia, italy",
    "JP": "japan",
    "KE": "kenya",
    "LK": "sri lanka",
    "LU": "luxembourg",
    "MX": "mexico",
    "MY": "malaysia",
    "NG": "nigeria",
    "NL": "nederland, netherlands, the netherlands",
    "NO": "norge, norway",
    "NZ": "new zealand",
    "PH": "philippines",
    "PK": "pakistan",
    "PL": "poland, polska",
    "PT": "portugal",
    "SE": "sverige, sweden",
    "SG": "singapore",
    "TR": "turkey, turkiye",
    "TZ": "tanzania",
    "UG": "uganda",
    "US": "united states, united states of america, usa",
    "ZA": "south africa",
}
_NAMES = {name: code for code, names in _NAMES_OF_CODE.items() for name in names.split(", ")}
#: GST identification number: state code, PAN of the holder, registration number within the state, ``Z``, check digit
GSTIN_FORM = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]")
_VAT_PREFIX = re.compile(
    r"(AT|BE|BG|CHE|CY|CZ|DE|DK|EE|EL|ES|FI|FR|GB|HR|HU|IE|IT|LT|LU|LV|MT|NL|NO|PL|PT|RO|SE|SI|SK|XI)[0-9A-Z.+*-]{7,14}"
)
#: Taxpayer identification numbers of the Ghana Revenue Authority; the first letter is the kind of holder.
_GHANA_TIN = re.compile(r"[PCGQV]00[0-9]{7}[0-9X]")
#: the end of an address in the United States: ``New York, NY 10001``. Without its town it proves nothing: ``AZ 12345``
#: and ``DE 12345`` are addresses elsewhere, too.
_US_PLACE = re.compile(
    r"(?<=[a-zA-Z])[, ] *(A[LKZR]|C[AOT]|D[EC]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|"
    r"T[NX]|UT|V[TA]|W[AVIY]),? +[0-9]{5}(-[0-9]{4})?(?![0-9])"
)
#: prefixes of VAT numbers that are no country code
_IRREGULAR_PREFIXES = {"EL": "GR", "XI": "GB", "CHE": "CH"}

INDIAN_STATES = {
    "01": "jammu and kashmir",
    "02": "himachal pradesh",
    "03": "punjab",
    "04": "chandigarh",
    "05": "uttarakhand",
    "06": "haryana",
    "07": "delhi",
    "08": "rajasthan",
    "09": "uttar pradesh",
    "10": "bihar",
    "11": "sikkim",
    "12": "arunachal pradesh",
    "13": "nagaland",
    "14": "manipur",
    "15": "mizoram",
    "16": "tripura",
    "17": "meghalaya",
    "18": "assam",
    "19": "west bengal",
    "20": "jharkhand",
    "21": "odisha",
    "22": "chhattisgarh",
    "23": "madhya pradesh",
    "24": "gujarat",
    "25": "daman and diu",
    "26": "dadra and nagar haveli and daman and diu",
    "27": "maharashtra",
    "28": "andhra pradesh",
    "29": "karnataka",
    "30": "goa",
    "31": "lakshadweep",
    "32": "kerala",
    "33": "tamil nadu",
    "34": "puducherry",
    "35": "andaman and nicobar islands",
    "36": "telangana",
    "37": "andhra pradesh",
    "38": "ladakh",
    "96": "foreign country",
    "97": "other territory",
    "99": "centre jurisdiction",
}
_STATE_SPELLINGS = {"orissa": "21", "pondicherry": "34", "new delhi": "07", "uttaranchal": "05", "chattisgarh": "22"}


def country_code(text: str | None) -> str | None:
    """The ISO 3166-1 alpha-2 code for a code of two or three letters or for the name of a country, or None."""
    if not text:
        return None
    stripped = text.strip()
    if re.fullmatch(r"[A-Za-z]{2}", stripped):
        code = stripped.upper()
        return "GB" if code == "UK" else code
    return _NAMES.get(_fold(stripped)) or _alpha_2(stripped)


def _alpha_2(text: str) -> str | None:
    """The code of two letters for one of three."""
    if not re.fullmatch(r"[A-Z]{3}", text):
        return None
    from babel.core import get_global

    # the Unicode CLDR keeps the codes of three letters as aliases of those of two
    return next(iter(get_global("territory_aliases").get(text, ())), None)


def country_of(party: Party) -> str | None:
    """The country of a party: as stated, else by its tax number, else by the end of its address; None when unknown."""
    if party.country:
        return party.country
    tax_id = re.sub(r"[^0-9A-Z]", "", (party.tax_id or "").upper())
    if GSTIN_FORM.fullmatch(tax_id):
        return "IN"
    if _GHANA_TIN.fullmatch(tax_id):
        return "GH"
    prefix = _VAT_PREFIX.fullmatch(tax_id)
    if prefix:
        return _IRREGULAR_PREFIXES.get(prefix[1], prefix[1])
    parts = [part for part in re.split(r"[,;\n]", party.address or "") if part.strip()]
    named = _NAMES.get(_fold(parts[-1])) if parts else None
    return named or ("US" if _US_PLACE.search(party.address or "") else None)


def state_codes(text: str | None) -> frozenset[str]:
    """The GST state codes that a printed state can mean (``Maharashtra``, ``27``, ``27-Maharashtra``); often empty.

    Andhra Pradesh has two: 28 from before Telangana was split off in 2014, and 37.
    """
    folded = _fold(text or "")
    number = re.search(r"(?<!\d)\d{1,2}(?!\d)", folded)
    name = " ".join(re.sub(r"[^a-z ]", " ", folded).split())
    by_name = {code for code, state in INDIAN_STATES.items() if state == name}
    if name in _STATE_SPELLINGS:
        by_name = {_STATE_SPELLINGS[name]}
    if by_name:
        return frozenset(by_name)
    code = number[0].zfill(2) if number else ""
    return frozenset({code}) if code in INDIAN_STATES else frozenset()


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold()).replace("&", " and ").replace(".", "")
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())
