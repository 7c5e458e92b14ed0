"""A container whose files are a step's: `sampan build shell`."""

from collections.abc import Sequence
from pathlib import Path

from sampan.builder.trees import Snapshot
from sampan.engine.containers.create import CreateRequest, Root
from sampan.engine.containers.documents import CONFIG, HOST_CONFIG, normalise
from sampan.engine.containers.manager import Containers
from sampan.errors import NotFound
from sampan.storage.layers import LayerStore
from sampan.storage.stack import unique


async def create(
    containers: Containers,
    files: LayerStore,
    init_layer: Path,
    snapshot: Snapshot,
    name: str,
    *,
    args: Sequence[str],
    env: Sequence[str],
    cwd: str,
    user: str,
    tty: bool,
) -> str:
    """Its id. Raises NotFound when the snapshot's layers are gone."""
    lower = []
    for diff_id in unique(snapshot.layers):
        if not files.exists(diff_id):
            raise NotFound(f"the snapshot's layer {diff_id} is gone", hint="build again")
        lower.append(files.lower(diff_id))
    config = normalise(
        {
            "Image": name,
            "Cmd": list(args),
            "Env": list(env),
            "WorkingDir": cwd,
            "User": user,
            "Tty": tty,
            "OpenStdin": True,
            "StdinOnce": True,
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
        },
        CONFIG,
        "Config",
    )
    host = normalise({"AutoRemove": True}, HOST_CONFIG, "HostConfig")
    request = CreateRequest("", config, host, {})
    root = Root(name, "", {}, [*lower, str(init_layer)])
    return (await containers.create_on(request, root)).id
