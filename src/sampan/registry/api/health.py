"""/healthz: the process answers. /readyz: it could serve a push right now. /metrics: what it has done."""

import os

from aiohttp import web

from sampan.registry.api.call import Call, Route, json_response
from sampan.registry.metrics.measure import Metrics
from sampan.specs.prometheus import CONTENT_TYPE


async def healthy(call: Call) -> web.StreamResponse:
    return web.Response(text="ok\n")


async def ready(call: Call) -> web.StreamResponse:
    checks = {"database": _database(call), "storage": _storage(call)}
    fine = all(result == "ok" for result in checks.values())
    return json_response({"status": "ok" if fine else "unavailable", "checks": checks}, 200 if fine else 503)


def _database(call: Call) -> str:
    try:
        call.registry.read.execute("SELECT count(*) FROM settings").fetchone()
    except Exception as error:
        return str(error)
    return "ok"


def _storage(call: Call) -> str:
    layout = call.registry.layout
    try:
        room = call.registry.database.reserve.room()
    except OSError as error:
        return f"{layout.uploads}: {error.strerror}"
    if not os.access(layout.uploads, os.W_OK):
        return f"{layout.uploads}: cannot be written to"
    return "ok" if room > 0 else "disk is full"


ROUTES = (
    Route("GET", "/healthz", healthy, None, "health"),
    Route("GET", "/readyz", ready, None, "health"),
)


def metrics_route(metrics: Metrics) -> list[Route]:
    """Prometheus' text, of all processes together."""

    async def scrape(call: Call) -> web.StreamResponse:
        body = metrics.text(call.registry.read).encode()
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    return [Route("GET", "/metrics", scrape, None, "metrics")]
