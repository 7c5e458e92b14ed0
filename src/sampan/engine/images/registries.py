"""The registries as the engine sees them: its settings, its connections, and who answers for a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sampan.engine.bootstrap.names import suggestion
from sampan.engine.daemon.config import DaemonConfig
from sampan.errors import Failed, SampanError
from sampan.http.bearer import Credentials
from sampan.http.transport import Proxies, Transport, Unreachable
from sampan.images.registry.client import Registry, Repository
from sampan.images.registry.errors import RegistryError
from sampan.images.registry.hosts import Endpoint, Hosts, Purpose, check_authority
from sampan.images.registry.manifests import Fetched
from sampan.specs.oci.reference import Reference

DOCKER_CERTIFICATES = Path("/etc/docker/certs.d")


@dataclass(frozen=True)
class Resolved:
    """A manifest, the repository that gave it, and all that may have its blobs, that one first."""

    fetched: Fetched
    sources: tuple[Repository, ...]

    @property
    def repository(self) -> Repository:
        return self.sources[0]


def hosts_of(config: DaemonConfig) -> Hosts:
    own = Path(config.config_file).parent / "certs.d"
    return Hosts(config.registry_mirrors, config.insecure_registries, (own, DOCKER_CERTIFICATES))


def proxies_of(config: DaemonConfig | None) -> Proxies:
    """daemon.json's or the flags'; the environment's when they name none, as dockerd."""
    if config is not None and (config.http_proxy or config.https_proxy):
        return Proxies(config.http_proxy, config.https_proxy, config.no_proxy)
    return Proxies.of_environment()


class Registries:
    """One for each engine."""

    def __init__(self, config: DaemonConfig | None = None) -> None:
        self.hosts = Hosts() if config is None else hosts_of(config)
        self.transport = Transport(proxies_of(config))

    def configure(self, config: DaemonConfig) -> None:
        """The next question is asked with these settings."""
        self.hosts = hosts_of(config)

    async def close(self) -> None:
        await self.transport.close()

    async def repositories(
        self, reference: Reference, purpose: Purpose, credentials: Credentials
    ) -> list[Repository]:
        """Each server for the reference's repository, in order. Raises Invalid, Failed."""
        check_authority(reference.domain)
        endpoints = await self.hosts.endpoints(reference.domain, purpose)
        if not endpoints:
            raise Failed(f"no server of {reference.domain} may be asked to {purpose}: see its hosts.toml")
        actions = "pull,push" if purpose == "push" else "pull"
        return [
            Registry(self.transport, endpoint, self._for(endpoint, credentials, reference)).repository(
                reference.path, actions=actions
            )
            for endpoint in endpoints
        ]

    @staticmethod
    def _for(endpoint: Endpoint, credentials: Credentials, reference: Reference) -> Credentials:
        """Credentials are the registry's: a mirror on another host never sees them."""
        return credentials if endpoint.origin and not endpoint.namespace else Credentials()

    async def resolve(self, repositories: Sequence[Repository], name: str, reference: Reference) -> Resolved:
        """The manifest `name` (tag or digest) from the first server that has it.

        Raises what the last one said; a server without an answer names the ways around it.
        """
        error: SampanError | None = None
        for index, repository in enumerate(repositories):
            try:
                fetched = await repository.manifest(name)
            except Unreachable as failure:
                error = error if isinstance(error, RegistryError) else failure
            except SampanError as failure:
                error = failure
                if repository.registry.endpoint.origin:
                    break
            else:
                others = (*repositories[index + 1 :], *repositories[:index])
                alive = [other for other in others if _worth_asking(other, repository)]
                return Resolved(fetched, (repository, *alive))
        assert error is not None
        if isinstance(error, Unreachable):
            raise Unreachable(_pinged(error, repositories[-1]), hint=suggestion(reference))
        raise error

    async def first(self, repositories: Sequence[Repository]) -> Repository:
        """The first server that answers at all, whatever it says. Raises Unreachable."""
        error: Unreachable | None = None
        for repository in repositories:
            try:
                await repository.registry.ping()
                return repository
            except Unreachable as failure:
                error = failure
        assert error is not None
        raise error


def _worth_asking(other: Repository, answered: Repository) -> bool:
    """Not the same server once more with another scheme."""
    return other.registry.endpoint.host != answered.registry.endpoint.host


def _pinged(error: Unreachable, repository: Repository) -> str:
    """Docker asks for /v2/ before anything else, and says so."""
    _, _, reason = error.message.partition('": ')
    return f'Get "{repository.registry.endpoint.api}/": {reason}'
