"""Blobs and queues by managed identity, without a key: Azurite that takes tokens only, over https."""

import ipaddress
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from shared_code.azure_login import azure_credential
from shared_code.blobs.clients import blob_service_client, queue_client, storage_configured
from shared_code.settings import Settings
from tests.devstack.host.azurite import free_ports, running_azurite
from tests.integration.identity_endpoint import IdentityEndpoint

CLIENT = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


def certificate(folder):
    """A certificate for 127.0.0.1 that signs itself, and its key, as files."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return paths


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """The settings that the deployment makes; the identity's tokens are the only way in."""
    cert, key = certificate(tmp_path)
    identity, (blob, queue, table) = IdentityEndpoint(), free_ports(3)
    options = ["--oauth", "basic", "--cert", str(cert), "--key", str(key)]
    variables = {
        "AzureWebJobsStorage__blobServiceUri": f"https://127.0.0.1:{blob}/devstoreaccount1",
        "AzureWebJobsStorage__queueServiceUri": f"https://127.0.0.1:{queue}/devstoreaccount1",
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": CLIENT,
        "REQUESTS_CA_BUNDLE": str(cert),
        "NO_PROXY": "127.0.0.1",
        **identity.variables,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AzureWebJobsStorage", raising=False)
    monkeypatch.delenv("AZUREWEBJOBSSTORAGE", raising=False)
    azure_credential.cache_clear()
    with running_azurite(tmp_path / "azurite", ports=[blob, queue, table], options=options):
        yield identity
    azure_credential.cache_clear()
    identity.stop()


def test_blobs_and_queues_are_reached_with_one_token_of_the_identity(storage):
    settings = Settings()
    assert settings.azurewebjobsstorage is None
    assert storage_configured(settings)
    blobs = blob_service_client(settings)
    container = blobs.create_container("invoices")
    container.upload_blob("NT047/a.pdf", b"content")
    assert container.download_blob("NT047/a.pdf").readall() == b"content"
    queue = queue_client(settings, "extraction-jobs")
    queue.create_queue()
    queue.send_message(json.dumps({"id": "a"}))
    assert [message.content for message in queue.receive_messages()] == ['{"id": "a"}']
    (asked,) = storage.asked
    assert asked["resource"] == "https://storage.azure.com"
    assert asked["client_id"] == CLIENT


def test_a_token_for_something_else_is_refused(storage, monkeypatch):
    """That the token is looked at: without this the test above would show nothing."""
    from azure.core.exceptions import HttpResponseError

    monkeypatch.setattr("tests.integration.identity_endpoint.json_web_token", lambda *_, **__: "no.such.token")
    with pytest.raises(HttpResponseError) as raised:
        blob_service_client(Settings(), retries=0).create_container("invoices")
    assert raised.value.status_code in {401, 403}
