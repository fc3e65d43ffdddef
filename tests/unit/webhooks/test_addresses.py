"""Which addresses a webhook may have, as far as their text tells."""

import ipaddress

import pytest

from shared_code.errors import InvalidRequest
from shared_code.webhooks.addresses import kind_of, read_url, require_public


@pytest.mark.parametrize(
    ("url", "host_header", "target"),
    [
        ("https://hooks.example.com", "hooks.example.com", "/"),
        ("https://Hooks.Example.com/a/b?token=c@d", "hooks.example.com", "/a/b?token=c@d"),
        ("https://hooks.example.com?x=1", "hooks.example.com", "/?x=1"),
        ("https://hooks.example.com:8443/", "hooks.example.com:8443", "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
        ("https://93.184.216.34/", "93.184.216.34", "/"),
        ("https://[2606:2800:220:1::1]:8443/", "[2606:2800:220:1::1]:8443", "/"),
    ],
)
def test_public_addresses_are_read(url, host_header, target):
    read = read_url(url)
    assert (read.https, read.host_header, read.target) == (True, host_header, target)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "https:///path",
        "https://",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:65536/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/a\r\nX-Header: b",
        "https://hooks.example.com/\u00e9",
        "https://b\u00fccher.example/",
        "https://[fe80::1%25eth0]/",
        "https://[12345::]/",
        "https://999.1.1.1/",
        "https://1.2.3.4.5/",
        "https://example.0x10/",
        "https://hooks.example.com/" + "a" * 2000,
    ],
)
def test_texts_that_could_be_read_in_several_ways_are_refused(url):
    with pytest.raises(InvalidRequest) as refused:
        read_url(url)
    assert refused.value.details == {"field": "url"}


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", None),
        ("2606:2800:220:1::1", None),
        ("64:ff9b::808:808", None),
        ("64:ff9b::a00:1", "private"),
        ("127.8.8.8", "loopback"),
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "private"),
        ("10.1.2.3", "private"),
        ("172.31.255.255", "private"),
        ("192.168.0.1", "private"),
        ("100.64.0.1", "private"),
        ("192.0.2.1", "private"),
        ("198.18.0.1", "private"),
        ("169.254.169.254", "link-local"),
        ("168.63.129.16", "platform"),
        ("192.88.99.1", "platform"),
        ("224.0.0.251", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("fe80::1", "link-local"),
        ("fec0::1", "link-local"),
        ("fc00::1", "private"),
        ("ff02::1", "multicast"),
        ("2001:db8::1", "private"),
        ("2002:0a00:0001::", "tunnel to an IPv4 address"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "tunnel to an IPv4 address"),
        ("::ffff:8.8.8.8", "IPv4 address 8.8.8.8 in another form"),
        ("::ffff:10.0.0.1", "IPv4 address 10.0.0.1 in another form"),
        ("::10.0.0.1", "IPv4 address 10.0.0.1 in another form"),
    ],
)
def test_what_is_no_public_address_is_named(address, kind):
    assert kind_of(ipaddress.ip_address(address)) == kind


def test_one_address_that_is_not_public_refuses_the_host():
    found = [ipaddress.ip_address(text) for text in ("8.8.8.8", "10.0.0.1")]
    with pytest.raises(InvalidRequest, match=r"leads to 10\.0\.0\.1 \(private\)"):
        require_public("hooks.example.com", found)


def test_loopback_is_for_development_and_nothing_else_is():
    assert read_url("http://127.0.0.1:8000/", allow_loopback=True).port == 8000
    for url in ("http://127.0.0.1/", "https://127.0.0.1/", "https://[::1]/"):
        with pytest.raises(InvalidRequest):
            read_url(url)
    for url in ("http://10.0.0.1/", "https://169.254.169.254/", "ftp://127.0.0.1/", "https://[::ffff:127.0.0.1]/"):
        with pytest.raises(InvalidRequest):
            read_url(url, allow_loopback=True)
