"""/sampan/builds: how `sampan build` builds. Ours, not Docker's; docs/api.md, "A build"."""

from typing import TYPE_CHECKING

from aiohttp import web

from sampan.builder.builder import Builder
from sampan.http.lazy import Lazy
from sampan.paths import Paths

if TYPE_CHECKING:
    from sampan.builder.frontends.sampan.api import SampanBuilds


def routes(builder: Builder, paths: Paths) -> list[web.RouteDef]:
    def load() -> "SampanBuilds":
        from sampan.builder.frontends.sampan.api import SampanBuilds

        return SampanBuilds(builder, paths)

    lazy = Lazy(load)
    return [
        web.get("/sampan/builds", lazy.to(lambda builds: builds.list_)),
        web.post("/sampan/builds", lazy.to(lambda builds: builds.start)),
        web.post("/sampan/builds/uploads", lazy.to(lambda builds: builds.upload)),
        web.get("/sampan/builds/cache", lazy.to(lambda builds: builds.cache)),
        web.post("/sampan/builds/snapshots/{id}/shell", lazy.to(lambda builds: builds.shell)),
        web.get("/sampan/builds/{ref}", lazy.to(lambda builds: builds.inspect)),
        web.delete("/sampan/builds/{ref}", lazy.to(lambda builds: builds.forget)),
        web.get("/sampan/builds/{ref}/logs", lazy.to(lambda builds: builds.logs)),
        web.post("/sampan/builds/{ref}/cancel", lazy.to(lambda builds: builds.cancel)),
        web.post("/sampan/builds/{ref}/answers/{id}", lazy.to(lambda builds: builds.answer)),
        web.get("/sampan/builds/{ref}/outputs/{index}", lazy.to(lambda builds: builds.output)),
    ]
