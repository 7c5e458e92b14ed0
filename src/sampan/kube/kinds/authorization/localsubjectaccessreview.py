"""May they, in this namespace? Answered by kube/access/reviews.py."""

from sampan.kube.kinds.resource import Resource

RESOURCE = Resource(
    kind="LocalSubjectAccessReview",
    plural="localsubjectaccessreviews",
    group="authorization.k8s.io",
    namespaced=True,
    verbs=("create",),
)
