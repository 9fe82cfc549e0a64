"""Whose address a request counts for: that of its connection, unless a proxy speaks for somebody that is trusted."""

import json

import pytest
from starlette.datastructures import Headers

from mammoseg.errors import WrongCallError
from monailabel_app.lib.callers import find_caller_address, find_site, parse_networks

PROXIES = parse_networks("127.0.0.1, 10.0.0.0/24, fd00::1", "trusted_proxies")


def address(peer, *headers):
    return find_caller_address(peer, Headers(raw=[(name.encode(), value.encode()) for name, value in headers]), PROXIES)


FOR = "x-forwarded-for"


@pytest.mark.parametrize(
    "peer, headers, right",
    [
        ("192.0.2.9", [], "192.0.2.9"),
        ("192.0.2.9", [(FOR, "192.0.2.1")], "192.0.2.9"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [(FOR, "192.0.2.1")], "192.0.2.1"),
        ("127.0.0.1", [(FOR, "198.51.100.7, 192.0.2.1")], "192.0.2.1"),
        ("127.0.0.1", [(FOR, "198.51.100.7"), (FOR, "192.0.2.1, 10.0.0.3")], "192.0.2.1"),
        ("127.0.0.1", [(FOR, "10.0.0.4, 10.0.0.3")], "10.0.0.4"),
        ("127.0.0.1", [(FOR, "192.0.2.1, nobody")], "127.0.0.1"),
        ("127.0.0.1", [(FOR, "nobody, 10.0.0.3")], "10.0.0.3"),
        ("127.0.0.1", [(FOR, "192.0.2.1:4711")], "192.0.2.1"),
        ("127.0.0.1", [(FOR, "[2001:db8::1]:4711")], "2001:db8::1"),
        ("::ffff:127.0.0.1", [(FOR, "::ffff:192.0.2.1")], "192.0.2.1"),
        ("fd00::1", [("forwarded", 'for="[2001:db8::1]:80";proto=https')], "2001:db8::1"),
        ("127.0.0.1", [("forwarded", "for=198.51.100.7, For=192.0.2.1;by=10.0.0.3, for=10.0.0.3")], "192.0.2.1"),
        ("127.0.0.1", [("forwarded", "for=_hidden")], "127.0.0.1"),
        ("127.0.0.1", [("forwarded", 'for="x, for=198.51.100.7'), ("forwarded", "for=192.0.2.1")], "192.0.2.1"),
        ("127.0.0.1", [("forwarded", "for=192.0.2.1"), (FOR, "192.0.2.1")], "192.0.2.1"),
        ("127.0.0.1", [("forwarded", "for=198.51.100.7"), (FOR, "192.0.2.1")], "127.0.0.1"),
        ("testclient", [(FOR, "192.0.2.1")], "unknown"),
    ],
)
def test_the_last_address_that_is_no_trusted_proxys_counts(peer, headers, right):
    assert address(peer, *headers) == right


def test_the_addresses_of_one_ipv6_network_share_an_allowance():
    assert find_site("2001:db8:0:1::2") == find_site("2001:db8:0:1:ffff::3") != find_site("2001:db8:0:2::2")
    assert find_site("192.0.2.1") != find_site("192.0.2.2")


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/24", "*"])
def test_a_proxy_is_named_by_its_address(text):
    with pytest.raises(WrongCallError, match="trusted_proxies is .* such as 127.0.0.1,10.0.0.0/24"):
        parse_networks(text, "trusted_proxies")


@pytest.mark.parametrize("proxies, counts", [("127.0.0.1", "192.0.2.1"), ("", "127.0.0.1")])
def test_the_audit_names_the_address_of_a_failed_login(serve, token, tmp_path, proxies, counts):
    token("viewer")
    client = serve(client=("127.0.0.1", 5000), **({"trusted_proxies": proxies} if proxies else {}))
    client.get("/info/", headers={"Authorization": "Bearer x", "X-Forwarded-For": "192.0.2.1"})
    (line,) = (tmp_path / "state" / "audit.jsonl").read_text().splitlines()
    assert json.loads(line)["address"] == counts


@pytest.mark.parametrize("proxies, is_secure", [("127.0.0.1", True), ("", False)])
def test_a_cookie_is_for_tls_alone_where_a_trusted_proxy_says_that_the_browser_uses_it(
    serve, token, proxies, is_secure
):
    form = {"token": token("viewer")["Authorization"].split()[1]}
    client = serve(client=("127.0.0.1", 5000), **({"trusted_proxies": proxies} if proxies else {}))
    for header in ({"X-Forwarded-Proto": "https"}, {"Forwarded": "for=192.0.2.1;proto=https"}):
        answer = client.post("/login", data=form, headers=header, follow_redirects=False)
        assert ("Secure" in answer.headers["set-cookie"]) == is_secure
