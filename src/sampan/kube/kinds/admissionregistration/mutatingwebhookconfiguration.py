"""MutatingWebhookConfiguration."""

from sampan.kube.kinds.admissionregistration import webhooks
from sampan.kube.kinds.resource import Object, Resource


def default(new: Object) -> None:
    webhooks.default(new)
    for webhook in new.get("webhooks") or ():
        webhook.setdefault("reinvocationPolicy", "Never")


RESOURCE = Resource(
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    group="admissionregistration.k8s.io",
    namespaced=False,
    categories=("api-extensions",),
    default=default,
    validate=webhooks.validate,
    validate_update=webhooks.validate_update,
    generation=("webhooks",),
    unconditional_update=False,
    columns=webhooks.COLUMNS,
    cells=webhooks.cells,
)
