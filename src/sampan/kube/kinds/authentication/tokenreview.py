"""Whose is this token? Answered by kube/access/reviews.py."""

from sampan.kube.kinds.resource import Resource

RESOURCE = Resource(
    kind="TokenReview",
    plural="tokenreviews",
    group="authentication.k8s.io",
    namespaced=False,
    verbs=("create",),
)
