"""sampan manifest push: upload a list, and have its images in the same repository."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.manifest.documents import list_bytes, parsed, raw_of, tagged
from sampan.cli.manifest.registry import Registry
from sampan.cli.manifest.store import Store
from sampan.specs.oci.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    target = tagged(args[0])
    store = Store(session)
    images = store.all(target)
    if not images:
        raise CliError(f"{target} not found")
    sources = [tagged(image["Ref"]) for image in images]
    for source in sources:
        if source.domain != target.domain:
            raise CliError(
                "cannot use source images from a different registry than the target image: "
                f"{source.domain} != {target.domain}"
            )
    registry = Registry(session, target.domain, options["insecure"])
    elsewhere = [pair for pair in zip(images, sources, strict=True) if pair[1].name != target.name]
    for image, source in elsewhere:
        _mount(registry, target, image, source)
    for image, _ in elsewhere:
        _put(registry, target, image)
    listed = list_bytes([image["Descriptor"] for image in images])
    kind = str(parsed(listed)["mediaType"])
    print(registry.put_manifest(target.path, target.tag or target.digest or "", kind, listed))
    if options["purge"]:
        store.remove(target)


def _mount(registry: Registry, target: Reference, image: dict[str, Any], source: Reference) -> None:
    document = parsed(raw_of(image))
    for blob in (document.get("config") or {}, *(document.get("layers") or ())):
        registry.mount(target.path, str(blob.get("digest")), source.path)


def _put(registry: Registry, target: Reference, image: dict[str, Any]) -> None:
    digest, kind = str(image["Descriptor"]["digest"]), str(image["Descriptor"]["mediaType"])
    stored = registry.put_manifest(target.path, digest, kind, raw_of(image))
    print(f"Pushed ref {target.name}@{digest} with digest: {stored}", flush=True)


COMMAND = Command(
    "[OPTIONS] MANIFEST_LIST",
    run,
    (
        Flag("insecure", "bool", "Allow a registry without a trusted certificate, or without TLS"),
        Flag("purge", "bool", "Remove the list from this machine afterwards", short="p"),
    ),
    args=(1, 1),
)
