"""Subresources that lead to a node: logs, exec, attach, port-forward, proxies.

Where to, this server finds out from its objects; without a node that answers it says so.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from sampan.kube.access.user import Attributes
from sampan.kube.api.calls import Call
from sampan.kube.api.options import integer
from sampan.kube.api.paths import Target
from sampan.kube.api.reading import Lister
from sampan.kube.kinds.core.podlogs import log_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import status

KUBELET_PORT = 10250
REACH = 10.0  # seconds


class Connections:
    def __init__(self, lister: Lister, require: Callable[[Attributes], Awaitable[None]]) -> None:
        """`require` raises the StatusError of what somebody may not do."""
        self._lister = lister
        self._require = require

    async def log(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """What a container has printed; nothing yet of a pod that no node has."""
        numbers = {name: integer(call.query, name) for name in ("tailLines", "limitBytes", "sinceSeconds")}
        if errors := log_errors(numbers, call.query.get("sinceTime", "")):
            raise status.invalid("", "PodLogOptions", call.name, errors)
        pod = await self._object(call)
        _container(pod, call.query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            return web.Response(status=204)
        raise await self._unreached(call, pod)

    async def stream(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """exec, attach and port-forward."""
        if verb != "create":
            # Websockets begin with a GET, and lead to the same as a POST.
            await self._require(call.attributes("create"))
        pod = await self._object(call)
        if call.subresource != "portforward":
            _container(pod, call.query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            raise status.bad_request(f"pod {call.name} does not have a host assigned")
        raise await self._unreached(call, pod)

    async def proxy(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """Of pods, services and nodes: a request that is handed on."""
        if call.name.count(":"):  # [scheme:]name[:port]
            call.name = call.name.split(":")[-2 if call.name.count(":") == 1 else 1]
        found = await self._object(call)
        if call.served.plural == "pods" and not (found.get("status") or {}).get("podIP"):
            raise status.bad_request("address not allowed")
        raise status.unavailable(f'no endpoints available for {call.served.kind.lower()} "{call.name}"')

    async def _object(self, call: Call) -> Object:
        call.query = {key: value for key, value in call.query.items() if key != "resourceVersion"}
        return call.served.object(await self._lister.get(call))

    async def _unreached(self, call: Call, pod: Object) -> status.StatusError:
        """Why the pod's node does not answer."""
        name = pod["spec"]["nodeName"]
        node = call.reader.get("nodes", "", name)
        if node is None:
            return status.not_found("", "nodes", name)
        address = _address(node)
        if address is None:
            return status.StatusError("", "no preferred addresses found; known addresses: []", None, 500)
        port = ((node["status"].get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
        where = f"{address}:{port or KUBELET_PORT}"
        try:
            async with asyncio.timeout(REACH):
                _, writer = await asyncio.open_connection(address, port or KUBELET_PORT)
            writer.close()
            why = "the node agent does not serve containers"
        except TimeoutError:
            why = "i/o timeout"
        except OSError as error:
            why = f"connect: {(error.strerror or str(error)).lower()}"
        return status.StatusError("", f"error dialing backend: dial tcp {where}: {why}", None, 500)


def _container(pod: Object, wanted: str) -> str:
    """The container that is meant; raises the BadRequest of one that is none, or of a choice not made."""
    spec = pod["spec"]
    name = pod["metadata"]["name"]
    kinds = ("initContainers", "containers", "ephemeralContainers")
    have = [one["name"] for kind in kinds for one in spec.get(kind) or ()]
    if wanted:
        if wanted not in have:
            raise status.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    main = [one["name"] for one in spec["containers"]]
    if len(main) == 1:
        return str(main[0])
    inits = [one["name"] for one in spec.get("initContainers") or ()]
    message = f"a container name must be specified for pod {name}, choose one of: [{' '.join(main)}]"
    if inits:
        message += f" or one of the init containers: [{' '.join(inits)}]"
    raise status.bad_request(message)


def _address(node: Object) -> str | None:
    have = {one["type"]: one["address"] for one in (node.get("status") or {}).get("addresses") or ()}
    for kind in ("Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP"):
        if kind in have:
            return str(have[kind])
    return None
