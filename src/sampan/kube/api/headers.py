"""Headers as texts that can be written in JSON."""

from multidict import CIMultiDict, CIMultiDictProxy


def readable(text: str) -> str:
    """Bytes that are no UTF-8, which the HTTP parser keeps as lone surrogates, as Go writes them."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def all_readable(headers: CIMultiDictProxy[str]) -> CIMultiDictProxy[str]:
    if all(map(str.isascii, headers.values())):
        return headers
    return CIMultiDictProxy(CIMultiDict((name, readable(value)) for name, value in headers.items()))
