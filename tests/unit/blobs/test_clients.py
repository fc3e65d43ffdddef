"""Which account the settings name: a connection string, or the identity form in its two spellings."""

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import StorageErrorCode

from shared_code import errors
from shared_code.blobs.clients import ask_storage, blob_service_client, queue_client, storage_configured

SETTING = "AzureWebJobsStorage"


@pytest.fixture
def settings(make_settings, monkeypatch):
    for name in ("", "__blobServiceUri", "__queueServiceUri", "__accountName"):
        monkeypatch.delenv(SETTING + name, raising=False)
    return make_settings


def urls(settings):
    with blob_service_client(settings) as blobs, queue_client(settings, "q") as queue:
        return blobs.url.rstrip("/"), queue.url


def test_the_emulator_is_known_by_its_short_name(settings):
    chosen = settings("sqlite://", azurewebjobsstorage="UseDevelopmentStorage=true")
    assert storage_configured(chosen)
    assert urls(chosen) == ("http://127.0.0.1:10000/devstoreaccount1", "http://127.0.0.1:10001/devstoreaccount1/q")


@pytest.mark.parametrize(
    "named",
    [
        {
            "__blobServiceUri": "https://acc.blob.core.windows.net",
            "__queueServiceUri": "https://acc.queue.core.windows.net",
        },
        {"__accountName": "acc"},
    ],
)
def test_an_identity_needs_no_secret(settings, monkeypatch, named):
    for name, value in named.items():
        monkeypatch.setenv(SETTING + name, value)
    assert storage_configured(settings("sqlite://"))
    blob, queue = urls(settings("sqlite://"))
    assert (blob, queue) == ("https://acc.blob.core.windows.net", "https://acc.queue.core.windows.net/q")


def test_no_storage_is_said_by_the_settings_name(settings):
    assert not storage_configured(settings("sqlite://"))
    with pytest.raises(errors.ConfigurationError, match=f"{SETTING}__blobServiceUri"):
        blob_service_client(settings("sqlite://"))


def test_a_code_of_storage_is_known_by_its_text_however_the_sdk_gives_it():
    for code in (StorageErrorCode.CONDITION_NOT_MET, "ConditionNotMet"):

        def ask(code=code):
            error = HttpResponseError()
            error.status_code, error.error_code = 412, code
            raise error

        assert ask_storage(ask, settled={"ConditionNotMet"}) is None
        with pytest.raises(errors.BlobUnavailable, match=r"\(ConditionNotMet\)$"):
            ask_storage(ask, refused=errors.BlobUnavailable)
