"""/healthz, /livez and /readyz, whole and one check at a time.
kubernetes.io/docs/reference/using-api/health-checks
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from aiohttp import web

from sampan.errors import Failed
from sampan.kube.api import answers
from sampan.kube.api.hooks import HOOKS, Hooks

Check = Callable[[], Awaitable[None]]

STORE_WITHIN = 2.0  # seconds for the store's answer, as upstream's --etcd-healthcheck-timeout
# Between the hooks before it and those behind, as upstream shows it.
COMPLETION = "autoregister-completion"
BEFORE_COMPLETION = "kube-apiserver-autoregistration"


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


class Shutdown:
    """Whether this server is about to end."""

    def __init__(self) -> None:
        self.begun = False

    async def check(self) -> None:
        if self.begun:
            raise Failed("process is shutting down")


def checks(
    store: Check, informers: Check, registered: Check, shutdown: Check, hooks: Hooks
) -> dict[str, dict[str, Check]]:
    """The three doors with their checks in upstream's order."""

    async def in_time() -> None:
        async with asyncio.timeout(STORE_WITHIN):
            await store()

    common: dict[str, Check] = {"ping": ping, "log": can_log, "etcd": in_time}
    started: dict[str, Check] = {}
    for name in HOOKS:
        started[f"poststarthook/{name}"] = partial(hooks.check, name)
        if name == BEFORE_COMPLETION:
            started[COMPLETION] = registered
    ready = {**common, "etcd-readiness": in_time, "informer-sync": informers, **started, "shutdown": shutdown}
    return {"healthz": {**common, **started}, "livez": {**common, **started}, "readyz": ready}


async def ping() -> None:
    """It answers, so it lives."""


async def can_log() -> None:
    """Raises OSError when where the log goes is gone."""
    os.write(sys.stderr.fileno(), b"")
