"""All routes of a registry, in the order they are tried."""

from sampan.registry.api import blobs, health, listings, manifests, token, uploads
from sampan.registry.api.call import Route
from sampan.registry.auth.gate import Gate, OwnTokenGate
from sampan.registry.registry import Registry


def all_routes(registry: Registry, gate: Gate) -> list[Route]:
    # Uploads before blobs: /blobs/uploads/ is not a digest.
    found = [*listings.ROUTES, *uploads.ROUTES, *blobs.ROUTES, *manifests.ROUTES, *health.ROUTES]
    if isinstance(gate, OwnTokenGate):
        found += token.routes(gate, registry.config.auth.realm)
    return found
