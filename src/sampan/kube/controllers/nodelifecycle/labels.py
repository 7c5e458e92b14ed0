"""Labels that nodes had before the names became stable, kept equal to those of today. Pure."""

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.objects import labels_of

OLD = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}


def missing(node: Object) -> dict[str, str]:
    """The old labels that are to be set, with their values."""
    labels = labels_of(node)
    return {old: labels[new] for new, old in OLD.items() if new in labels and labels.get(old) != labels[new]}
