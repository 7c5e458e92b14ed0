"""What this engine can do, as clients of BuildKit ask for it.

moby/buildkit frontend/gateway/pb/caps.go, solver/pb/caps.go. What is not listed is not there: attestations
("exporter.image.attestations"), containers of a client's own frontend ("gateway.exec"), operations as LLB,
caches in object stores ("cache.gha", "cache.s3", "cache.azblob").
"""

from collections.abc import Mapping
from typing import Any

from sampan import __version__
from sampan.builder.frontends.buildkit.machine import runnable
from sampan.specs.buildkit.schema import schema

FRONTEND = (
    "frontend.caps",
    "frontend.inputs",
    "gateway.evaluate",
    "gateway.solve.evaluate",
    "gateway.solve.metadata",
    "gateway.warnings",
    "importcaches",
    "proto.refarray",
    "reference.output",
    "return",
    "returnmap",
    "solve.base",
)
LLB = (
    "constraints",
    "exec.meta.cgroup.parent",
    "exec.meta.network",
    "exec.meta.proxyenv",
    "exec.meta.security",
    "exec.meta.ulimit",
    "exec.mount.bind",
    "exec.mount.cache",
    "exec.mount.cache.sharing",
    "exec.mount.secret",
    "exec.mount.ssh",
    "exec.mount.tmpfs",
    "exec.mount.tmpfs.size",
    "exec.secretenv",
    "exporter.image.annotations",
    "exporter.multiple",
    "exporter.sourcedateepoch",
    "meta.description",
    "meta.ignorecache",
    "platform",
    "source.git",
    "source.git.fullurl",
    "source.http",
    "source.http.checksum",
    "source.image",
    "source.image.resolvemode",
    "source.local",
    "source.local.differ",
    "source.local.excludepatterns",
    "source.local.followpaths",
    "source.local.includepatterns",
    "source.local.sessionid",
    "source.local.sharedkeyhint",
    "source.local.unique",
    "source.ocilayout",
)
# buildx's docker driver takes this label as: archives, caches elsewhere, several platforms and pushes work.
SNAPSHOTTER = "org.mobyproject.buildkit.worker.snapshotter"
HOST_GATEWAY = "org.mobyproject.buildkit.worker.moby.host-gateway-ip"


def pong(workers: list[Any]) -> Any:
    cap = schema().message("moby.buildkit.v1.apicaps.APICap")
    return schema().message("moby.buildkit.v1.frontend.PongResponse")(
        FrontendAPICaps=[cap(ID=name, Enabled=True) for name in FRONTEND],
        LLBCaps=[cap(ID=name, Enabled=True) for name in LLB],
        Workers=workers,
    )


def version() -> Any:
    """The number is that of the API that is spoken here: clients compare it."""
    return schema().message("moby.buildkit.v1.types.BuildkitVersion")(
        package="sampan", version=f"v0.13.2+sampan{__version__}"
    )


def worker(id: str, labels: Mapping[str, str]) -> Any:
    record = schema().message("moby.buildkit.v1.types.WorkerRecord")(
        ID=id, Labels=labels, BuildkitVersion=version()
    )
    for platform in runnable():
        record.platforms.add(OS=platform.os, Architecture=platform.architecture, Variant=platform.variant)
    return record
