"""Resources that are answered and not kept: reviews, tokens of service accounts, bindings."""

from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web

from sampan.kube.access import tokens
from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.reviews import Asking, Review
from sampan.kube.api import answers, bodies, negotiation
from sampan.kube.api.admissionrequests import Admission
from sampan.kube.api.calls import Call
from sampan.kube.api.catalog import Catalog, built_in
from sampan.kube.api.options import WriteOptions, manager_name, write_options
from sampan.kube.api.paths import Target
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Object, Resource
from sampan.kube.schema.ownership import managed
from sampan.specs.kubernetes import status

TOKEN_REQUEST = Resource(kind="TokenRequest", plural="tokenrequests", group="authentication.k8s.io", verbs=())
DEFAULT_EXPIRATION = 3600  # seconds


class Virtual:
    def __init__(
        self,
        catalog: Catalog,
        reviews: dict[str, Review],
        issuer: Callable[[], tokens.Issuer],
        admission: Admission,
    ) -> None:
        self._admission = admission
        self._catalog = catalog
        self._reviews = reviews
        self._issuer = issuer
        self._token_request = built_in(TOKEN_REQUEST)

    async def review(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """A question as an object, whose status is the answer."""
        form = negotiation.choose(request.headers.get("Accept", ""))
        options = write_options(call.query, "CreateOptions", call.dry_runs)
        value = await bodies.sent(request, call, call.served, options, self._catalog.knows)
        _place(call, value)
        admitted = self._admitted(call, value, options)
        await self._admission.mutate(admitted)
        self._own(call, call.served, value, options)
        await self._admission.validate(admitted)
        asking = Asking(call.user, call.namespace, call.stamp)
        answer = await self._reviews[call.served.resource.name](value, asking)
        return answers.answer(answer, form, 201)

    async def token(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """serviceaccounts/<name>/token"""
        form = negotiation.choose(request.headers.get("Accept", ""))
        options = write_options(call.query, "CreateOptions", call.dry_runs)
        value = await bodies.sent(request, call, self._token_request, options, self._catalog.knows)
        value.setdefault("spec", {}).setdefault("expirationSeconds", DEFAULT_EXPIRATION)
        if value["spec"]["expirationSeconds"] is None:
            value["spec"]["expirationSeconds"] = DEFAULT_EXPIRATION
        admitted = self._admitted(call, value, options)
        await self._admission.mutate(admitted)
        self._own(call, self._token_request, value, options)
        issuer = self._issuer()
        account = tokens.prepare(value, call.namespace, call.name, call.reader, issuer, call.stamp)
        await self._admission.validate(admitted)
        now = datetime.fromtimestamp(call.now, UTC)
        tokens.issue(value, account, call.reader, issuer, now, call.warn)
        return answers.answer(value, form, 201)

    def _admitted(self, call: Call, value: Object, options: WriteOptions) -> AdmissionRequest:
        """A question on its way through admission, which may change it in place."""
        return AdmissionRequest(
            "CREATE",
            call.served.resource,
            call.user,
            call.reader,
            call.namespace,
            call.name,
            call.subresource,
            value,
            dry_run=options.dry_run,
            warnings=call.warnings,
            annotations=call.annotations,
        )

    def _own(self, call: Call, served: Served, value: Object, options: WriteOptions) -> None:
        """Whose the fields of a question are; nobody keeps it, but clients are told."""
        value["metadata"].pop("managedFields", None)
        manager = manager_name(options, call.agent)
        managed.update(served.node, None, value, manager, served.api_version, call.subresource, call.stamp)


def _place(call: Call, value: Object) -> None:
    """A question is in the namespace of its path, or in none."""
    given = value["metadata"].pop("namespace", "")
    if not call.namespace:
        return
    if given not in ("", call.namespace):
        why = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(why)
    value["metadata"]["namespace"] = call.namespace
