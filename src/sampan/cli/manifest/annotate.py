"""sampan manifest annotate: state the platform of an image of a list."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.manifest.documents import tagged
from sampan.cli.manifest.store import NotKept, Store
from sampan.specs.oci.platform import is_known
from sampan.specs.oci.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    target = _reference(args[0], "manifest list")
    reference = _reference(args[1], "manifest")
    store = Store(session)
    try:
        image = store.get(target, reference)
    except NotKept:
        raise CliError(f"manifest for image {args[1]} does not exist in {args[0]}") from None
    platform = {"architecture": "", "os": "", **(image["Descriptor"].get("platform") or {})}
    for flag, key in (
        ("os", "os"),
        ("arch", "architecture"),
        ("variant", "variant"),
        ("os-version", "os.version"),
    ):
        if options[flag]:
            platform[key] = options[flag]
    features = list(dict.fromkeys([*(platform.get("os.features") or ()), *options["os-features"]]))
    if features:
        platform["os.features"] = features
    if not is_known(platform["os"], platform["architecture"]):
        raise CliError(
            f"manifest entry for image has unsupported os/arch combination: {options['os']}/{options['arch']}"
        )
    order = ("architecture", "os", "os.version", "os.features", "variant")
    image["Descriptor"]["platform"] = {key: platform[key] for key in order if key in platform}
    store.save(target, reference, image)


def _reference(name: str, what: str) -> Reference:
    try:
        return tagged(name)
    except CliError as error:
        raise CliError(f"annotate: error parsing name for {what} {name}: {error.message}") from None


COMMAND = Command(
    "[OPTIONS] MANIFEST_LIST MANIFEST",
    run,
    (
        Flag("arch", "string", "Architecture"),
        Flag("os", "string", "Operating system"),
        Flag("os-features", "strings", "Features of the operating system it needs"),
        Flag("os-version", "string", "Version of the operating system"),
        Flag("variant", "string", "Variant of the architecture"),
    ),
    args=(2, 2),
)
