"""All the ways to ask for a build, as sections of the engine's API."""

from aiohttp import web

from sampan.builder.builder import Builder
from sampan.builder.frontends.buildkit import routes as buildkit
from sampan.builder.frontends.classic import routes as classic
from sampan.builder.frontends.sampan import routes as sampan
from sampan.db.sqlite import Store
from sampan.engine.images import Images
from sampan.engine.networks.manager import Networks
from sampan.paths import Paths


def routes(
    builder: Builder, *, paths: Paths, store: Store, images: Images, networks: Networks
) -> list[web.RouteDef]:
    """`POST /build` and its kin, BuildKit's /grpc and /session, and /sampan/builds; each loads its code at
    the first request.
    """
    return [
        *classic.routes(builder, images),
        *buildkit.routes(builder, store, networks),
        *sampan.routes(builder, paths),
    ]
