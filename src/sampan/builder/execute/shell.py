"""A container whose files are a step's: `sampan build shell`."""

from collections.abc import Sequence

from sampan.builder.trees import Snapshot
from sampan.engine.containers import Containers
from sampan.engine.containers.create import CreateRequest, Root, create_on
from sampan.engine.containers.documents import CONFIG, HOST_CONFIG, normalise
from sampan.errors import NotFound
from sampan.storage.stack import unique


async def create(
    containers: Containers,
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
    services = containers.services
    files = services.images.store.layer_files
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
    root = Root(name, "", {}, [*lower, str(services.paths.init_layer)])
    return (await create_on(services, request, root, [])).id
