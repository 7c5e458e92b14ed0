"""The task behind cp, export, and volumes filled from images: tar in or out of a container's filesystem.

Requests ("op"), besides the view to enter (rootview.py):

    stat     "path"                                -> {"stat": ...}, nothing on "data"
    get      "path"                                "data": the stat as a line of JSON, then a tar stream
    put      "path", "no_overwrite", "user"        "data": a line out, then a tar stream in, compressed or not
    export                                         "data": a line, then a tar stream of the whole root
    copy-up  "rootfs", "path", "target"            copies a directory of an image into an empty volume

Modules are imported before the root changes: afterwards the interpreter's library is out of reach.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(request: dict[str, Any], fds: dict[str, int]) -> dict[str, Any]:
    """Raises Invalid, NotFound, Failed."""
    os.umask(0)
    op = request["op"]
    if op == "copy-up":
        from sampan.runtime import copyup

        copyup.run(request)
        return {}
    # Whatever a codec or a compressed stream would import later.
    import encodings.idna
    import encodings.latin_1
    import encodings.utf_8  # noqa: F401

    from sampan.runtime import inview, rootview, tarin, tarout

    tarin.load_decompressors()
    rootview.enter(request)
    if op == "stat":
        return {"stat": inview.stat_path(request["path"])}
    if op == "get":
        tarout.send_path(request["path"], fds["data"])
    elif op == "export":
        tarout.send_root(fds["data"])
    elif op == "put":
        os.write(fds["data"], b"\n")
        tarin.receive(request, fds["data"])
    return {}
