"""Go's net/url: what is a URL, and what it consists of. Pure; https://pkg.go.dev/net/url"""

from sampan.errors import Invalid
from sampan.specs.golang.quote import quote

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdefABCDEF")
_UNRESERVED = _LETTERS | _DIGITS | frozenset("-_.~")
_PATH = _UNRESERVED | frozenset("$&+,/:;=@")
_VALID_PATH = _UNRESERVED | frozenset("!'()*[]$&+,/:;=@%")
_HOST = _UNRESERVED | frozenset("!$&'()*+,;=:[]<>\"%")
_USER = _UNRESERVED | frozenset(":@!$&'()*+,;=%")


class URL:
    """`user` with its password, None if there is none; `path` without escapes, `raw_path` as it was."""

    __slots__ = ("fragment", "host", "opaque", "path", "query", "raw_path", "scheme", "user")

    def __init__(self) -> None:
        self.scheme = ""
        self.opaque = ""
        self.user: str | None = None
        self.host = ""
        self.path = ""
        self.raw_path = ""
        self.query = ""
        self.fragment = ""

    def hostname(self) -> str:
        return _split_port(self.host)[0]

    def port(self) -> str:
        return _split_port(self.host)[1]

    def escaped_path(self) -> str:
        if self.raw_path and _VALID_PATH.issuperset(self.raw_path):
            return self.raw_path
        return "*" if self.path == "*" else _escaped(self.path)

    def values(self) -> dict[str, list[str]]:
        """Of the query; what cannot be read of it is left out."""
        found: dict[str, list[str]] = {}
        for part in self.query.split("&"):
            if not part or ";" in part:
                continue
            key, _, value = part.partition("=")
            try:
                found.setdefault(_unescape(key.replace("+", " ")), []).append(
                    _unescape(value.replace("+", " "))
                )
            except Invalid:
                continue
        return found


def parse(text: str) -> URL:
    """url.Parse. Raises Invalid in Go's words."""
    body, hash, fragment = text.partition("#")
    url = _parse(body, text, request=False)
    if hash:
        try:
            url.fragment = _unescape(fragment)
        except Invalid as e:
            raise _wrapped(text, str(e)) from None
    return url


def parse_request(text: str) -> URL:
    """url.ParseRequestURI: an absolute one or an absolute path, without a fragment."""
    return _parse(text, text, request=True)


def _wrapped(text: str, what: str) -> Invalid:
    return Invalid(f"parse {quote(text)}: {what}")


def _parse(text: str, whole: str, *, request: bool) -> URL:
    try:
        return _read(text, request)
    except Invalid as e:
        raise _wrapped(whole, str(e)) from None


def _read(text: str, request: bool) -> URL:
    if any(char < " " or char == "\x7f" for char in text):
        raise Invalid("net/url: invalid control character in URL")
    if not text and request:
        raise Invalid("empty url")
    url = URL()
    if text == "*":
        url.path = "*"
        return url
    scheme, rest = _scheme(text)
    url.scheme = scheme.lower()
    rest, _, url.query = rest.partition("?")
    if not rest.startswith("/"):
        if url.scheme:
            url.opaque = rest
            return url
        if request:
            raise Invalid("invalid URI for request")
        if ":" in rest.split("/", 1)[0]:
            raise Invalid("first path segment in URL cannot contain colon")
    if (url.scheme or (not request and not rest.startswith("///"))) and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        _authority(url, authority)
        rest = slash + path
    url.path = _unescape(rest)
    if _escaped(url.path) != rest:
        url.raw_path = rest
    return url


def _scheme(text: str) -> tuple[str, str]:
    for at, char in enumerate(text):
        if char in _LETTERS:
            continue
        if char in _DIGITS or char in "+-.":
            if at == 0:
                return "", text
        elif char == ":":
            if at == 0:
                raise Invalid("missing protocol scheme")
            return text[:at], text[at + 1 :]
        else:
            return "", text
    return "", text


def _authority(url: URL, text: str) -> None:
    user, at, host = text.rpartition("@")
    if at:
        if not _USER.issuperset(user):
            raise Invalid("net/url: invalid userinfo")
        url.user = _unescape(user)
    if host.startswith("["):
        end = host.rfind("]")
        if end < 0:
            raise Invalid("missing ']' in host")
        port = host[end + 1 :]
    else:
        end = host.rfind(":")
        port = host[end:] if end >= 0 else ""
        if port.count(":") > 1:
            raise Invalid(f"invalid port {quote(port)} after host")
    if port and (port[0] != ":" or not _DIGITS.issuperset(port[1:])):
        raise Invalid(f"invalid port {quote(port)} after host")
    for char in host:
        if ord(char) < 0x80 and char not in _HOST:
            raise Invalid(f"invalid character {quote(char)} in host name")
    url.host = _unescape(host, host=True)


def _unescape(text: str, *, host: bool = False) -> str:
    if "%" not in text:
        return text
    data = bytearray()
    at = 0
    while at < len(text):
        if text[at] != "%":
            data += text[at].encode("utf-8", "surrogatepass")
            at += 1
            continue
        digits = text[at + 1 : at + 3]
        if (
            len(digits) != 2
            or not _HEX.issuperset(digits)
            or (host and int(digits[0], 16) < 8 and digits != "25")
        ):
            raise Invalid(f"invalid URL escape {quote(text[at : at + 3])}")
        data.append(int(digits, 16))
        at += 3
    return data.decode("utf-8", "surrogateescape")


def _escaped(path: str) -> str:
    if _PATH.issuperset(path):
        return path
    out = []
    for char in path:
        if char in _PATH:
            out.append(char)
        else:
            data = char.encode(
                "utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass"
            )
            out += [f"%{byte:02X}" for byte in data]
    return "".join(out)


def _split_port(host: str) -> tuple[str, str]:
    at = host.rfind(":")
    port = ""
    if at >= 0 and _DIGITS.issuperset(host[at + 1 :]):
        host, port = host[:at], host[at + 1 :]
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return host, port
