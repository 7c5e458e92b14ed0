"""Labels that nodes had before the names became stable, kept equal to those of today. Pure."""

from sampan.kube.client.requests import Object

OLD = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}


def missing(node: Object) -> dict[str, str]:
    """The old labels that are to be set, with their values."""
    labels = node["metadata"].get("labels") or {}
    return {old: labels[new] for new, old in OLD.items() if new in labels and labels.get(old) != labels[new]}
