"""Which store there is, by how it is called."""

from pathlib import Path

from sampan.errors import Unsupported
from sampan.kube.store.sqlite import SqliteStore
from sampan.kube.store.store import Store


async def open_store(name: str) -> Store:
    """A path; raises Unsupported for another kind of store, and what opening it raises."""
    if "://" in name:
        raise Unsupported(f"{name}: this kind of store is not supported yet", hint="leave --store out")
    return await SqliteStore.open(Path(name))
