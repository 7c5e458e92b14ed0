"""What a worker serves: the registry, its gate, cache, metrics, page and webhooks, joined."""

import ssl
import time

from sampan.http.tls import server_context
from sampan.registry.api import blobs, health, listings, manifests, token, uploads
from sampan.registry.api.app import RegistryApi
from sampan.registry.api.call import Route
from sampan.registry.auth.gate import Gate, OwnTokenGate, make_gate
from sampan.registry.blobs import Clock
from sampan.registry.cache.service import Upstreams
from sampan.registry.config import Config
from sampan.registry.metrics.measure import Metrics
from sampan.registry.registry import Registry
from sampan.registry.share.engine import EngineClient
from sampan.registry.share.service import Shared
from sampan.registry.web.routes import Pages
from sampan.registry.webhooks.queue import Queue


def tls_context(config: Config) -> ssl.SSLContext | None:
    """Raises Invalid for a certificate that cannot be used."""
    return server_context(config.tls_cert, config.tls_key) if config.tls_cert else None


def build(config: Config, metrics: Metrics | None = None, clock: Clock = time.time) -> RegistryApi:
    """Everything a worker serves. Raises Invalid, Failed."""
    metrics = metrics or Metrics()
    registry = Registry(config, clock)
    registry.events.listen(metrics.event)
    upstreams = Upstreams(registry, config.upstream, metrics) if config.upstream else None
    shared = None
    if config.share_engine_store:
        shared = Shared(registry, EngineClient(config.share_engine_store, config.name))
    gate = make_gate(config.auth, registry.layout, registry.clock)
    routes = all_routes(registry, gate)
    if config.metrics:
        routes += health.metrics_route(metrics)
    if config.page:
        routes += Pages(gate).routes()
    api = RegistryApi(registry, gate, routes, upstreams, shared)
    if config.webhook:
        scheme = "https" if config.tls_cert else "http"
        queue = Queue(registry.database, config.webhook, scheme=scheme, address=config.addr)
        registry.events.listen(queue.listen)
        api.settle = queue.flush
    return api


def all_routes(registry: Registry, gate: Gate) -> list[Route]:
    """In the order they are tried."""
    # Uploads before blobs: /blobs/uploads/ is no digest.
    found = [*listings.ROUTES, *uploads.ROUTES, *blobs.ROUTES, *manifests.ROUTES, *health.ROUTES]
    if isinstance(gate, OwnTokenGate):
        found += token.routes(gate, registry.config.auth.realm)
    return found
