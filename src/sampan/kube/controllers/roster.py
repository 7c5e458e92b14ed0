"""All controllers: a row each, by the service account of kube-system as which it acts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sampan.kube.controllers import namespaces, rootca, serviceaccounts
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.garbage import Collector
from sampan.kube.controllers.quotas import Quotas


class Runnable(Protocol):
    """A Controller, or whatever else runs until it is cancelled."""

    async def run(self) -> None: ...


@dataclass(frozen=True)
class Row:
    make: Callable[[Context], Runnable]
    component: str = ""  # as its events name it, if not as the account


ROSTER: Mapping[str, Row] = {
    "generic-garbage-collector": Row(lambda context: Collector(context.client)),
    "namespace-controller": Row(namespaces.controller),
    "resourcequota-controller": Row(lambda context: Quotas(context.client, context.informers, context.clock)),
    "root-ca-cert-publisher": Row(rootca.controller),
    "service-account-controller": Row(serviceaccounts.controller),
}
