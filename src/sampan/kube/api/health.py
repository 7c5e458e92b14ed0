"""/healthz, /livez and /readyz, whole and one check at a time.
kubernetes.io/docs/reference/using-api/health-checks
"""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from sampan.kube.api import answers

Check = Callable[[], Awaitable[None]]

# Names that monitoring knows; each stands for something that has happened once this server listens.
STARTED = (
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/aggregator-reload-proxy-client-cert",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-wait-for-first-sync",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
)


class Health:
    """`checks` are what can fail; their order is the one that is shown."""

    def __init__(self, checks: Mapping[str, Mapping[str, Check]]) -> None:
        self._checks = checks

    async def answer(self, path: str, query: Mapping[str, str], excluded: list[str]) -> web.Response | None:
        """None: there is no such check."""
        kind, _, name = path.strip("/").partition("/")
        checks = self._checks.get(kind)
        if checks is None:
            return None
        if name:
            return await self._one(checks, name)
        return await self._all(kind, checks, "verbose" in query, excluded)

    def paths(self) -> set[str]:
        """Of every check."""
        return {f"/{kind}" for kind in self._checks} | {
            f"/{kind}/{name}" for kind, checks in self._checks.items() for name in checks
        }

    async def _one(self, checks: Mapping[str, Check], name: str) -> web.Response | None:
        check = checks.get(name)
        if check is None:
            return None
        try:
            await check()
        except Exception as error:
            return answers.plain(f"internal server error: {error}\n", 500)
        return answers.plain("ok")

    async def _all(
        self, kind: str, checks: Mapping[str, Check], verbose: bool, excluded: list[str]
    ) -> web.Response:
        lines = []
        failed = []
        for name, check in checks.items():
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok")
                continue
            try:
                await check()
            except Exception:
                failed.append(name)
                lines.append(f"[-]{name} failed: reason withheld")
            else:
                lines.append(f"[+]{name} ok")
        unknown = [name for name in excluded if name not in checks]
        if unknown:
            listed = ",".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}")
        if failed:
            return answers.plain("\n".join([*lines, f"{kind} check failed", ""]), 500)
        if not verbose:
            return answers.plain("ok")
        return answers.plain("\n".join([*lines, f"{kind} check passed", ""]))


def checks(
    ping: Check, log: Check, store: Check, synced: Check, shutdown: Check
) -> dict[str, dict[str, Check]]:
    """The three doors with their checks in upstream's order."""

    async def happened() -> None:
        """This server does not listen before all of that is done."""

    common: dict[str, Check] = {"ping": ping, "log": log, "etcd": store}
    started = dict.fromkeys(STARTED, happened)
    ready = {**common, "etcd-readiness": store, "informer-sync": synced, **started, "shutdown": shutdown}
    return {"healthz": {**common, **started}, "livez": {**common, **started}, "readyz": ready}
