"""GET /metrics."""

from aiohttp import web

from sampan.registry.api.call import Call, Route
from sampan.registry.metrics.families import CONTENT_TYPE
from sampan.registry.metrics.measure import Metrics


def metrics_route(metrics: Metrics) -> list[Route]:
    async def scrape(call: Call) -> web.StreamResponse:
        body = metrics.text(call.registry.read).encode()
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    return [Route("GET", "/metrics", scrape, None, "metrics")]
