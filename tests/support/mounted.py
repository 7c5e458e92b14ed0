"""Look at a layer through the kernel: mounted in a process of its own, which ends with it."""

import os
import pickle
from collections.abc import Callable
from typing import TypeVar

from sampan.linux import erofs
from sampan.linux import mount as m
from sampan.linux import namespaces as ns

T = TypeVar("T")


def in_private_namespace(work: Callable[[], T]) -> T:
    """What `work` returns, done in a forked process with a mount namespace of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            ns.unshare(ns.CLONE_NEWNS)
            m.set_propagation("/", m.MS_PRIVATE | m.MS_REC)
            try:
                result: object = work()
            except BaseException as error:
                result = error
            with os.fdopen(writing, "wb") as file:
                pickle.dump(result, file)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    found = pickle.loads(data)
    if isinstance(found, BaseException):
        raise found
    return found  # type: ignore[no-any-return]


def with_mount(index: str, tar: str, work: Callable[[str], T]) -> T:
    """What `work` returns for the place where the layer is mounted."""

    def mount() -> T:
        made = erofs.mount(index, tar)
        place = os.path.dirname(index)
        target = os.open(place, os.O_PATH | os.O_DIRECTORY)
        m.attach(made, target)
        return work(place)

    return in_private_namespace(mount)
