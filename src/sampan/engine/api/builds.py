"""/sampan/builds: how `sampan build` builds. Ours, not Docker's; docs/api.md, "A build"."""

from typing import TYPE_CHECKING

from aiohttp import web

from sampan.engine.api.lazy import Later
from sampan.engine.engine import Engine

if TYPE_CHECKING:
    from sampan.builder.frontends.sampan.api import OwnBuilds


def routes(engine: Engine) -> list[web.RouteDef]:
    def load() -> "OwnBuilds":
        from sampan.builder.frontends.sampan.api import OwnBuilds

        return OwnBuilds(engine)

    later = Later(load)
    return [
        web.get("/sampan/builds", later.to(lambda builds: builds.list_)),
        web.post("/sampan/builds", later.to(lambda builds: builds.start)),
        web.post("/sampan/builds/uploads", later.to(lambda builds: builds.upload)),
        web.get("/sampan/builds/cache", later.to(lambda builds: builds.cache)),
        web.post("/sampan/builds/snapshots/{id}/shell", later.to(lambda builds: builds.shell)),
        web.get("/sampan/builds/{ref}", later.to(lambda builds: builds.inspect)),
        web.delete("/sampan/builds/{ref}", later.to(lambda builds: builds.forget)),
        web.get("/sampan/builds/{ref}/logs", later.to(lambda builds: builds.logs)),
        web.post("/sampan/builds/{ref}/cancel", later.to(lambda builds: builds.cancel)),
        web.post("/sampan/builds/{ref}/answers/{id}", later.to(lambda builds: builds.answer)),
        web.get("/sampan/builds/{ref}/outputs/{index}", later.to(lambda builds: builds.output)),
    ]
