"""/v2/<name>/blobs/uploads/: end-4a, 4b, 5, 6, 11, 13, and what Docker's clients do beside them."""

import re

from aiohttp import web

from sampan.registry.api.call import Call, Route
from sampan.registry.errors import DigestInvalid, RangeInvalid, RegistryError, UploadInvalid, UploadUnknown
from sampan.registry.layout import ALGORITHMS
from sampan.registry.names import check_digest, check_name
from sampan.registry.uploads import Chunk, range_header

# The specification's form is `0-99`; some clients write the one of RFC 9110.
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:\*|[0-9]+))?")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


async def start(call: Call) -> web.StreamResponse:
    """POST: a mount, a whole blob, or the beginning of an upload."""
    mount, digest = call.query.get("mount"), call.query.get("digest")
    if mount:
        source = call.query.get("from", "")
        mounted = await _mount(call, check_digest(mount), source)
        if mounted is not None:
            return mounted
    elif digest:
        digest = check_digest(digest)
        call.registry.quotas.check(call.registry.read, call.name, call.request.content_length or 0)
        blob = await call.registry.uploads.put(call.name, digest, _chunk(call))
        return _created(call, digest, blob.size)
    algorithm = call.query.get("digest-algorithm", "sha256")
    if algorithm not in ALGORITHMS:
        raise DigestInvalid(f"unsupported digest algorithm {algorithm[:100]}")
    call.registry.quotas.check(call.registry.read, call.name, 0)
    id = await call.registry.uploads.start(call.name, algorithm)
    return _progress(call, id, 0, 202)


async def _mount(call: Call, digest: str, source: str) -> web.StreamResponse | None:
    """None when it cannot be done: the client then uploads. What it may not pull from counts as not there."""
    if not source:
        return None
    check_name(source)
    if not call.actor.may(source, "pull"):
        return None
    blob = await call.registry.blobs.mount(call.name, digest, source)
    if blob is None:
        return None
    call.emit(
        action="mount",
        kind="blob",
        repository=call.name,
        digest=digest,
        size=blob.size,
        from_repository=source,
    )
    return _located(call, digest)


async def status(call: Call) -> web.StreamResponse:
    id = _id(call)
    return _progress(call, id, call.registry.uploads.offset(call.name, id), 204)


async def patch(call: Call) -> web.StreamResponse:
    id = _id(call)
    try:
        size = await call.registry.uploads.append(call.name, id, _chunk(call))
    except RangeInvalid as error:
        raise _located_error(call, id, error) from None
    return _progress(call, id, size, 202)


async def finish(call: Call) -> web.StreamResponse:
    """PUT: the last chunk, if there is one, and the digest of it all."""
    id = _id(call)
    given = call.query.get("digest", "")
    if not given:
        raise DigestInvalid("digest parameter missing")
    digest = check_digest(given)
    last = _chunk(call) if call.request.can_read_body else None
    try:
        blob = await call.registry.uploads.finish(call.name, id, digest, last)
    except RangeInvalid as error:
        raise _located_error(call, id, error) from None
    return _created(call, digest, blob.size)


async def cancel(call: Call) -> web.StreamResponse:
    await call.registry.uploads.cancel(call.name, _id(call))
    return web.Response(status=204)


def _id(call: Call) -> str:
    id = call.part("id")
    if not _ID.fullmatch(id):
        raise UploadUnknown("blob upload unknown to registry", {"name": call.name, "upload": id[:100]})
    return id


def _chunk(call: Call) -> Chunk:
    """The body, and where it says it belongs. Raises UploadInvalid, RangeInvalid."""
    request = call.request
    length = request.content_length
    given = request.headers.get("Content-Range")
    if given is None:
        return Chunk(call.body(), None, length)
    match = _CONTENT_RANGE.fullmatch(given.strip())
    if match is None:
        raise UploadInvalid(f"invalid Content-Range {given[:100]!r}: START-END expected")
    first, last = int(match[1]), int(match[2])
    if last < first:
        raise RangeInvalid(f"invalid Content-Range {given[:100]!r}: it ends before it starts")
    if length is not None and length != last - first + 1:
        raise RangeInvalid(
            f"Content-Range {given[:100]!r} is {last - first + 1} bytes long, Content-Length is {length}"
        )
    return Chunk(call.body(), first, last - first + 1)


def _located_error(call: Call, id: str, error: RangeInvalid) -> RegistryError:
    size = call.registry.uploads.offset(call.name, id)
    error.headers = {
        "Location": _upload_path(call, id),
        "Range": range_header(size),
        "Docker-Upload-UUID": id,
    }
    return error


def _upload_path(call: Call, id: str) -> str:
    # Relative, so that it is right behind every proxy. RFC 9110, 10.2.2
    return f"/v2/{call.name}/blobs/uploads/{id}"


def _progress(call: Call, id: str, size: int, status: int) -> web.Response:
    return web.Response(
        status=status,
        headers={
            "Location": _upload_path(call, id),
            "Range": range_header(size),
            "Docker-Upload-UUID": id,
        },
    )


def _created(call: Call, digest: str, size: int) -> web.Response:
    call.emit(action="push", kind="blob", repository=call.name, digest=digest, size=size)
    return _located(call, digest)


def _located(call: Call, digest: str) -> web.Response:
    return web.Response(
        status=201,
        headers={"Location": f"/v2/{call.name}/blobs/{digest}", "Docker-Content-Digest": digest},
    )


ROUTES = (
    Route("POST", "/v2/{name}/blobs/uploads/", start, "push", "upload"),
    Route("POST", "/v2/{name}/blobs/uploads", start, "push", "upload"),
    Route("GET", "/v2/{name}/blobs/uploads/{id}", status, "push", "upload"),
    Route("PATCH", "/v2/{name}/blobs/uploads/{id}", patch, "push", "upload"),
    Route("PUT", "/v2/{name}/blobs/uploads/{id}", finish, "push", "upload"),
    Route("DELETE", "/v2/{name}/blobs/uploads/{id}", cancel, "push", "upload"),
)
