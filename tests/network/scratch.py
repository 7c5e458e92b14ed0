"""A host of its own for a test: a network namespace with loopback up, in a thread with an event loop."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sampan.linux import netlink, netns, rtnetlink

T = TypeVar("T")


def on_scratch_host(body: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function there; nothing of it is left on the machine."""

    def inside() -> T:
        with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
            sock.transact([rtnetlink.set_link(1, up=True)])
        return asyncio.run(body())

    return netns.run_in_new(inside)


class Answering:
    """A TCP server in a namespace which tells every client the address it was seen with."""

    def __init__(self, namespace: int, port: int, address: str = "0.0.0.0") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._server = netns.run_in(
            namespace, lambda: socket.create_server((address, port), family=family, backlog=16)
        )
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, peer = self._server.accept()
            except OSError:
                return
            with client:
                client.sendall(peer[0].encode())

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()


async def ask(address: str, port: int, namespace: int | None = None, *, seconds: float = 2) -> str:
    """What an `Answering` says, asked from this namespace or another; the error's name when it does not."""

    def connect() -> str:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as client:
            client.settimeout(seconds)
            try:
                client.connect((address, port))
                return client.recv(100).decode()
            except OSError as error:
                return type(error).__name__

    if namespace is None:
        return await asyncio.to_thread(connect)
    return await asyncio.to_thread(netns.run_in, namespace, connect)


async def until(condition: Callable[[], object], what: str, seconds: float = 5) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.01)
