# ruff: noqa: SIM905 - two hundred codes read better as text than as two hundred quoted strings
"""Currencies: the codes of ISO 4217, their decimals and their countries.

Codes and minor units are those of ISO 4217 list one (current currencies); the last row of ``_CODES`` holds codes of
list three (withdrawn currencies), because old invoices come in too.
"""

from decimal import Decimal

_CODES = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
    GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS
    UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    HRK LTL LVL EEK SKK DEM FRF ITL ESP NLG ATS BEF CUC SLL VEF ZMK ZWL GHC""".split()
)
_MINOR_UNITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


def is_currency(code: str | None) -> bool:
    """Whether ``code`` is an ISO 4217 code, current or withdrawn."""
    return code in _CODES


def minor_units(code: str | None) -> int:
    """Decimal places of amounts in the currency (the minor unit of ISO 4217); 2 when the currency is not known."""
    return _MINOR_UNITS.get(code or "", 2)


def minor_unit(code: str | None) -> Decimal:
    """The smallest amount in the currency: 0.01, 1 or 0.001."""
    return Decimal(1).scaleb(-minor_units(code))


def is_currency_of(code: str, country: str | None) -> bool:
    """Whether ``code`` is money in a country (ISO 3166-1 alpha-2), by the Unicode CLDR: the dollar in Ecuador."""
    if country is None:
        return False
    from babel.numbers import get_territory_currencies

    return code in get_territory_currencies(country)
