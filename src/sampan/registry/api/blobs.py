"""/v2/<name>/blobs/<digest>: end-2 and end-10."""

from aiohttp import web

from sampan.registry.api.call import Call, Route
from sampan.registry.blobs import Blob
from sampan.registry.errors import BlobUnknown
from sampan.registry.names import check_digest
from sampan.registry.sendfile import BlobResponse


async def get(call: Call) -> web.StreamResponse:
    digest = check_digest(call.part("digest"))
    blobs, upstreams = call.registry.blobs, call.upstreams
    # What a digest names never changes.
    headers = {"Docker-Content-Digest": digest, "Cache-Control": "max-age=31536000"}
    try:
        blob = blobs.find(call.name, digest)
    except BlobUnknown:
        if upstreams is None:
            raise
        streamed = await upstreams.blob(call.request, call.name, digest, headers)
        if streamed is not None:
            size = streamed.content_length or 0
            call.emit(action="pull", kind="blob", repository=call.name, digest=digest, size=size)
            return streamed
        blob = blobs.find(call.name, digest)
    response = BlobResponse(call.request, blob, headers, call.registry.config.body_timeout)
    call.emit(action="pull", kind="blob", repository=call.name, digest=digest, size=blob.size)
    return response


async def head(call: Call) -> web.StreamResponse:
    digest = check_digest(call.part("digest"))
    upstreams = call.upstreams
    blob: Blob | None
    try:
        blob = await call.registry.blobs.promise(call.name, digest)
    except BlobUnknown:
        if upstreams is None:
            raise
        blob = await upstreams.head(call.name, digest)
    return web.Response(
        headers={
            **({"Content-Length": str(blob.size)} if blob else {}),
            "Content-Type": "application/octet-stream",
            "Docker-Content-Digest": digest,
            "Accept-Ranges": "bytes",
            "ETag": f'"{digest}"',
            "Cache-Control": "max-age=31536000",
        }
    )


async def delete(call: Call) -> web.StreamResponse:
    digest = check_digest(call.part("digest"))
    await call.registry.blobs.delete(call.name, digest)
    call.emit(action="delete", kind="blob", repository=call.name, digest=digest)
    return web.Response(status=202, headers={"Docker-Content-Digest": digest})


ROUTES = (
    Route("GET", "/v2/{name}/blobs/{digest}", get, "pull", "blob"),
    Route("HEAD", "/v2/{name}/blobs/{digest}", head, "pull", "blob"),
    Route("DELETE", "/v2/{name}/blobs/{digest}", delete, "delete", "blob"),
)
