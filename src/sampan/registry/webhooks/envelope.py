"""An event in Docker's notification format.

https://distribution.github.io/distribution/about/notifications/ (envelope version 1)
"""

from typing import Any
from urllib.parse import quote

from sampan.registry.accesslog import timestamp
from sampan.registry.events import Event

MEDIA_TYPE = "application/vnd.docker.distribution.events.v1+json"


def document(event: Event, *, scheme: str, address: str, instance: str) -> dict[str, Any]:
    """`address` and `instance` say which registry's process it comes from."""
    source = event.source
    return {
        "id": event.id,
        "timestamp": timestamp(event.time),
        "action": event.action,
        "target": _target(event, f"{scheme}://{source.host or address}"),
        "request": {
            "id": source.id,
            "addr": source.address,
            "host": source.host,
            "method": source.method,
            "useragent": source.user_agent,
        },
        "actor": {"name": source.actor} if source.actor else {},
        "source": {"addr": address, "instanceID": instance},
    }


def _target(event: Event, origin: str) -> dict[str, Any]:
    if event.kind == "tag":  # a tag was removed, its manifest was not: Docker's form has no digest then
        return {"repository": event.repository, "tag": event.tag}
    found: dict[str, Any] = {}
    if event.action != "delete":
        found["mediaType"] = event.media_type or "application/octet-stream"
        found["size"] = found["length"] = event.size
    found["digest"] = event.digest
    found["repository"] = event.repository
    if event.from_repository:
        found["fromRepository"] = event.from_repository
    if event.action != "delete":
        section = "manifests" if event.kind == "manifest" else "blobs"
        found["url"] = f"{origin}/v2/{quote(event.repository, safe='/:')}/{section}/{event.digest}"
    if event.tag:
        found["tag"] = event.tag
    return found
