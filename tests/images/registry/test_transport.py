"""Redirects and proxies: where a request may go, and what it may take along."""

import pytest

from sampan.errors import Failed
from sampan.images.registry.transport import Proxies, redirected, shown

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


def test_proxies() -> None:
    proxies = Proxies("http://p:1", "http://p:2", "localhost,.corp.invalid,127.0.0.1")
    assert proxies.of("http://r.invalid/x") == "http://p:1"
    assert proxies.of("https://r.invalid/x") == "http://p:2"
    assert proxies.of("https://a.corp.invalid:5000/x") is None
    assert proxies.of("http://127.0.0.1:5000/x") is None
    assert Proxies().of("https://r.invalid/x") is None
