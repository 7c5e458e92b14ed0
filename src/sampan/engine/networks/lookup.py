"""What the embedded resolver of one container knows: who else is on its networks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sampan.engine.networks.links import parse
from sampan.engine.networks.live import Endpoint
from sampan.engine.networks.sandbox import Sandbox
from sampan.errors import SampanError
from sampan.linux.rtnetlink import Address


@dataclass(frozen=True)
class SandboxNames:
    """Implements network.names.Names. `container_id` finds a container by name, for links."""

    sandbox: Sandbox
    container_id: Callable[[str], str]

    def _own(self) -> Iterator[Endpoint]:
        return (e for e in self.sandbox.endpoints.values() if e.network.record.user_defined)

    def addresses(self, name: str) -> list[Address] | None:
        name = name.removesuffix(".")
        found = [endpoint for own in self._own() for endpoint in self._named(own, name)]
        if not found:
            return None
        return list(dict.fromkeys(address.ip for endpoint in found for address in endpoint.addresses))

    def _named(self, own: Endpoint, name: str) -> Iterator[Endpoint]:
        network = own.network
        yield from self._linked(own, name)
        yield from network.named(name)
        # "web.backend": a name and the network's.
        suffix = "." + network.record.name.lower()
        if name.endswith(suffix):
            yield from network.named(name.removesuffix(suffix))

    def _linked(self, own: Endpoint, name: str) -> Iterator[Endpoint]:
        for link in own.asked.get("Links") or ():
            target, alias = parse(link)
            if alias.lower() != name:
                continue
            try:
                endpoint = own.network.endpoints.get(self.container_id(target))
            except SampanError:
                continue
            if endpoint is not None:
                yield endpoint

    def pointer(self, address: Address) -> list[str] | None:
        for own in self._own():
            for endpoint in own.network.endpoints.values():
                if any(address == mine.ip for mine in endpoint.addresses):
                    return [f"{endpoint.container_name}.{own.network.record.name}"]
        return None
