"""ValidatingWebhookConfiguration."""

from sampan.kube.kinds.admissionregistration import webhooks
from sampan.kube.kinds.resource import Resource

RESOURCE = Resource(
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    group="admissionregistration.k8s.io",
    namespaced=False,
    categories=("api-extensions",),
    default=webhooks.default,
    validate=webhooks.validate,
    validate_update=webhooks.validate_update,
    generation=("webhooks",),
    unconditional_update=False,
    columns=webhooks.COLUMNS,
    cells=webhooks.cells,
)
