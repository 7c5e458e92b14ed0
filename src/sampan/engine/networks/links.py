"""--link on the default bridge: the old way to know another container by a name and its variables.

Source: moby daemon/links/links.go and daemon/container_operations_unix.go.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.engine.containers.record import ContainerRecord
from sampan.errors import Conflict, Invalid

NOT_SHARED = frozenset({"HOME", "PATH"})


@dataclass(frozen=True)
class Link:
    child: ContainerRecord
    alias: str
    address: str

    @property
    def hosts_names(self) -> str:
        """The alias, the child's host name and its name, each once."""
        names = (self.alias, self.child.config.get("Hostname") or "", self.child.name)
        return " ".join(dict.fromkeys(name for name in names if name))


def parse(text: str) -> tuple[str, str]:
    """ "name:alias", or "/name:/parent/alias" as inspect shows it. Raises Invalid."""
    name, _, alias = text.partition(":")
    name, alias = name.strip().lstrip("/"), alias.strip().rpartition("/")[2]
    if not name:
        raise Invalid(f"bad format for links: {text}")
    return name, alias or name


def resolve(
    record: ContainerRecord,
    find: Callable[[str], ContainerRecord],
    address_of: Callable[[ContainerRecord], str],
) -> list[Link]:
    """Raises NotFound, Conflict when a linked container does not run."""
    links: list[Link] = []
    for text in record.host_config.get("Links") or ():
        name, alias = parse(text)
        child = find(name)
        if not child.state.running:
            raise Conflict(f"Cannot link to a non running container: /{child.name} AS /{record.name}/{alias}")
        links.append(Link(child, alias, address_of(child)))
    return links


def environment(record: ContainerRecord, links: list[Link]) -> list[str]:
    """The variables that links put into the container's environment."""
    return [variable for link in links for variable in _variables(record, link)]


def _variables(record: ContainerRecord, link: Link) -> Iterator[str]:
    prefix = link.alias.upper().replace("-", "_")
    ports = sorted(_ports(link.child.config))
    if ports:
        number, protocol = ports[0]
        yield f"{prefix}_PORT={protocol}://{link.address}:{number}"
    for number, protocol in ports:
        name = f"{prefix}_PORT_{number}_{protocol.upper()}"
        yield f"{name}={protocol}://{link.address}:{number}"
        yield f"{name}_ADDR={link.address}"
        yield f"{name}_PORT={number}"
        yield f"{name}_PROTO={protocol}"
    yield f"{prefix}_NAME=/{record.name}/{link.alias}"
    for entry in link.child.config.get("Env") or ():
        key, equals, value = entry.partition("=")
        if equals and key not in NOT_SHARED:
            yield f"{prefix}_ENV_{key}={value}"


def _ports(config: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for port in config.get("ExposedPorts") or {}:
        number, _, protocol = port.partition("/")
        if number.isdigit():
            yield int(number), protocol or "tcp"
