"""How many pods may be missing, and how many may be there twice, while a DaemonSet is updated. Pure."""

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.intorstring import scaled

ROLLING = "RollingUpdate"


def _rolling(owner: Object) -> Object | None:
    strategy = owner["spec"].get("updateStrategy") or {}
    found = strategy.get("rollingUpdate")
    return found if strategy.get("type") == ROLLING and isinstance(found, dict) else None


def surge(owner: Object, desired: int) -> int:
    rolling = _rolling(owner)
    return scaled(rolling.get("maxSurge") or 0, desired, up=True) if rolling is not None else 0


def unavailable(owner: Object, desired: int) -> int:
    """At least one where nothing else would ever move."""
    rolling = _rolling(owner)
    if rolling is None:
        return 0
    amount = rolling.get("maxUnavailable")
    found = scaled(1 if amount is None else amount, desired, up=True)
    return found or (1 if desired and not surge(owner, desired) else 0)
