"""Uploads where the platform's authentication is on: the login's company must be the one that is asked for."""

import base64
from pathlib import Path

import pytest

from shared_code.errors import Forbidden
from shared_code.settings import Settings
from shared_code.web.extract import Upload, read_upload
from tests.unit.web.platform_logins import app_service_header

SAMPLE = Path(__file__).parents[3] / "samples" / "gst-invoice.pdf"


def upload(principal):
    return Upload(
        data=SAMPLE.read_bytes(),
        content_type="application/pdf",
        fields={"companyID": "nt047"},
        file_name=None,
        multipart=True,
        principal=principal,
    )


def login(*claims):
    return app_service_header(*claims)["x-ms-client-principal"]


@pytest.mark.parametrize(
    "principal",
    [
        login(("companyID", "NT047")),
        login(("companyID", "other"), ("companyID", "nt047 ")),
        login(("extension_0f1e2d_companyID", "nt047")),
        login(("http://schemas.example.com/claims/companyID", "NT047")),
    ],
)
def test_a_user_of_the_company_may_upload_for_it(principal):
    settings = Settings(website_auth_enabled=True)
    assert read_upload(upload(principal), settings, request_id="r", call_id="c").identity.caller.company_id == "NT047"


@pytest.mark.parametrize(
    "principal",
    [
        None,
        "",
        "not base64",
        base64.b64encode(b"[" * 20_000).decode(),
        base64.b64encode(b'{"claims": [{"typ": ["companyID"], "val": {}}, {"typ": "companyID", "val": 5}]}').decode(),
        login(),
        login(("companyID", "OTHER")),
        login(("companyID", "")),
        login(("notcompanyID", "NT047")),
        login(("roles", "admin")),
    ],
)
def test_nobody_else_may(principal):
    with pytest.raises(Forbidden):
        read_upload(upload(principal), Settings(website_auth_enabled=True), request_id="r", call_id="c")


def test_without_the_platform_s_authentication_its_header_means_nothing():
    for principal in (None, login(("companyID", "OTHER"))):
        assert (
            read_upload(upload(principal), Settings(), request_id="r", call_id="c").identity.caller.company_id
            == "NT047"
        )


def test_the_claim_has_the_name_that_the_settings_give():
    settings = Settings(website_auth_enabled=True, company_claim="tenant")
    assert read_upload(upload(login(("tenant", "NT047"))), settings, request_id="r", call_id="c")
    with pytest.raises(Forbidden):
        read_upload(upload(login(("companyID", "NT047"))), settings, request_id="r", call_id="c")
