"""May they? Answered by kube/access/reviews.py."""

from sampan.kube.kinds.resource import Resource

RESOURCE = Resource(
    kind="SubjectAccessReview",
    plural="subjectaccessreviews",
    group="authorization.k8s.io",
    namespaced=False,
    verbs=("create",),
)
