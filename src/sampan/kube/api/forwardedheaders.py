"""Headers of requests that are handed on, and of their answers. Pure.

RFC 9110, 7.6.1 (what is for one connection only); k8s.io/client-go/transport, SetAuthProxyHeaders (whom a
proxy speaks for); k8s.io/apiserver pkg/endpoints/filters (which of the client's end here).
"""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from multidict import CIMultiDict

from sampan.kube.access.authentication import without_bearer
from sampan.kube.access.user import User

HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
}
# How the client has shown who it is is between it and this server; Expect was answered already.
OWN = {"authorization", "host", "expect", "x-forwarded-host", "x-forwarded-proto", "audit-id"}
OWN_PREFIXES = ("x-remote-", "impersonate-")
CORS = "access-control-"  # what may be shared with which pages is this server's to say
TOKEN = "!#$&'*+-.^_`|~"  # what a header's name may have besides letters and digits; % is an escape here


class Unspeakable(Exception):
    """A header that cannot be sent."""


def request_headers(sent: Mapping[str, str], user: User, remote: str, host: str) -> CIMultiDict[str]:
    """What goes on to a server that believes what this one says of the user. Raises Unspeakable."""
    found: CIMultiDict[str] = CIMultiDict()
    for name, value in end_to_end(sent):
        # Servers that make variables of headers take _ for -: X_Remote_User would pass for ours.
        plain = name.lower().replace("_", "-")
        if plain == "sec-websocket-protocol":
            value = ", ".join(without_bearer(one.strip() for one in value.split(",")))
        if value and plain not in OWN and not plain.startswith(OWN_PREFIXES):
            found.add(name, value)
    if remote:
        before = found.popall("X-Forwarded-For", ())
        found["X-Forwarded-For"] = ", ".join([*before, remote])
    found["X-Forwarded-Proto"] = "https"
    if sent.get("Host"):
        found["X-Forwarded-Host"] = sent["Host"]
    found["Host"] = host
    found.extend(identity(user))
    return found


def identity(user: User) -> CIMultiDict[str]:
    """Who asks, as a front proxy tells it. Raises Unspeakable."""
    found = CIMultiDict({"X-Remote-User": user.name})
    if user.uid:
        found["X-Remote-Uid"] = user.uid
    for group in user.groups:
        found.add("X-Remote-Group", group)
    for key, values in user.extra.items():
        for value in values:
            found.add(f"X-Remote-Extra-{quote(key, safe=TOKEN)}", value)
    for name, value in found.items():
        if any((ord(char) < 32 and char != "\t") or char == "\x7f" for char in value):
            raise Unspeakable(f'net/http: invalid header field value for "{name}"')
    return found


def answer_headers(given: Mapping[str, str]) -> CIMultiDict[str]:
    """What comes back of another server's answer."""
    return CIMultiDict(
        (name, value) for name, value in end_to_end(given) if not name.lower().startswith(CORS)
    )


def end_to_end(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """All that is not for one connection only."""
    named = {
        one.strip().lower()
        for name, value in headers.items()
        if name.lower() == "connection"
        for one in value.split(",")
    }
    for name, value in headers.items():
        if name.lower() not in HOP_BY_HOP and name.lower() not in named:
            yield name, value
