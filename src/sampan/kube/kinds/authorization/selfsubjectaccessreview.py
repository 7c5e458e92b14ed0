"""May I? Answered by kube/access/reviews.py."""

from sampan.kube.kinds.resource import Resource

RESOURCE = Resource(
    kind="SelfSubjectAccessReview",
    plural="selfsubjectaccessreviews",
    group="authorization.k8s.io",
    namespaced=False,
    verbs=("create",),
)
