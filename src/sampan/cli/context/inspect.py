"""sampan context inspect."""

from __future__ import annotations

from sampan.cli import gojson
from sampan.cli.config import context_name
from sampan.cli.context import metadata, store
from sampan.cli.flags import Command
from sampan.cli.inspection import FORMAT_FLAG, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    names = args or [context_name(session.options, session.environ, session.config)]

    def fetch(name: str) -> bytes:
        meta = metadata.find(session, name)
        if name == "default":
            tls = {}
            storage = {"MetadataPath": "<IN MEMORY>", "TLSPath": "<IN MEMORY>"}
        else:
            files = store.tls_files(session.config_dir, name)
            tls = {"docker": files} if files else {}
            storage = {
                "MetadataPath": store.meta_dir(session.config_dir, name),
                "TLSPath": store.tls_dir(session.config_dir, name),
            }
        return gojson.dumps({**meta, "TLSMaterial": tls, "Storage": storage}).encode()

    return show(names, options["format"], fetch)


COMMAND = Command("[OPTIONS] [CONTEXT] [CONTEXT...]", run, (FORMAT_FLAG,))
