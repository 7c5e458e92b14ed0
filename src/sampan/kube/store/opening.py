"""Which store there is, by how it is called."""

from pathlib import Path

from sampan.errors import Unsupported
from sampan.kube.store.sqlite import SqliteStore
from sampan.kube.store.store import Store


async def open_store(name: str, *, ca: str = "", certificate: str = "", key: str = "") -> Store:
    """A path, or etcd://host:port,...; the files are for etcd by TLS. Raises what opening raises."""
    scheme, found, _ = name.partition("://")
    if not found:
        return await SqliteStore.open(Path(name))
    if scheme != "etcd":
        raise Unsupported(f"{name}: there is no such kind of store", hint="a path, or etcd://host:port")
    # protobuf and hpack, for those alone who have an etcd.
    from sampan.kube.store.etcd import EtcdStore
    from sampan.kube.store.members import client_tls

    return await EtcdStore.open(name, client_tls(ca, certificate, key))
