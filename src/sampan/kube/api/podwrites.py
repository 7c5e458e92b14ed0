"""Subresources of pods that take an object of another kind and change the pod: bindings and evictions."""

from dataclasses import replace

from aiohttp import web

from sampan.kube.access.user import LOOPBACK
from sampan.kube.api import answers, bodies, negotiation
from sampan.kube.api.calls import AGENT, Call
from sampan.kube.api.catalog import Catalog, built_in
from sampan.kube.api.options import DeleteOptions, WriteOptions, delete_options, write_options
from sampan.kube.api.paths import Target
from sampan.kube.api.reading import Lister
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.core.binding import binding_errors
from sampan.kube.kinds.core.podbinding import bound
from sampan.kube.kinds.policy import eviction
from sampan.kube.kinds.resource import Object, Resource
from sampan.specs.kubernetes import status

BINDING = Resource(kind="Binding", plural="bindings", verbs=())
EVICTION = Resource(kind="Eviction", plural="evictions", group="policy", verbs=())
OLD_EVICTION = "policy/v1beta1"  # which is still understood
BUDGETS = "poddisruptionbudgets.policy"


class PodWrites:
    def __init__(self, catalog: Catalog, lister: Lister, writer: Writer) -> None:
        self._catalog = catalog
        self._lister = lister
        self._writer = writer
        self._binding = built_in(BINDING)
        self._eviction = built_in(EVICTION)

    async def bind(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """POST of a Binding, to a pod or to `bindings`."""
        form = negotiation.choose(request.headers.get("Accept", ""))
        options = write_options(call.query, "CreateOptions", call.dry_runs)
        value = await bodies.sent(request, call, self._binding, options, self._catalog.knows)
        pods = self._catalog.by_name("pods")
        assert pods is not None
        if not call.name:
            call = replace(call, name=value["metadata"].get("name", ""))
        _check_name(call, value, "Binding")
        if errors := binding_errors(value):
            texts = [str(error) for error in errors]
            raise status.StatusError("", texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]", None, 500)
        value = await self._writer.admit(call, value, options)
        on_pod = replace(call, served=pods, subresource="")
        await self._writer.change(on_pod, lambda pod: bound(pod, value, call.stamp), options)
        return _success(form)

    async def evict(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """POST of an Eviction."""
        form = negotiation.choose(request.headers.get("Accept", ""))
        options = write_options(call.query, "CreateOptions", call.dry_runs)
        value = await bodies.sent(request, call, self._eviction, options, self._catalog.knows, OLD_EVICTION)
        _check_name(call, value, "Eviction")
        given = dict(value.get("deleteOptions") or {})
        if options.dry_run:
            given["dryRun"] = ["All"]
        deletion = delete_options(given, call.query, call.dry_runs)
        if deletion.dry_run:
            options = replace(options, dry_run=True)
        pod = call.served.object(await self._lister.get(call))
        await self._writer.admit(call, value, options)
        on_pod = replace(call, subresource="")
        deletion, budget = await self._charge(on_pod, pod, deletion)
        try:
            await self._delete(on_pod, deletion)
        except status.StatusError as error:
            if status.is_conflict(error) and budget:
                raise eviction.too_many(budget) from None
            raise
        return _success(form)

    async def _charge(self, call: Call, pod: Object, deletion: DeleteOptions) -> tuple[DeleteOptions, str]:
        """Have the pod's budget count it. What is not counted must still be so when it goes: then the result
        has the version of the pod that was seen, and the budget's name.
        """
        if eviction.is_free(pod):
            return deletion, ""
        budget = eviction.budget_of(pod, call.reader.list(BUDGETS, call.namespace))
        if budget is None:
            return deletion, ""
        name = budget["metadata"]["name"]
        if eviction.spares(budget, pod):
            if deletion.resource_version is not None:
                return deletion, ""
            return replace(deletion, resource_version=pod["metadata"]["resourceVersion"]), name
        served = self._catalog.by_name(BUDGETS)
        assert served is not None
        on_budget = replace(call, served=served, name=name, subresource="status", user=LOOPBACK, agent=AGENT)
        await self._writer.update(
            on_budget,
            lambda old: eviction.charged(old or {}, call.name, call.stamp),
            WriteOptions(dry_run=deletion.dry_run),
            kind="PatchOptions",
        )
        return deletion, ""

    async def _delete(self, call: Call, deletion: DeleteOptions) -> None:
        if not deletion.dry_run:

            def disrupted(pod: Object) -> Object:
                _check_preconditions(pod["metadata"], deletion)
                return eviction.disrupted(pod, call.stamp)

            written = await self._writer.change(call, disrupted, WriteOptions())
            if deletion.resource_version is not None and written.item is not None:
                deletion = replace(deletion, resource_version=str(written.item.revision))
        await self._writer.delete(call, deletion)


def _check_name(call: Call, value: Object, kind: str) -> None:
    if value["metadata"].get("name", "") != call.name:
        raise status.bad_request(f"name in URL does not match name in {kind} object")


def _check_preconditions(metadata: Object, deletion: DeleteOptions) -> None:
    for key, wanted, what, then in (
        ("uid", deletion.uid, "UID", "been deleted and then recreated"),
        ("resourceVersion", deletion.resource_version, "resourceVersion", "been modified"),
    ):
        if wanted is not None and wanted != metadata.get(key):
            why = (
                f"the {what} in the precondition ({wanted}) does not match the {what} in record "
                f"({metadata.get(key, '')}). The object might have {then}"
            )
            raise status.conflict("", "Pod", metadata["name"], why)


def _success(form: negotiation.Form) -> web.StreamResponse:
    value = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return answers.answer(value, form, 201)
