"""Network namespaces as descriptors, made and entered by short-lived threads.

unshare(2) and setns(2) move only the calling thread, so a thread that ends afterwards never has to find
its way back. Nothing is bind-mounted: a namespace lives by its descriptors, sockets and processes.
Sources: network_namespaces(7), setns(2), unshare(2).
"""

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from sampan.linux.namespaces import CLONE_NEWNET, open_namespace, setns, unshare

T = TypeVar("T")


def _in_thread(enter: Callable[[], None], function: Callable[[], T]) -> T:
    results: list[T] = []
    failures: list[BaseException] = []

    def body() -> None:
        try:
            enter()
            results.append(function())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body, name="netns", daemon=True)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def unshare_network() -> None:
    """Move the calling thread into a new network namespace."""
    unshare(CLONE_NEWNET)


def enter_network(netns: int) -> None:
    """Move the calling thread into the namespace behind the descriptor."""
    setns(netns, CLONE_NEWNET)


def current() -> int:
    """A descriptor of the calling thread's network namespace."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def of_process(pid: int) -> int:
    """A descriptor of a process' network namespace. Raises FileNotFoundError when it is gone."""
    return open_namespace(pid, "net")


def run_in(netns: int, function: Callable[[], T]) -> T:
    """Call `function` inside a namespace; what it raises is raised here."""
    return _in_thread(lambda: enter_network(netns), function)


def run_in_new(function: Callable[[], T]) -> T:
    """Call `function` inside a new namespace, which goes away unless something keeps it."""
    return _in_thread(unshare_network, function)
