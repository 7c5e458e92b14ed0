"""Makes ResourceClaims for pods, keeps them for pods that have a node, and cleans up after pods."""

import asyncio
from collections.abc import Iterable

from sampan.errors import SampanError
from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import OWNER, owner_uid
from sampan.kube.client.recorder import WARNING
from sampan.kube.client.requests import STRATEGIC_PATCH, Object
from sampan.kube.client.resources import CLAIM_TEMPLATES, PODS, RESOURCE_CLAIMS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.resourceclaims import rules
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.objects import is_going, owner
from sampan.specs.kubernetes.pods import node_name
from sampan.specs.kubernetes.resourceclaims import (
    claim_name,
    entries,
    is_unneeded,
    statuses,
    user_of,
    users_of,
)
from sampan.specs.kubernetes.status import StatusError

BY_CLAIM = "resource claim"  # the index of pods by the claims that they have
BY_TEMPLATE = "claim template"  # and by the templates that they need
WORKERS = 10


class ResourceClaims:
    """`pods` handles one pod at a time, `claims` one claim."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = context.client
        of = context.informers.of
        self._pods, self._claims, self._templates = of(PODS), of(RESOURCE_CLAIMS), of(CLAIM_TEMPLATES)
        self._made: dict[tuple[str, str], str] = {}  # claims that no pod's status tells of: by uid and entry
        self._pods.index(BY_CLAIM, rules.claim_keys)
        self._pods.index(BY_TEMPLATE, _template_keys)
        self._claims.index(OWNER, owner_uid)
        informers = [self._pods, self._claims, self._templates]
        self.pods = Controller("resource-claims-of-pods", self._reconcile_pod, informers, WORKERS)
        self.claims = Controller("resource-claims", self._reconcile_claim, informers, WORKERS)
        self.pods.watch(self._pods, lambda pod: [key_of(pod)] if entries(pod) else [])
        self.pods.watch(self._claims, lambda claim: _keys(self._pods.by(BY_CLAIM, key_of(claim))))
        self.pods.watch(self._templates, lambda one: _keys(self._pods.by(BY_TEMPLATE, key_of(one))))
        self.claims.watch(self._claims)
        self.claims.watch(self._pods, self._claims_of)
        self._pods.on_change(self._pod_changed)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pods.run())
            group.create_task(self.claims.run())

    def _claims_of(self, pod: Object) -> Iterable[str]:
        """When a pod is done or gone, those that it had, and those that were made for it."""
        if entries(pod) and (rules.is_done(pod) or self._pods.get(key_of(pod)) is not pod):
            yield from rules.claim_keys(pod)
            yield from _keys(self._claims.by(OWNER, pod["metadata"]["uid"]))

    def _pod_changed(self, what: str, pod: Object, _old: Object | None) -> None:
        if what == "delete":
            for entry in entries(pod):
                self._made.pop((pod["metadata"]["uid"], entry["name"]), None)

    # --- one pod

    async def _reconcile_pod(self, key: str) -> None:
        pod = self._pods.get(key)
        if pod is None or is_going(pod) or rules.is_done(pod) or not entries(pod):
            return
        made: dict[str, str] = {}
        for entry in entries(pod):
            try:
                name = await self._provide(pod, entry)
            except (rules.NoClaim, StatusError, SampanError) as error:
                message = f"PodResourceClaim {entry['name']}: {error}"
                self._context.recorder.event(pod, WARNING, "FailedResourceClaimCreation", message)
                self._context.explain(pod, "FailedResourceClaimCreation", message)
                if isinstance(error, rules.NoClaim):  # what is missing wakes us when it comes
                    return
                raise
            if name:
                made[entry["name"]] = name
        if made:
            await self._write_down(pod, made)
            return
        self._context.settle(pod)
        if node_name(pod):
            await self._reserve(pod)

    async def _provide(self, pod: Object, entry: Object) -> str | None:
        """See that the entry has its claim; the name of one that the pod's status does not tell of yet."""
        name = claim_name(pod, entry)
        if name is None and is_unneeded(pod, entry):
            return None
        template = entry.get("resourceClaimTemplateName")
        found = self._claims.get(f"{pod['metadata']['namespace']}/{name}") if name else None
        if found is not None and template:
            rules.must_be_its(pod, found)
        if found is not None or not template:
            return None
        before = rules.made_before(pod, entry, self._claims.by(OWNER, pod["metadata"]["uid"]))
        if before is not None and before["metadata"]["name"] != name:
            return str(before["metadata"]["name"])
        # What our cache does not show may be there: we have made it just now, or the pod says which.
        if (made := self._made.get((pod["metadata"]["uid"], entry["name"]))) is not None:
            return made
        if name and await self._client.find(RESOURCE_CLAIMS, pod["metadata"]["namespace"], name) is not None:
            return None
        return await self._make(pod, entry, str(template))

    async def _make(self, pod: Object, entry: Object, template: str) -> str | None:
        """None: the pod is not any more what we know of it."""
        namespace, uid = pod["metadata"]["namespace"], pod["metadata"]["uid"]
        fresh = await self._client.find(PODS, namespace, pod["metadata"]["name"])
        if fresh is None or fresh["metadata"]["uid"] != uid:
            return None
        if claim_name(fresh, entry) != claim_name(pod, entry):
            return None
        known = self._templates.get(f"{namespace}/{template}")
        if known is None:
            missing = f"resourceclaimtemplate.resource.k8s.io {quote(template)} not found"
            raise rules.NoClaim(f"resource claim template {quote(template)}: {missing}")
        made = await self._client.create(RESOURCE_CLAIMS, namespace, rules.claim_for(pod, entry, known))
        self._made[uid, entry["name"]] = str(made["metadata"]["name"])
        return self._made[uid, entry["name"]]

    async def _write_down(self, pod: Object, made: dict[str, str]) -> None:
        """Which claims are the pod's, in its status."""
        known = statuses(pod)
        known.update({name: {"name": name, "resourceClaimName": claim} for name, claim in made.items()})
        metadata = pod["metadata"]
        patch = {
            "metadata": {"uid": metadata["uid"]},
            "status": {"resourceClaimStatuses": list(known.values())},
        }
        await self._client.patch(
            PODS,
            metadata["namespace"],
            metadata["name"],
            patch,
            subresource="status",
            content_type=STRATEGIC_PATCH,
        )
        for name in made:
            self._made.pop((metadata["uid"], name), None)

    async def _reserve(self, pod: Object) -> None:
        """Keep claims for a pod that was given its node without the scheduler."""
        for key in rules.claim_keys(pod):
            claim = self._claims.get(key)
            if claim is not None and rules.wants(pod, claim):
                users = [*users_of(claim), user_of(pod)]
                await self._update(rules.with_users(claim, users), "status")

    async def _update(self, claim: Object, subresource: str = "") -> Object:
        return await self._client.update(RESOURCE_CLAIMS, claim["metadata"]["namespace"], claim, subresource)

    # --- one claim

    async def _reconcile_claim(self, key: str) -> None:
        claim = self._claims.get(key)
        if claim is None:
            return
        before = users_of(claim)
        users = [one for one in before if await self._still_uses(claim, one)]
        if users != before or (is_going(claim) and not users):
            freed = rules.with_users(claim, users)
            if freed["status"] != (claim.get("status") or {}):
                claim = await self._update(freed, "status")
            if not users and (bare := rules.without_finalizer(claim)) is not claim:
                claim = await self._update(bare)
        if not users:
            await self._delete_if_orphaned(claim)

    async def _still_uses(self, claim: Object, user: Object) -> bool:
        """Others than pods look after themselves."""
        if user.get("apiGroup") or user.get("resource") != "pods":
            return True
        namespace = claim["metadata"]["namespace"]
        pod = self._pods.get(f"{namespace}/{user['name']}")
        if pod is None or pod["metadata"]["uid"] != user["uid"]:
            pod = await self._client.find(PODS, namespace, user["name"])
        return pod is not None and pod["metadata"]["uid"] == user["uid"] and not rules.is_done(pod)

    async def _delete_if_orphaned(self, claim: Object) -> None:
        """Of a claim that was made for a pod which will not run."""
        metadata, of = claim["metadata"], owner(claim)
        if of is None or of.get("kind") != "Pod" or is_going(claim):
            return
        pod = self._pods.get(f"{metadata['namespace']}/{of['name']}")
        if pod is None or pod["metadata"]["uid"] != of["uid"] or not rules.is_done(pod):
            return
        await self._client.discard(RESOURCE_CLAIMS, claim)


def _keys(values: Iterable[Object]) -> list[str]:
    return [key_of(value) for value in values]


def _template_keys(pod: Object) -> list[str]:
    """For the index BY_TEMPLATE."""
    names = (entry.get("resourceClaimTemplateName") for entry in entries(pod))
    return [f"{pod['metadata']['namespace']}/{name}" for name in names if name]
