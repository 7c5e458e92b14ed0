"""How an object goes: at once, after its grace, or once its finalizers are gone. Pure.

k8s.io/apiserver/pkg/registry/rest, BeforeDelete, and the generic registry's garbage collection finalizers.
"""

import calendar
import time

from sampan.kube.api.options import DeleteOptions
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Context, Object
from sampan.specs.kubernetes import status

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


def check_preconditions(served: Served, name: str, metadata: Object, options: DeleteOptions) -> None:
    """Raises the Conflict of a deletion that was meant for another object, or another state of it."""
    uid, version = metadata.get("uid", ""), metadata.get("resourceVersion", "")
    if options.uid is not None and options.uid != uid:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid}). "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict(served.group, served.kind, name, why)
    if options.resource_version is not None and options.resource_version != version:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the "
            f"ResourceVersion in record ({version}). The object might have been modified"
        )
        raise status.conflict(served.group, served.kind, name, why)


def finalizers_after(served: Served, metadata: Object, options: DeleteOptions) -> list[str]:
    """The finalizers with those of the garbage collector as the deletion wants them."""
    have = list(metadata.get("finalizers") or ())
    after = [one for one in have if one not in (ORPHAN, FOREGROUND)]
    if _orphans(served, have, options):
        after.append(ORPHAN)
    if _waits_for_dependents(have, options):
        after.append(FOREGROUND)
    return have if sorted(after) == sorted(have) else after


def _orphans(served: Served, have: list[str], options: DeleteOptions) -> bool:
    if options.orphan is not None:
        return options.orphan
    if options.propagation:
        return options.propagation == "Orphan"
    if ORPHAN in have:
        return True
    return FOREGROUND not in have and served.resource.orphan_by_default


def _waits_for_dependents(have: list[str], options: DeleteOptions) -> bool:
    if options.orphan is not None:
        return False
    if options.propagation:
        return options.propagation == "Foreground"
    return FOREGROUND in have


def marked(
    served: Served, old: Object, options: DeleteOptions, context: Context, now: float
) -> tuple[Object | None, bool]:
    """(what the object becomes, whether it goes now). (None, False): nothing is to be done, it is on its
    way.
    """
    metadata = dict(old["metadata"])
    new = {**old, "metadata": metadata}
    finalizers = finalizers_after(served, metadata, options)
    changed = finalizers != list(metadata.get("finalizers") or ())
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    grace = _grace(served, old, options)
    if "deletionTimestamp" in metadata:
        shortened = _shorten(metadata, grace, options)
        changed = changed or shortened
    else:
        changed = True
        metadata["deletionTimestamp"] = _stamp(now + grace)
        metadata["deletionGracePeriodSeconds"] = grace
        if metadata.get("generation"):
            metadata["generation"] += 1
        served.resource.mark_deleted(new, context)
    held = served.resource.held is not None and served.resource.held(new)
    if not finalizers and not held and not metadata.get("deletionGracePeriodSeconds"):
        return new, True
    return (new, False) if changed else (None, False)


def _grace(served: Served, old: Object, options: DeleteOptions) -> int:
    if served.resource.grace is None:
        return 0
    asked = options.grace
    return served.resource.grace(old, 1 if asked is not None and asked < 0 else asked)


def _shorten(metadata: Object, grace: int, options: DeleteOptions) -> bool:
    """A later deletion may only shorten what is left."""
    before = metadata.get("deletionGracePeriodSeconds") or 0
    if options.grace is None or grace >= before:
        return False
    asked_at = calendar.timegm(time.strptime(metadata["deletionTimestamp"], "%Y-%m-%dT%H:%M:%SZ")) - before
    metadata["deletionTimestamp"] = _stamp(asked_at + grace)
    metadata["deletionGracePeriodSeconds"] = grace
    return True


def gone_after_update(served: Served, new: Object) -> bool:
    """Was this write the last thing that an object on its way out had to wait for?"""
    metadata = new["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
        return False
    if served.resource.held is not None and served.resource.held(new):
        return False
    return not metadata.get("deletionGracePeriodSeconds")


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
