"""Chain IDs: the name of a layer together with all below it. OCI image-spec config.md, "Layer ChainID"."""

import hashlib
from collections.abc import Iterable


def chain_ids(diff_ids: Iterable[str]) -> list[str]:
    """One for each layer, bottom first."""
    chains: list[str] = []
    for diff_id in diff_ids:
        if not chains:
            chains.append(diff_id)
        else:
            text = f"{chains[-1]} {diff_id}".encode()
            chains.append(f"sha256:{hashlib.sha256(text).hexdigest()}")
    return chains
