"""A namespace uses no more than its quotas allow. k8s.io/apiserver/pkg/admission/plugin/resourcequota

What objects use is written into the quota's status before they are: of two writes at once one waits. A
controller counts anew from time to time, since what is refused later has been counted as well. It counts what
it has heard of, which may be too little: then what it writes is put right here, where everything is known.
(Upstream takes it as it comes, and more may be used for a moment than a quota allows.)
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import islice
from weakref import WeakValueDictionary

from sampan.kube.access.admission.refusing import refused
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.access.admission.underway import Underway
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.podamounts import ZERO, amounts
from sampan.specs.kubernetes.quantity import Quantity
from sampan.specs.kubernetes.quotas import count, countable, counts, in_scope, unsaid, usage
from sampan.specs.kubernetes.status import StatusError

Amounts = dict[str, Quantity]
# Writes a quota's status.used if the quota is still as it was; a Conflict otherwise.
Charge = Callable[[Object, dict[str, str]], Awaitable[None]]

UPDATED = ("services", "persistentvolumeclaims")  # that may come to use more
ATTEMPTS = 4
CONTROLLER = "system:serviceaccount:kube-system:resourcequota-controller"
SLICE = 100  # objects that are counted before others have their turn


class ResourceQuota(Plugin):
    """The last of all plugins: what it has counted, nobody should refuse."""

    def __init__(self, charge: Charge, clock: Callable[[], float] = time.time) -> None:
        self._charge = charge
        self._clock = clock
        self._underway = Underway(clock)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def mutate(self, request: AdmissionRequest) -> None:
        """What the controller has counted is at least what there is."""
        quota, new = request.old, request.object
        if not _is_count(request) or quota is None or new is None:
            return
        status = new.get("status") or {}
        if self._underway.is_quiet(request.namespace):
            return
        there = await self._there(request, quota)
        counted = amounts(status.get("used"))
        more = {name: str(there[name]) for name in counted if there.get(name, ZERO) > counted[name]}
        if more:
            new["status"] = {**status, "used": {**status["used"], **more}}

    async def _there(self, request: AdmissionRequest, quota: Object) -> Amounts:
        """What is used of a quota at this moment. What comes while that is counted is charged, and then the
        quota is another and this write a conflict.
        """
        reader, namespace, now = request.reader, request.namespace, self._clock()
        async with self._lock(namespace):  # nothing is half charged
            charges = list(self._underway.charges(namespace, quota["metadata"]["name"], reader))
            objects = {resource: iter(reader.list(resource, namespace)) for resource in counts(quota)}
        found: Amounts = {}
        for charge in charges:
            _add(found, charge)
        for resource, some in objects.items():
            while part := list(islice(some, SLICE)):
                _add(found, count(quota, resource, part, now))
                await asyncio.sleep(0)
        return found

    def _lock(self, namespace: str) -> asyncio.Lock:
        return self._locks.setdefault(namespace, asyncio.Lock())

    async def validate(self, request: AdmissionRequest) -> None:
        if not _concerns(request):
            return
        reader, namespace = request.reader, request.namespace
        self._underway.note(namespace)
        if not reader.list("resourcequotas", namespace):
            return
        async with self._lock(namespace):
            for attempt in range(ATTEMPTS):
                charges = _charges(request, list(reader.list("resourcequotas", namespace)))
                if request.dry_run:
                    return
                try:
                    for quota, used, _ in charges:
                        await self._charge(quota, used)
                    self._underway.add(request, {one["metadata"]["name"]: more for one, _, more in charges})
                    return
                except StatusError as error:
                    if error.reason not in ("Conflict", "NotFound") or attempt == ATTEMPTS - 1:
                        raise


def _concerns(request: AdmissionRequest) -> bool:
    resource = request.resource
    if not request.namespace or not resource.namespaced or request.object is None:
        return False
    if resource.plural == "events" and resource.group in ("", "events.k8s.io"):
        return False
    if request.operation == "CREATE":
        return not request.subresource
    if request.operation != "UPDATE":
        return False
    if resource.name == "pods":
        return request.subresource == "resize"
    return resource.name in UPDATED and not request.subresource


def _is_count(request: AdmissionRequest) -> bool:
    """Does the controller write what it has counted?"""
    own = request.resource.name == "resourcequotas" and request.subresource == "status"
    return own and request.operation == "UPDATE" and request.user.name == CONTROLLER


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, ZERO) + amount


def _charges(request: AdmissionRequest, quotas: list[Object]) -> list[tuple[Object, dict[str, str], Amounts]]:
    """The quotas that count this object, with what is used of them then, and how much more that is. Raises
    StatusError.
    """
    value, name = request.object, request.resource.name
    assert value is not None
    counting = [quota for quota in quotas if _counts(request, quota)]
    delta = usage(name, value)
    if request.old is not None:
        before = usage(name, request.old)
        delta = {key: amount - before.get(key, ZERO) for key, amount in delta.items()}
    delta = {key: amount for key, amount in delta.items() if amount > ZERO}
    found = []
    for quota in counting:
        status = quota.get("status") or {}
        hard, used = amounts(status.get("hard")), amounts(status.get("used"))
        asked = {key: amount for key, amount in delta.items() if key in hard}
        new = {key: used.get(key, ZERO) + amount for key, amount in asked.items()}
        exceeded = sorted(key for key in new if new[key] > hard[key])
        if exceeded:
            shown = [_shown(one, exceeded) for one in (asked, used, hard)]
            text = "exceeded quota: {}, requested: {}, used: {}, limited: {}"
            raise refused(request, text.format(quota["metadata"]["name"], *shown))
        if new:
            left = {**(status.get("used") or {}), **{key: str(amount) for key, amount in new.items()}}
            found.append((quota, left, asked))
    return found


def _counts(request: AdmissionRequest, quota: Object) -> bool:
    """Does the quota count this object? Raises StatusError if the object does not say what it counts."""
    value, resource = request.object, request.resource.name
    status, name = quota.get("status") or {}, quota["metadata"]["name"]
    names = sorted(one for one in status.get("hard") or () if countable(resource, one))
    assert value is not None
    if not names or not in_scope(quota, resource, value):
        return False
    missing = unsaid(names, value) if resource == "pods" else {}
    if missing:
        told = "; ".join(f"{one} for: {','.join(containers)}" for one, containers in missing.items())
        raise refused(request, f"failed quota: {name}: must specify {told}")
    if any(one not in (status.get("used") or {}) for one in names):
        raise refused(request, f"status unknown for quota: {name}, resources: {','.join(names)}")
    return True


def _shown(found: Amounts, names: list[str]) -> str:
    return ",".join(f"{name}={found[name]}" for name in names if name in found)
