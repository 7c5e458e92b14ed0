"""Who am I? Answered by kube/access/reviews.py."""

from sampan.kube.kinds.resource import Resource

RESOURCE = Resource(
    kind="SelfSubjectReview",
    plural="selfsubjectreviews",
    group="authentication.k8s.io",
    namespaced=False,
    verbs=("create",),
)
