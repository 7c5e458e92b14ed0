"""Tokens that an account got of itself once and that nobody has used for a year: invalid, a year later gone.

What somebody has made by hand stays: the account does not list it.
pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go of Kubernetes
"""

from collections.abc import Collection

from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import NAMESPACE
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.secrettokens import TYPE, account_key, belongs
from sampan.kube.pki.accounttokens import INVALID_SINCE, LAST_USED, TRACKING
from sampan.specs.kubernetes import time
from sampan.specs.kubernetes.objects import is_going, labels_of
from sampan.specs.kubernetes.podreferences import secrets as secrets_of
from sampan.specs.kubernetes.status import StatusError, is_not_found

DAY = 86400.0
PERIOD = 365 * DAY  # without use
SYSTEM = "kube-system"
KEEP, INVALIDATE, DELETE = "keep", "invalidate", "delete"

# --- pure


def verdict(secret: Object, account: Object, mounted: Collection[str], tracked: str, now: float) -> str:
    """`mounted`: the names of secrets that pods use; `tracked`: since which day uses are written down."""
    since, limit = _day(tracked), day_of(now - PERIOD)
    if since is None or now < since + DAY + PERIOD or not is_unused(secret, now):
        return KEEP
    name = secret["metadata"]["name"]
    own = any(one.get("name") == name for one in account.get("secrets") or ())
    if not own or name in mounted:
        return KEEP
    invalid = labels_of(secret).get(INVALID_SINCE, "")
    if _day(invalid) is None:
        return INVALIDATE
    return DELETE if invalid < limit else KEEP


def is_unused(secret: Object, now: float) -> bool:
    """For so long that nobody can be waiting to use it."""
    metadata = secret["metadata"]
    made = time.seconds(metadata.get("creationTimestamp"))
    if made is None or made >= now - PERIOD or is_going(secret):
        return False
    last = (metadata.get("labels") or {}).get(LAST_USED)
    return last is None or (_day(last) is not None and last < day_of(now - PERIOD))


def day_of(seconds: float) -> str:
    return time.text(seconds)[:10]


def _day(text: str) -> float | None:
    """When a day begins, in seconds since 1970; None of what is none."""
    return time.seconds(f"{text}T00:00:00Z") if len(text) == 10 else None


# --- what is done


def controller(context: Context) -> Controller:
    secrets = context.informers.of(SECRETS, f"type={TYPE}")
    accounts, pods = context.informers.of(SERVICE_ACCOUNTS), context.informers.of(PODS)

    async def reconcile(key: str) -> float | None:
        secret, now = secrets.get(key), context.clock()
        if secret is None:
            return None
        (whose,) = account_key(secret) or ("",)
        account = accounts.get(whose)
        if account is None or not belongs(secret, account) or not is_unused(secret, now):
            return DAY
        found = pods.by(NAMESPACE, secret["metadata"]["namespace"])
        mounted = {name for pod in found for name in secrets_of(pod.get("spec") or {})}
        decided = verdict(secret, account, mounted, await _tracked(context), now)
        if decided == INVALIDATE:
            await _invalidate(context, secret, day_of(now))
        elif decided == DELETE:
            await _delete(context, secret)
        return DAY

    found = Controller("legacy-tokens", reconcile, [secrets, accounts, pods], workers=1)
    found.watch(secrets, lambda secret: [key_of(secret)] if secret.get("type") == TYPE else [])
    return found


async def _tracked(context: Context) -> str:
    """The day since when uses are written down; "" if they are not."""
    found = await context.client.find(CONFIG_MAPS, SYSTEM, TRACKING)
    return "" if found is None else str((found.get("data") or {}).get("since", ""))


async def _invalidate(context: Context, secret: Object, day: str) -> None:
    """Unless it has changed: it may have been used just now."""
    metadata = secret["metadata"]
    version = {key: metadata[key] for key in ("uid", "resourceVersion")}
    patch = {"metadata": {**version, "labels": {INVALID_SINCE: day}}}
    await context.client.patch(SECRETS, metadata["namespace"], metadata["name"], patch)


async def _delete(context: Context, secret: Object) -> None:
    metadata = secret["metadata"]
    options = {"preconditions": {key: metadata[key] for key in ("uid", "resourceVersion")}}
    try:
        await context.client.delete(SECRETS, metadata["namespace"], metadata["name"], options)
    except StatusError as error:
        if not is_not_found(error):
            raise
