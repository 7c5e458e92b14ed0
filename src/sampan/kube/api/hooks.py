"""What happens as the server starts, and what has to go on for as long as it runs: the poststarthooks of
/readyz and the other doors.
"""

import asyncio
from collections.abc import Callable

from sampan.errors import Failed

# In the order in which they are shown; monitoring knows these names.
HOOKS = (
    "start-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "storage-object-count-tracker-hook",
    "start-apiextensions-informers",
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "start-system-namespaces-controller",
    "start-cluster-authentication-info-controller",
    "start-kube-apiserver-identity-lease-controller",
    "start-kube-apiserver-identity-lease-garbage-collector",
    "start-legacy-token-tracking-controller",
    "start-service-ip-repair-controllers",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "bootstrap-controller",
    "start-kubernetes-service-cidr-controller",
    "aggregator-reload-proxy-client-cert",
    "start-kube-aggregator-informers",
    "apiservice-status-local-available-controller",
    "apiservice-status-remote-available-controller",
    "apiservice-registration-controller",
    "apiservice-wait-for-first-sync",
    "apiservice-discovery-controller",
    "kube-apiserver-autoregistration",
    "apiservice-openapi-controller",
    "apiservice-openapiv3-controller",
)

# What stands for what.
CACHED = (
    "generic-apiserver-start-informers",
    "storage-object-count-tracker-hook",
    "priority-and-fairness-config-consumer",
)
DEFINED = ("start-apiextensions-informers", "start-apiextensions-controllers", "crd-informer-synced")
BOOTSTRAPPED = (
    "start-system-namespaces-controller",
    "start-cluster-authentication-info-controller",
    "start-legacy-token-tracking-controller",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "bootstrap-controller",
    "start-kubernetes-service-cidr-controller",
)


class Hooks:
    """Each fails until it is known to be done, and from when what it stands for has ended."""

    def __init__(self) -> None:
        self._conditions: dict[str, Callable[[], bool]] = {}

    def holds(self, condition: Callable[[], bool], *names: str) -> None:
        """They are fine whenever this is true."""
        for name in names:
            assert name in HOOKS, name
            self._conditions[name] = condition

    def done(self, *names: str) -> None:
        """Something that happens once, and has."""
        self.holds(lambda: True, *names)

    def runs(self, task: "asyncio.Task[None]", *names: str) -> None:
        """Something that goes on."""
        self.holds(lambda: not task.done(), *names)

    async def check(self, name: str) -> None:
        """Raises Failed."""
        condition = self._conditions.get(name)
        if condition is None:
            raise Failed("not finished")
        if not condition():
            raise Failed("it has ended")
