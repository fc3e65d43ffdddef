"""``func start`` sets WEBSITE_HOSTNAME to an address of the developer's machine: that is not the platform."""

import os

import pytest

from shared_code.settings import Settings, platform_variable


@pytest.fixture(autouse=True)
def no_platform(monkeypatch):
    for name in [name for name in os.environ if name.upper().startswith("WEBSITE_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("value", ["localhost:7071", "127.0.0.1:7071", "localhost"])
def test_core_tools_are_not_the_platform(monkeypatch, value):
    monkeypatch.setenv("WEBSITE_HOSTNAME", value)
    assert platform_variable() is None
    made = Settings(database_url="sqlite://", webhook_allow_loopback=True)
    assert made.public_address == f"http://{value}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEBSITE_HOSTNAME", "invoices.azurewebsites.net"),
        ("WEBSITE_HOSTNAME", "localhost.example.com:443"),
        ("WEBSITE_SITE_NAME", "localhost"),
        ("WEBSITE_INSTANCE_ID", "127.0.0.1"),
    ],
)
def test_every_other_variable_of_the_platform_is(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert platform_variable() == name
    with pytest.raises(ValueError, match="development only"):
        Settings(database_url="sqlite://", webhook_allow_loopback=True)


def test_beside_a_variable_of_the_platform_a_local_address_changes_nothing(monkeypatch):
    monkeypatch.setenv("WEBSITE_HOSTNAME", "localhost:7071")
    monkeypatch.setenv("WEBSITE_SITE_NAME", "invoices")
    assert platform_variable() == "WEBSITE_SITE_NAME"
