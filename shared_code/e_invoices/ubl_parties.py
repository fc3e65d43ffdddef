"""The parties of UBL: seller, buyer, payee and place of delivery.

The mapping is that of the syntax binding to UBL 2.1 (CEN/TS 16931-3-2); BT and BG numbers are the business terms of
EN 16931-1. The name of a party is the registered one. ``PartyName`` is its trading name, and its name only where there
is no other, as in the profiles before EN 16931. A natural person has neither, but a ``Person``.
"""

from dataclasses import replace

from shared_code.e_invoices.codes import tax_number_of
from shared_code.e_invoices.ubl_profiles import register_entry, tax_identifiers, tax_scheme
from shared_code.e_invoices.xml import Node
from shared_code.invoices.countries import country_code
from shared_code.invoices.schema import Party, unless_empty

_PERSON = ("FirstName", "MiddleName", "FamilyName")


def read_party(node: Node | None) -> Party | None:
    """A seller (BG-4) or buyer (BG-7)."""
    if node is None:
        return None
    address = _address(node.part("PostalAddress"))
    registrations = [(tax_scheme(each), each.code("CompanyID")) for each in node.all("PartyTaxScheme")]
    tax_id, kind = tax_number_of((*registrations, *tax_identifiers(node)), address["country"], vat="VAT")
    endpoint = node.part("EndpointID")  # BT-34, BT-49; an e-mail address under scheme EM of the EAS code list
    party = Party(
        **address,
        name=_name(node),
        trading_name=node.text("PartyName/Name"),  # BT-28, BT-45
        tax_id=tax_id,
        tax_id_type=kind,
        registration_number=node.text("PartyLegalEntity/CompanyID") or register_entry(node),  # BT-30, BT-47
        email=node.text("Contact/ElectronicMail")
        or (endpoint.value if endpoint.attribute("schemeID") == "EM" else None),
        phone=node.text("Contact/Telephone"),
    )
    return unless_empty(party)


def read_payee(node: Node | None) -> Party | None:
    """The payee (BG-10), whose ``PartyName`` is its only name (BT-59)."""
    payee = read_party(node)
    return None if payee is None else replace(payee, trading_name=None)


def read_ship_to(delivery: Node | None) -> Party | None:
    """The place of delivery (BG-13)."""
    if delivery is None:
        return None
    address = _address(delivery.part("DeliveryLocation/Address", "DeliveryAddress"))
    name = delivery.text("DeliveryParty/PartyName/Name")  # BT-70
    return unless_empty(Party(**address, name=name))


def _name(node: Node) -> str | None:
    """The registered name (BT-27, BT-44), else the trading name, else that of a person."""
    registered = node.text("PartyLegalEntity/RegistrationName", "PartyTaxScheme/RegistrationName")
    person = node.part("Person")
    words = (word for part in _PERSON if (word := person.text(part)))
    return registered or node.text("PartyName/Name") or " ".join(words) or None


def _address(node: Node) -> dict[str, str | None]:
    """The fields of a party that hold an address."""
    street = " ".join(node.texts("StreetName", "BuildingNumber"))
    lines = dict.fromkeys([street, *node.texts("AdditionalStreetName", "AddressLine/Line", "CitySubdivisionName")])
    return {
        "address": ", ".join(line for line in lines if line) or None,
        "city": node.text("CityName"),
        "state": node.text("CountrySubentity"),
        "state_code": node.text("CountrySubentityCode"),
        "postal_code": node.text("PostalZone"),
        "country": country_code(node.text("Country/IdentificationCode") or node.text("Country/Name")),
    }
