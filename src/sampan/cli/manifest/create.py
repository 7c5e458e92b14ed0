"""sampan manifest create: begin a list of images of several platforms, here, to be annotated and pushed."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.manifest.documents import Remote, tagged
from sampan.cli.manifest.store import NotKept, Store
from sampan.specs.oci.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    try:
        target = tagged(args[0])
    except CliError as error:
        raise CliError(f"error parsing name for manifest list {args[0]}: {error.message}") from None
    store = Store(session)
    if store.has(target) and not options["amend"]:
        raise CliError("refusing to amend an existing manifest list with no --amend flag")
    for name in args[1:]:
        reference = tagged(name)
        store.save(target, reference, _image(session, store, target, reference, options["insecure"]))
    print(f"Created manifest list {target}")


def _image(
    session: Session, store: Store, target: Reference, reference: Reference, insecure: bool
) -> dict[str, Any]:
    try:
        return store.get(target, reference)
    except NotKept:
        remote = Remote(session, reference, insecure)
    if remote.is_list:
        raise CliError(f"{reference} is a manifest list")
    return remote.image()


COMMAND = Command(
    "MANIFEST_LIST MANIFEST [MANIFEST...]",
    run,
    (
        Flag("amend", "bool", "Add to a list that exists", short="a"),
        Flag("insecure", "bool", "Allow a registry without a trusted certificate, or without TLS"),
    ),
    args=(2, None),
)
