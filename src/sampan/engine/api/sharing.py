"""/sampan/images/shared: what a registry that shares our store asks of the engine. Ours, not Docker's."""

from aiohttp import web

from sampan.engine.engine import Engine
from sampan.engine.images import sharing
from sampan.errors import Invalid
from sampan.http.requests import json_response, read_json
from sampan.specs.oci import reference as references


def routes(engine: Engine) -> list[web.RouteDef]:
    handlers = Handlers(engine)
    return [
        web.get("/sampan/images/shared", handlers.offers),
        web.post("/sampan/images/shared", handlers.adopt),
    ]


class Handlers:
    def __init__(self, engine: Engine) -> None:
        self._images = engine.images

    async def offers(self, request: web.Request) -> web.Response:
        query = request.query
        found = sharing.offers(self._images, query.get("registry", ""), query.get("repository", ""))
        return json_response({"Images": found})

    async def adopt(self, request: web.Request) -> web.Response:
        body = await read_json(request, required=True)
        name, manifest, blobs = body.get("Name"), body.get("Manifest"), body.get("Blobs")
        if not isinstance(name, str) or not isinstance(manifest, str) or not isinstance(blobs, dict):
            raise Invalid("Name, Manifest and Blobs are required")
        if not all(isinstance(path, str) for path in blobs.values()):
            raise Invalid("Blobs must be paths by digest")
        reference = references.parse(name).with_default_tag()
        image = await sharing.adopt(self._images, reference, manifest.encode(), blobs)
        return json_response({"Id": image.id})
