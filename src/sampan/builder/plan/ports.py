"""EXPOSE: which ports `8000-8002/udp` names. Pure."""

from sampan.errors import Invalid
from sampan.specs.docker.ports import parse_spec


def parse_ports(words: list[str]) -> list[str]:
    """Keys of ExposedPorts: `[ip:]public:private/proto` gives private/proto. Raises Invalid."""
    return [port for word in words for port, _ in _spec(word)]


def _spec(word: str) -> list[tuple[str, str]]:
    try:
        return list(parse_spec(word))
    except Invalid as error:
        # The daemon has an older go-connections than the client, which began its sentences with a capital.
        message = error.message.replace("IP address", "ip address")
        raise Invalid(message[0].upper() + message[1:]) from None
