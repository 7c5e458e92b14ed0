"""/v2/<name>/blobs/<digest>: end-2 and end-10."""

from aiohttp import web

from sampan.registry.api.call import Call, Route
from sampan.registry.names import check_digest


async def get(call: Call) -> web.StreamResponse:
    digest = check_digest(call.part("digest"))
    blob = call.registry.blobs.find(call.name, digest)
    response = web.FileResponse(blob.path)
    response.content_type = "application/octet-stream"
    response.headers["Docker-Content-Digest"] = digest
    # What a digest names never changes.
    response.headers["Cache-Control"] = "max-age=31536000"
    call.emit(action="pull", kind="blob", repository=call.name, digest=digest, size=blob.size)
    return response


async def head(call: Call) -> web.StreamResponse:
    digest = check_digest(call.part("digest"))
    blob = await call.registry.blobs.promise(call.name, digest)
    return web.Response(
        headers={
            "Content-Length": str(blob.size),
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
