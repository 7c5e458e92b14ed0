"""The PORTS column: published ports with neighbours folded into ranges."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def display_ports(ports: list[dict[str, Any]]) -> str:
    """Docker's order: finished ranges, the ranges still open at the end, then ports published elsewhere."""
    groups: dict[str, tuple[int, int]] = {}  # "[ip/]protocol" -> first and last private port
    finished: list[str] = []
    moved: list[str] = []
    for port in sorted(ports, key=_key):
        current = int(port.get("PrivatePort") or 0)
        key = str(port.get("Type") or "")
        public, address = int(port.get("PublicPort") or 0), str(port.get("IP") or "")
        if address and public != current:
            moved.append(_published(address, public, current, key))
            continue
        if address:
            key = f"{address}/{key}"
        first, last = groups.get(key, (current, current - 1))
        if current != last + 1:
            finished.append(_group(key, first, last))
            first = current
        groups[key] = (first, current)
    return ", ".join(finished + [_group(key, *span) for key, span in groups.items()] + moved)


def _published(address: str, public: int, private: int, protocol: str) -> str:
    return f"{_host(address)}:{public}->{private}/{protocol}"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _group(key: str, first: int, last: int) -> str:
    address, _, protocol = key.rpartition("/")
    span = str(first) if first == last else f"{first}-{last}"
    if address:
        return f"{_host(address)}:{span}->{span}/{protocol}"
    return f"{span}/{protocol}"


def _key(port: dict[str, Any]) -> tuple[Any, ...]:
    return (
        int(port.get("PrivatePort") or 0),
        str(port.get("IP") or ""),
        int(port.get("PublicPort") or 0),
        str(port.get("Type") or ""),
    )
