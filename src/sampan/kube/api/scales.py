"""The scale subresource: one small object that stands for a part of a larger one. autoscaling/v1 Scale"""

from typing import Any

from aiohttp import web

from sampan.kube.api import answers, bodies, negotiation
from sampan.kube.api.calls import Call
from sampan.kube.api.catalog import built_in
from sampan.kube.api.keeping import Written
from sampan.kube.api.negotiation import CUSTOM_OFFERED, OFFERED
from sampan.kube.api.objectidentity import check_name
from sampan.kube.api.options import WriteOptions, write_options
from sampan.kube.api.patching import Patcher, own
from sampan.kube.api.paths import Target
from sampan.kube.api.reading import Lister
from sampan.kube.api.served import Served
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.resource import Object, Resource, ScaleOf
from sampan.kube.schema.ownership.scale import to_parent, to_scale
from sampan.specs.kubernetes import fielderror, status

SCALE = Resource(kind="Scale", plural="scales", group="autoscaling", verbs=())
SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


class Scales:
    def __init__(self, lister: Lister, writer: Writer, patcher: Patcher) -> None:
        self._lister = lister
        self._writer = writer
        self._patcher = patcher
        self._served = built_in(SCALE)

    async def perform(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """get, update or patch; raises StatusError."""
        offered = OFFERED if call.served.custom is None else CUSTOM_OFFERED
        form = negotiation.choose(request.headers.get("Accept", ""), offered)
        of = call.served.resource.scale
        assert of is not None
        if verb == "get":
            item = await self._lister.get(call)
            return answers.answer(shown(of, call.served.object(item)), form)
        data = await bodies.read(request)
        content_type = request.headers.get("Content-Type")
        if verb == "patch":
            change, options = self._patcher.change_of(call, self._served, content_type, data)
            kind = "PatchOptions"  # tried again where somebody else was faster
        else:
            kind = "UpdateOptions"
            options = write_options(call.query, "UpdateOptions", call.dry_runs)
            change = self._sent(call, data, content_type, options)
        written = await self._write(call, of, change, options, kind)
        return answers.answer(shown(of, _now(call.served, written)), form)

    def _sent(self, call: Call, data: bytes, content_type: str | None, options: WriteOptions) -> Any:
        body = bodies.Body(data, content_type, self._served)
        value = body.value("Scale")
        scale = bodies.decode(call, self._served, body, options, value)
        check_name(call, scale["metadata"])

        def make(old: Object) -> Object:
            new = {**scale, "metadata": dict(scale["metadata"])}
            own(call, self._served, old, new, options)
            return new

        return make

    async def _write(self, call: Call, of: ScaleOf, change: Any, options: WriteOptions, kind: str) -> Written:
        def make(old: Object | None) -> Object:
            assert old is not None
            before = shown(of, old)
            owners = old["metadata"].get("managedFields") or []
            mappings = _mappings(of, call.served, owners)
            before["metadata"]["managedFields"] = to_scale(owners, mappings)
            scale = change(before)
            # Custom resources are judged as wholes only, by their own checks of what the paths lead to.
            errors = _errors(scale) if call.served.custom is None else []
            if errors:
                raise status.invalid("autoscaling", "Scale", call.name, errors)
            new = replaced(of, old, scale)
            of_scale = scale["metadata"].get("managedFields") or []
            left = to_parent(owners, of_scale, call.served.api_version, mappings)
            new["metadata"]["managedFields"] = left
            return new

        return await self._writer.update(call, make, options, kind=kind, owned=True)


def _mappings(of: ScaleOf, served: Served, owners: list[Object]) -> dict[str, tuple[str, ...]]:
    """Where the replicas are in each version that somebody owns fields of: everywhere in the same place."""
    path = tuple(f"f:{part}" for part in of.replicas.split("."))
    return dict.fromkeys((served.api_version, *(one.get("apiVersion", "") for one in owners)), path)


def shown(of: ScaleOf, value: Object) -> Object:
    """The Scale of an object."""
    metadata = value["metadata"]
    spec: Object = {}
    replicas = _at(value, of.replicas)
    if replicas:
        spec["replicas"] = replicas
    found: Object = {"replicas": _at(value, of.status) or 0}
    selector = of.selector(value) if of.selector is not None else ""
    if selector:
        found["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in SHOWN if key in metadata},
        "spec": spec,
        "status": found,
    }


def replaced(of: ScaleOf, old: Object, scale: Object) -> Object:
    """The object with what a Scale may change; a version or uid that it gives is the client's word."""
    sent = scale["metadata"]
    metadata = {key: value for key, value in old["metadata"].items() if key not in ("resourceVersion", "uid")}
    for key in ("resourceVersion", "uid"):
        if sent.get(key):
            metadata[key] = sent[key]
    new = {**old, "metadata": metadata}
    place = new
    for part in of.replicas.split(".")[:-1]:
        place[part] = dict(place.get(part) or {})
        place = place[part]
    place[of.replicas.rpartition(".")[2]] = (scale.get("spec") or {}).get("replicas") or 0
    return new


def _errors(scale: Object) -> list[fielderror.FieldError]:
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        return [fielderror.invalid("spec.replicas", replicas, "must be greater than or equal to 0")]
    return []


def _at(value: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        value = value.get(part) if isinstance(value, dict) else None
    return value if path else None


def _now(served: Served, written: Written) -> Object:
    return served.object(written.item) if written.item is not None else written.object
