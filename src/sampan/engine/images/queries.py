"""Questions to registries that change nothing here: login, distribution inspect, tags."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from sampan.engine.images.pull import explain
from sampan.engine.images.registries import Registries
from sampan.errors import Failed, NotFound, SampanError, Unauthorized
from sampan.http.bearer import NO_CREDENTIALS, Credentials
from sampan.http.transport import Unreachable
from sampan.images.registry import manifests
from sampan.images.registry.client import Registry
from sampan.images.registry.errors import RegistryError
from sampan.specs.oci.reference import DEFAULT_DOMAIN, LEGACY_DOMAIN, Reference

MAX_CONFIG = 8 << 20
PLATFORM = ("architecture", "os", "os.version", "os.features", "variant")


async def login(registries: Registries, credentials: Credentials) -> str:
    """Whether the registry takes them; returns an identity token where it gives one.

    Raises Unauthorized, Failed, Unreachable in Docker's words.
    """
    domain = server_domain(credentials.server)
    error: Unreachable | None = None
    for endpoint in await registries.hosts.endpoints(domain, "resolve"):
        if not endpoint.origin:
            continue
        registry = Registry(registries.transport, endpoint, credentials, offline=True)
        url = f"{endpoint.api}/"
        try:
            status = await registry.ping()
        except Unreachable as failure:
            error = failure
            continue
        except Unauthorized as failure:
            if failure.message == NO_CREDENTIALS:
                raise Failed(f'Get "{url}": {failure.message}') from None
            raise Unauthorized(f'Get "{url}": {failure.message}') from None
        if status == 401:
            raise Unauthorized(f"login attempt to {url} failed with status: 401 Unauthorized")
        if status != 200:
            raise Failed(f"login attempt to {url} failed with status: {status}")
        return registry.authorizer.identity_token
    raise error or Failed(f"no server of {domain} to log in to")


def server_domain(server: str) -> str:
    """`https://index.docker.io/v1/`, `http://host:port` or `host` as a registry's name."""
    host = urlsplit(server if "://" in server else f"//{server}").netloc.rpartition("@")[2]
    return DEFAULT_DOMAIN if host in ("", LEGACY_DOMAIN, DEFAULT_DOMAIN, "registry-1.docker.io") else host


async def distribution(
    registries: Registries, reference: Reference, credentials: Credentials
) -> dict[str, Any]:
    """GET /distribution/{name}/json: what the registry has under that name."""
    repositories = await registries.repositories(reference, "resolve", credentials)
    try:
        resolved = await registries.resolve(repositories, reference.digest or reference.tag or "", reference)
    except RegistryError as error:
        raise _refused(error) from None
    fetched = resolved.fetched
    found: list[dict[str, Any]] = []
    if fetched.is_index:
        items = manifests.parse_index(fetched.data)
        found = [_platform(item["platform"]) for item in items if item.get("platform")]
    else:
        config = manifests.parse_image(fetched.data).config
        if config.media_type in manifests.IMAGE_CONFIGS:
            data = await resolved.repository.small_blob(config.digest, config.size, MAX_CONFIG)
            found = [_platform(_object(data))]
    return {
        "Descriptor": {"mediaType": fetched.media_type, "digest": fetched.digest, "size": len(fetched.data)},
        "Platforms": found,
    }


def _object(data: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise Failed("invalid image config: not an object")
    return document


def _platform(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in PLATFORM if document.get(name)}


def _refused(error: RegistryError) -> SampanError:
    if error.status == 404:
        return NotFound(error.message)
    if error.status == 401:
        return Unauthorized(error.message)
    return error


async def tags(registries: Registries, reference: Reference, credentials: Credentials) -> list[str]:
    """Every tag of a repository, in order."""
    error: SampanError | None = None
    for repository in await registries.repositories(reference, "resolve", credentials):
        try:
            return sorted(await repository.tags())
        except SampanError as failure:
            error = failure
            if repository.registry.endpoint.origin and not isinstance(failure, Unreachable):
                break
    assert error is not None
    raise explain(error, reference)
