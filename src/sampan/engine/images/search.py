"""`docker search`: version 1 of the registry's API, which is all there is for it, and the filters."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from sampan.errors import Failed, Invalid
from sampan.http.bearer import Credentials
from sampan.http.transport import Tls, Transport, Unreachable, limited
from sampan.images.registry.hosts import Hosts
from sampan.images.registry.hostsfile import find
from sampan.specs.docker.filters import boolean, check_names
from sampan.specs.golang.numbers import atoi

HUB = "index.docker.io"
DEFAULT_LIMIT, MOST = 25, 100
MAX_ANSWER = 4 << 20
ACCEPTED = ("is-automated", "is-official", "stars")


def parse_limit(text: str) -> int:
    """Raises Invalid in Docker's words."""
    if not text:
        return DEFAULT_LIMIT
    limit = atoi(text)
    if limit == 0:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MOST:
        raise Invalid(f"limit {limit} is outside the range of [1, {MOST}]")
    return limit


async def search(
    transport: Transport,
    hosts: Hosts,
    term: str,
    limit: int,
    filters: Mapping[str, list[str]],
    credentials: Credentials,
) -> list[dict[str, Any]]:
    """Rows of GET /images/search. Raises Invalid, Failed, Unreachable."""
    wanted = check(filters)
    first, slash, rest = term.partition("/")
    if slash and (set(".:") & set(first) or first == "localhost"):
        base, tls = await _endpoint(transport, hosts, first)
        term = rest
    else:
        base, tls = f"https://{HUB}/v1", Tls()
        term = term.removeprefix("library/")
    headers = {"Accept": "application/json"}
    if credentials.username:
        headers["Authorization"] = credentials.basic
    url = f"{base}/search?{urlencode([('q', term), ('n', limit)])}"
    try:
        async with transport.request("GET", url, tls=tls, headers=headers, secure=tls.verify) as response:
            body = await limited(response, MAX_ANSWER)
            status = response.status
    except Unreachable as error:
        raise Unreachable(error.message.replace(f"{base}/search", url, 1)) from None
    if status != 200:
        raise Failed(f"Unexpected status code {status}")
    return [row for row in _rows(body) if wanted(row)][:limit]


def _rows(body: bytes) -> list[dict[str, Any]]:
    try:
        results = orjson.loads(body).get("results") or []
        return [
            {
                "star_count": int(item.get("star_count") or 0),
                "is_official": bool(item.get("is_official")),
                "name": str(item["name"]),
                "is_automated": bool(item.get("is_automated")),
                "description": str(item.get("description") or ""),
            }
            for item in results
        ]
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        raise Failed("the registry's answer to the search is malformed") from None


async def _endpoint(transport: Transport, hosts: Hosts, host: str) -> tuple[str, Tls]:
    """Where a private registry has its API, with TLS or, if that is allowed, without. Raises Invalid."""
    tls = find(hosts.directories, host).tls or Tls()
    insecure = await hosts.is_insecure(host)
    if insecure:
        tls = Tls(False, tls.authorities, tls.client)
    try:
        await _ping(transport, f"https://{host}/v1/_ping", tls)
        return f"https://{host}/v1", tls
    except Unreachable as error:
        if not insecure:
            raise Invalid(f"invalid registry endpoint https://{host}/v1/: {error.message}") from None
        first = error.message
    try:
        await _ping(transport, f"http://{host}/v1/_ping", tls)
        return f"http://{host}/v1", tls
    except Unreachable as error:
        raise Invalid(
            f'invalid registry endpoint "http://{host}/v1/". HTTPS attempt: {first}. '
            f"HTTP attempt: {error.message}"
        ) from None


async def _ping(transport: Transport, url: str, tls: Tls) -> None:
    async with transport.request("GET", url, tls=tls, headers={}, secure=False):
        pass


class _Wanted:
    def __init__(self) -> None:
        self.official: bool | None = None
        self.automated: bool | None = None
        self.stars = 0

    def __call__(self, row: Mapping[str, Any]) -> bool:
        return (
            self.official in (None, row["is_official"])
            and self.automated in (None, row["is_automated"])
            and bool(row["star_count"] >= self.stars)
        )


def check(filters: Mapping[str, list[str]]) -> _Wanted:
    """Raises Invalid in Docker's words."""
    check_names(filters, ACCEPTED)
    wanted = _Wanted()
    wanted.official = boolean(filters, "is-official")
    wanted.automated = boolean(filters, "is-automated")
    for text in filters.get("stars", ()):
        try:
            wanted.stars = max(wanted.stars, atoi(text))
        except Invalid as error:
            raise Invalid(f"invalid filter 'stars={text}': {error.message}") from None
    return wanted
