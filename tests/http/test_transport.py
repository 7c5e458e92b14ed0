"""Redirects and proxies: where a request may go, and what it may take along."""

import pytest

from sampan.errors import Failed
from sampan.http.transport import Proxies, Tls, Transport, redirected, shown
from tests.support.fakeregistry import FakeRegistry, serving

HEADERS = {"Authorization": "secret", "Accept": "x", "Range": "bytes=1-", "X-Token": "secret"}
HERE = "https://r.invalid/v2/a"


@pytest.mark.parametrize(
    ("target", "url", "kept"),
    [
        ("/v2/b", "https://r.invalid/v2/b", True),
        ("b?x=1", "https://r.invalid/v2/b?x=1", True),
        ("https://r.invalid:444/", "https://r.invalid:444/", False),
        ("https://cdn.invalid/b", "https://cdn.invalid/b", False),
        ("//cdn.invalid/b", "https://cdn.invalid/b", False),
    ],
)
def test_credentials_stay_with_their_host(target: str, url: str, kept: bool) -> None:
    found, headers = redirected(HERE, target, HEADERS, secure=True)
    assert found == url
    assert headers == (HEADERS if kept else {"Accept": "x", "Range": "bytes=1-"})


@pytest.mark.parametrize(
    "target",
    [
        "http://r.invalid/",
        "ftp://r.invalid/",
        "file:///etc/passwd",
        "https://me:pw@r.invalid/",
        "http://[",
    ],
)
def test_where_nobody_is_sent(target: str) -> None:
    with pytest.raises(Failed):
        redirected(HERE, target, HEADERS, secure=True)


def test_without_tls_there_is_none_to_lose() -> None:
    assert (
        redirected("http://127.0.0.1/a", "http://x.invalid/b", HEADERS, secure=False)[0]
        == "http://x.invalid/b"
    )


def test_signatures_are_not_shown() -> None:
    assert shown("https://cdn.invalid/b?X-Amz-Signature=secret") == "https://cdn.invalid/b"


PROXIES = Proxies("http://p:1", "p:2", "localhost,.corp.invalid,10.0.0.0/8")


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://r.invalid/x", "http://p:1"),
        ("https://r.invalid/x", "http://p:2"),
        ("https://a.corp.invalid:5000/x", None),
        ("http://127.0.0.1:5000/x", None),
        ("http://localhost:5000/x", None),
        ("https://10.1.2.3/x", None),
        ("https://11.1.2.3/x", "http://p:2"),
    ],
)
def test_proxies(url: str, proxy: str | None) -> None:
    assert PROXIES.of(url) == proxy
    assert Proxies().of(url) is None


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert Proxies.of_environment() == Proxies()
    monkeypatch.setenv("HTTPS_PROXY", "http://p:3")
    monkeypatch.setenv("NO_PROXY", "x.invalid")
    assert Proxies.of_environment() == Proxies("", "http://p:3", "x.invalid")


async def test_a_request_goes_through_the_proxy() -> None:
    async with serving(FakeRegistry()) as proxy:
        transport = Transport(Proxies(f"http://{proxy.host}"))
        try:
            url = "http://r.invalid/v2/"
            async with transport.request("GET", url, tls=Tls(), headers={}, secure=False) as answer:
                assert answer.status == 200
        finally:
            await transport.close()
        assert proxy.headers[0]["Host"] == "r.invalid"
