"""ComponentStatuses, which nobody keeps: parts of the control plane are asked when somebody wants to know.

pkg/registry/core/componentstatus. Kubernetes asks controllers and scheduler on this machine; here they may
run anywhere, and are well as long as one of them renews its lease.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from sampan.errors import Unavailable
from sampan.kube.api import answers, negotiation, tables
from sampan.kube.api.calls import Call
from sampan.kube.api.negotiation import OFFERED
from sampan.kube.api.options import list_options
from sampan.kube.api.paths import Target
from sampan.kube.api.reading import check_fields
from sampan.kube.api.upkeep import LEASES, NAMESPACE, is_over
from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.kubernetes import status

PARTS = {"scheduler": "kube-scheduler", "controller-manager": "kube-controller-manager"}  # their leases
STORE = "etcd-0"
WITHIN = 5.0  # seconds

Health = tuple[bool, str]


class ComponentStatuses:
    def __init__(
        self, reader: Reader, store: Callable[[], Awaitable[None]], clock: Callable[[], float]
    ) -> None:
        """`store` raises when it does not answer."""
        self._reader = reader
        self._store = store
        self._clock = clock

    async def perform(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """Get or list."""
        accept = request.headers.get("Accept", "")
        form = negotiation.choose(accept, OFFERED, (tables.TABLE,))
        names = _chosen(call)
        found = list(await asyncio.gather(*map(self._status, names)))
        served = call.served
        if form.kind:
            include = tables.include_of(call.query.get("includeObject", ""))
            rows = [tables.encoded_row(served, one, include, self._clock()) for one in found]
            return answers.json_answer(tables.table(served, rows, {}))
        head = {"kind": served.kind, "apiVersion": served.api_version}
        if call.name:
            return answers.answer({**head, **found[0]}, form)
        return answers.answer({**head, "kind": f"{served.kind}List", "metadata": {}, "items": found}, form)

    async def _status(self, name: str) -> Object:
        good, message = await self._of_store() if name == STORE else self._of_part(name)
        condition = {"type": "Healthy", "status": "True" if good else "False", "message": message}
        return {"metadata": {"name": name}, "conditions": [condition]}

    def _of_part(self, name: str) -> Health:
        lease = self._reader.get(LEASES, NAMESPACE, PARTS[name])
        held = lease is not None and bool((lease.get("spec") or {}).get("holderIdentity"))
        if lease is None or not held or is_over(lease, self._clock()):
            return False, f"nobody holds the lease {NAMESPACE}/{PARTS[name]}"
        return True, "ok"

    async def _of_store(self) -> Health:
        try:
            async with asyncio.timeout(WITHIN):
                await self._store()
        except (Unavailable, TimeoutError) as error:
            return False, str(error) or "context deadline exceeded"
        return True, "ok"


def _chosen(call: Call) -> list[str]:
    """Raises StatusError."""
    if call.name:
        if call.name not in (*PARTS, STORE):
            raise status.not_found("", "componentstatus", call.name)
        return [call.name]
    options = list_options(call.query)
    check_fields(call.served, options)
    fields, labels = options.field_selector, options.label_selector
    if labels and not labels.matches({}):
        return []
    return [name for name in (*PARTS, STORE) if not fields or fields.matches(partial(_field, name))]


def _field(name: str, field: str) -> str:
    return name if field == "metadata.name" else ""
