"""What Docker's API asks of registries besides pull and push: /auth, /images/search, /distribution."""

import orjson
from aiohttp import web

from sampan.engine.engine import Engine
from sampan.engine.images import Images
from sampan.engine.images.search import parse_limit
from sampan.errors import Failed, Invalid
from sampan.http.bearer import Credentials
from sampan.http.requests import BODY_LIMIT, json_response, parse_filters, read_body
from sampan.images.registry import auth
from sampan.specs.oci import reference as references

NAME = "{name:.+}"


def routes(engine: Engine) -> list[web.RouteDef]:
    handlers = Handlers(engine.images)
    return [
        web.post("/auth", handlers.login),
        web.get("/images/search", handlers.search),
        web.get(f"/distribution/{NAME}/json", handlers.distribution),
        web.get("/sampan/images/tags", handlers.tags),
    ]


class Handlers:
    def __init__(self, images: Images) -> None:
        self._remote = images.remote

    async def login(self, request: web.Request) -> web.Response:
        data = await read_body(request, BODY_LIMIT)
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError:
            # As Docker, whose decoder meets the end of what was sent.
            raise Failed("EOF" if not data.strip() else "unexpected EOF") from None
        token = await self._remote.login(auth.from_document(document))
        return json_response({"IdentityToken": token, "Status": "Login Succeeded"})

    async def search(self, request: web.Request) -> web.Response:
        query = request.query
        limit = parse_limit(query.get("limit", ""))
        term, filters = query.get("term", ""), parse_filters(query)
        return json_response(await self._remote.search(term, limit, filters, credentials(request)))

    async def distribution(self, request: web.Request) -> web.Response:
        reference = references.parse(request.match_info["name"]).with_default_tag()
        return json_response(await self._remote.distribution(reference, credentials(request)))

    async def tags(self, request: web.Request) -> web.Response:
        """Ours: `sampan search --tags NAME`."""
        name = request.query.get("name", "")
        if not name:
            raise Invalid("name is required")
        reference = references.parse(name)
        found = await self._remote.tags(reference, credentials(request))
        return json_response({"Name": reference.familiar_name, "Tags": found})


def credentials(request: web.Request) -> Credentials:
    """X-Registry-Auth of a request that can do without. A broken one counts as none, as for Docker."""
    try:
        return auth.decode_header(request.headers.get("X-Registry-Auth", ""))
    except Invalid:
        return auth.ANONYMOUS


def push_credentials(request: web.Request) -> Credentials:
    """X-Registry-Auth of a push, which must be there. Raises Invalid in Docker's words."""
    try:
        return auth.decode_header(request.headers.get("X-Registry-Auth", ""))
    except Invalid as error:
        if request.headers.get("X-Registry-Auth"):
            return auth.ANONYMOUS
        raise Invalid(f"bad parameters and missing X-Registry-Auth: {error.message}") from None
