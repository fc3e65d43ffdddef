"""The certificates of the system are read once for all clients of vendors: to read them takes 50 ms."""

import ssl

from shared_code.providers.gemini.client import GeminiProvider
from shared_code.providers.openai.client import OpenAIProvider
from shared_code.providers.transport import tls_context


def test_clients_of_all_vendors_share_the_certificates_that_were_read(monkeypatch):
    tls_context.cache_clear()
    read = []
    real = ssl.SSLContext.load_verify_locations

    def load_verify_locations(context, *arguments, **options):
        read.append(arguments or options)
        return real(context, *arguments, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load_verify_locations, raising=False)
    for provider in (GeminiProvider(), OpenAIProvider(), GeminiProvider()):
        provider._ready_client()
        provider.close()
    assert len(read) == 1
    assert tls_context(trust_env=True).verify_mode is ssl.CERT_REQUIRED
    assert tls_context(trust_env=True).check_hostname
