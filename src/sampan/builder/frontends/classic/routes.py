"""/build of Docker's API: the classic builder's way to ask, on our own builder."""

from typing import TYPE_CHECKING

from aiohttp import web

from sampan.builder.builder import Builder
from sampan.engine.images import Images
from sampan.http.lazy import Lazy

if TYPE_CHECKING:
    from sampan.builder.frontends.classic.api import ClassicBuilds


def routes(builder: Builder, images: Images) -> list[web.RouteDef]:
    def load() -> "ClassicBuilds":
        from sampan.builder.frontends.classic.api import ClassicBuilds

        return ClassicBuilds(builder, images)

    lazy = Lazy(load)
    return [
        web.post("/build", lazy.to(lambda builds: builds.build)),
        web.post("/build/cancel", lazy.to(lambda builds: builds.cancel)),
        web.post("/build/prune", lazy.to(lambda builds: builds.prune)),
    ]
