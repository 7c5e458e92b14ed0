"""/v2/<name>/manifests/<reference> and /referrers/: end-3, 7, 9, 12a, 12b."""

from aiohttp import web

from sampan.registry.api.call import Call, Route, json_response, next_link, read_body
from sampan.registry.documents import MAX_MANIFEST, OCI_INDEX
from sampan.registry.errors import ManifestInvalid, ManifestUnknown
from sampan.registry.manifests import Manifest, too_large, unknown
from sampan.registry.names import Reference, check_digest, parse_reference

REFERRERS_PAGE = 1000


async def get(call: Call) -> web.StreamResponse:
    manifest = await _pulled(call)
    return web.Response(body=manifest.content, headers=_headers(manifest))


async def head(call: Call) -> web.StreamResponse:
    manifest = await _pulled(call)
    return web.Response(headers=_headers(manifest) | {"Content-Length": str(manifest.size)})


async def _pulled(call: Call) -> Manifest:
    """A HEAD counts as well: containerd asks for the tag with it, and then pulls by digest."""
    reference = _existing_reference(call)
    if call.upstreams is not None:
        await call.upstreams.manifest(call.name, reference)
    if call.shared is not None and (reference.tag or not _is_here(call, reference)):
        await call.shared.refresh(call.name)
    manifest = call.registry.manifests.find(call.name, reference)
    call.emit(
        action="pull",
        kind="manifest",
        repository=call.name,
        digest=manifest.digest,
        tag=reference.tag or "",
        media_type=manifest.media_type,
        size=manifest.size,
    )
    return manifest


def _is_here(call: Call, reference: Reference) -> bool:
    try:
        call.registry.manifests.find(call.name, reference)
    except ManifestUnknown:
        return False
    return True


def _existing_reference(call: Call) -> Reference:
    """What breaks the grammar of tags cannot be there: 404, as the conformance suite wants it."""
    text = call.part("reference")
    try:
        return parse_reference(text)
    except ManifestInvalid:
        raise unknown(call.name, Reference(text[:200], None)) from None


def _headers(manifest: Manifest) -> dict[str, str]:
    return {
        "Content-Type": manifest.media_type,
        "Docker-Content-Digest": manifest.digest,
        "ETag": f'"{manifest.digest}"',
    }


async def put(call: Call) -> web.StreamResponse:
    reference = parse_reference(call.part("reference"))
    body = await read_body(call, MAX_MANIFEST, too_large)
    content_type = call.request.headers.get("Content-Type", "")
    stored = await call.registry.manifests.put(call.name, reference, content_type, body)
    call.emit(
        action="push",
        kind="manifest",
        repository=call.name,
        digest=stored.digest,
        tag=reference.tag or "",
        media_type=stored.document.media_type,
        size=stored.size,
    )
    if call.shared is not None and reference.tag:
        await call.shared.pushed(call.name, reference.tag, stored.digest)
    headers = {
        "Location": f"/v2/{call.name}/manifests/{stored.digest}",
        "Docker-Content-Digest": stored.digest,
    }
    if stored.document.subject is not None:
        headers["OCI-Subject"] = stored.document.subject
    return web.Response(status=201, headers=headers)


async def delete(call: Call) -> web.StreamResponse:
    await remove(call, _existing_reference(call))
    return web.Response(status=202)


async def remove(call: Call, reference: Reference) -> None:
    """Delete a tag or a manifest for the API or the page. Raises ManifestUnknown, InUse."""
    if call.shared is not None:
        call.shared.check_deletable(call.name, reference)
    digest = await call.registry.manifests.delete(call.name, reference)
    call.emit(
        action="delete",
        kind="tag" if reference.tag else "manifest",
        repository=call.name,
        digest=digest,
        tag=reference.tag or "",
    )


async def referrers(call: Call) -> web.StreamResponse:
    """Never 404: what is not there has no referrers."""
    digest = check_digest(call.part("digest"))
    kind = call.query.get("artifactType", "")
    found, more = call.registry.manifests.referrers(
        call.name, digest, call.query.get("last", ""), REFERRERS_PAGE
    )
    last = str(found[-1].descriptor["digest"]) if more else None
    filters = {"artifactType": kind} if kind else {}
    headers = next_link(f"/v2/{call.name}/referrers/{digest}", None, last, **filters)
    if kind:
        headers["OCI-Filters-Applied"] = "artifactType"
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [item.descriptor for item in found if not kind or item.artifact_type == kind],
    }
    response = json_response(document, headers=headers)
    response.content_type = OCI_INDEX
    return response


ROUTES = (
    Route("GET", "/v2/{name}/manifests/{reference}", get, "pull", "manifest"),
    Route("HEAD", "/v2/{name}/manifests/{reference}", head, "pull", "manifest"),
    Route("PUT", "/v2/{name}/manifests/{reference}", put, "push", "manifest"),
    Route("DELETE", "/v2/{name}/manifests/{reference}", delete, "delete", "manifest"),
    Route("GET", "/v2/{name}/referrers/{digest}", referrers, "pull", "referrers"),
)
