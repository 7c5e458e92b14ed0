"""/build of Docker's API: the classic builder's way to ask, on our own builder."""

from typing import TYPE_CHECKING

from aiohttp import web

from sampan.engine.api.lazy import Later
from sampan.engine.engine import Engine

if TYPE_CHECKING:
    from sampan.builder.frontends.classic.api import ClassicBuilds


def routes(engine: Engine) -> list[web.RouteDef]:
    def load() -> "ClassicBuilds":
        from sampan.builder.frontends.classic.api import ClassicBuilds

        return ClassicBuilds(engine)

    later = Later(load)
    return [
        web.post("/build", later.to(lambda builds: builds.build)),
        web.post("/build/cancel", later.to(lambda builds: builds.cancel)),
        web.post("/build/prune", later.to(lambda builds: builds.prune)),
    ]
