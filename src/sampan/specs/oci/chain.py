"""Chain IDs: the name of a layer together with all below it. OCI image-spec config.md, "Layer ChainID"."""

from sampan.specs.oci import digest as digests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def chain_ids(diff_ids: "Iterable[str]") -> list[str]:
    """One for each layer, bottom first."""
    chains: list[str] = []
    for diff_id in diff_ids:
        if not chains:
            chains.append(diff_id)
        else:
            chains.append(digests.of(f"{chains[-1]} {diff_id}".encode()))
    return chains
