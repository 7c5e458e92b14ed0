"""One worker's life: the registry, its gate and API on sockets that are listening already, until a signal."""

import asyncio
import gc
import logging
import signal
import socket
import ssl

from sampan.http.app import Server
from sampan.http.tls import server_context
from sampan.registry.api.app import RegistryApi
from sampan.registry.api.routes import all_routes
from sampan.registry.auth.gate import make_gate
from sampan.registry.cache.service import Upstreams
from sampan.registry.config import Config
from sampan.registry.metrics.endpoint import metrics_route
from sampan.registry.metrics.measure import Metrics
from sampan.registry.registry import Registry
from sampan.registry.web.routes import Pages
from sampan.registry.webhooks.queue import Queue

log = logging.getLogger("sampan.registry")


def tls_context(config: Config) -> ssl.SSLContext | None:
    """Raises Invalid for a certificate that cannot be used."""
    return server_context(config.tls_cert, config.tls_key) if config.tls_cert else None


def build(config: Config, metrics: Metrics | None = None) -> RegistryApi:
    """Everything a worker serves. Raises Invalid, Failed."""
    metrics = metrics or Metrics()
    registry = Registry(config)
    registry.events.listen(metrics.event)
    if config.upstream:
        registry.upstreams = Upstreams(registry, config.upstream, metrics)
    gate = make_gate(config.auth, registry.layout, registry.clock)
    routes = all_routes(registry, gate)
    if config.metrics:
        routes += metrics_route(metrics)
    if config.page:
        routes += Pages(gate).routes()
    api = RegistryApi(registry, gate, routes)
    if config.webhook:
        scheme = "https" if config.tls_cert else "http"
        queue = Queue(registry.database, config.webhook, scheme=scheme, address=config.addr)
        registry.events.listen(queue.listen)
        api.settle = queue.flush
    return api


async def serve(config: Config, sock: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT. Raises Invalid, Failed."""
    context = tls_context(config)
    api = build(config)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = Server(api, upgrades=False)
    await api.registry.start()
    try:
        await server.listen(sock, context)
        # Start-up garbage lives as long as the worker: collections need not look at it again.
        gc.collect()
        gc.freeze()
        await ended.wait()
    finally:
        await server.stop()
        await api.registry.stop()
