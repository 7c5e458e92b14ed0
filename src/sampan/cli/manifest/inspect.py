"""sampan manifest inspect: the manifest or list of manifests behind a name, from its registry."""

from __future__ import annotations

from sampan.cli import gojson
from sampan.cli.flags import Command, Flag
from sampan.cli.manifest.documents import Remote, list_bytes, raw_of, tagged
from sampan.cli.manifest.store import NotKept, Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    verbose = options["verbose"]
    reference = tagged(args[-1])
    store = Store(session)
    if len(args) == 2:
        _show_image(store.get(tagged(args[0]), reference), verbose)
        return
    try:
        images = store.all(reference)
    except NotKept:
        _show_remote(Remote(session, reference, options["insecure"]), verbose)
        return
    if verbose:
        _show(images)
    else:
        print(list_bytes([image["Descriptor"] for image in images]).decode())


def _show_remote(remote: Remote, verbose: bool) -> None:
    if remote.is_list and verbose:
        _show(remote.images())
    elif remote.is_list:
        print(list_bytes(remote.document.get("manifests") or []).decode())
    elif verbose:
        _show(remote.image())
    else:
        print(gojson.indent(remote.raw.decode("utf-8", "replace"), "", "\t"))


def _show_image(image: dict[str, Any], verbose: bool) -> None:
    if verbose:
        _show(image)
    else:
        print(gojson.indent(raw_of(image).decode("utf-8", "replace"), "", "\t"))


def _show(value: Any) -> None:
    print(gojson.indent(gojson.dumps(value), "", "\t"))


COMMAND = Command(
    "[OPTIONS] [MANIFEST_LIST] MANIFEST",
    run,
    (
        Flag("insecure", "bool", "Allow a registry without a trusted certificate, or without TLS"),
        Flag("verbose", "bool", "Show layers and platform of each image, too", short="v"),
    ),
    args=(1, 2),
)
