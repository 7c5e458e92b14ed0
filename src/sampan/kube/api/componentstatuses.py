"""ComponentStatuses, which nobody keeps: parts of the control plane are asked when somebody wants to know.

pkg/registry/core/componentstatus. Controllers and scheduler are asked where Kubernetes' own would answer.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
from aiohttp import web

from sampan.errors import Unavailable
from sampan.kube.api import answers, negotiation, tables
from sampan.kube.api.calls import Call
from sampan.kube.api.dialfailures import reason
from sampan.kube.api.negotiation import OFFERED
from sampan.kube.api.options import list_options
from sampan.kube.api.paths import Target
from sampan.kube.api.reading import check_fields
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status

PORTS = {"scheduler": 10259, "controller-manager": 10257}
STORE = "etcd-0"
WITHIN = 5.0  # seconds
LONGEST = 1 << 10  # bytes of a message

Health = tuple[bool, str]


class ComponentStatuses:
    def __init__(self, store: Callable[[], Awaitable[None]], clock: Callable[[], float] = time.time) -> None:
        """`store` raises when it does not answer."""
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
            rows = [tables.row_of(served, one, include, self._clock()) for one in found]
            return answers.json_answer(tables.table(served, rows, {}))
        head = {"kind": served.kind, "apiVersion": served.api_version}
        if call.name:
            return answers.answer({**head, **found[0]}, form)
        return answers.answer({**head, "kind": f"{served.kind}List", "metadata": {}, "items": found}, form)

    async def _status(self, name: str) -> Object:
        good, message = await (self._of_store() if name == STORE else _ask(PORTS[name]))
        condition = {"type": "Healthy", "status": "True" if good else "False", "message": message}
        return {"metadata": {"name": name}, "conditions": [condition]}

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
        if call.name not in (*PORTS, STORE):
            raise status.not_found("", "componentstatus", call.name)
        return [call.name]
    options = list_options(call.query)
    check_fields(call.served, options)
    fields, labels = options.field_selector, options.label_selector
    if labels and not labels.matches({}):
        return []
    return [name for name in (*PORTS, STORE) if not fields or fields.matches(partial(_field, name))]


def _field(name: str, field: str) -> str:
    return name if field == "metadata.name" else ""


async def _ask(port: int) -> Health:
    """As upstream: whoever listens there; its certificate does not matter."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = f"https://127.0.0.1:{port}/healthz"
    timeout = aiohttp.ClientTimeout(total=WITHIN)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(url, ssl=context, allow_redirects=False) as response,
        ):
            text = (await response.content.read(LONGEST)).decode("utf-8", "replace")
            return response.status == 200, text
    except (aiohttp.ClientError, OSError) as error:
        return False, f"Get {quote(url)}: {reason(error)}"
