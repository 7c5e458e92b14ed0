"""Task: a user namespace, and a network namespace that belongs to it.

Whoever is root in the one may then do in the other what takes CAP_NET_ADMIN or CAP_NET_RAW. The daemon cannot
make them: only a process with one thread enters a user namespace (unshare(2)).
"""

from __future__ import annotations

from sampan.linux import sockets
from sampan.runtime import userns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(request: dict[str, Any], fds: dict[str, int]) -> dict[str, Any]:
    """`request`: "uids" and "gids", OCI's mappings. Both descriptors go out on the socket "reply"."""
    made = userns.create_with_network(request["uids"], request["gids"])
    sockets.send(sockets.Socket(fileno=fds["reply"]), b"namespaces", made)
    return {}
