"""The process of the API server: `python -m sampan.kube.api.server`."""

import asyncio
import fcntl
import gc
import ipaddress
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO

import uvloop

from sampan.errors import Conflict, Invalid, SampanError
from sampan.http.app import Server, bind_tcp, raise_file_limit
from sampan.interpreter import GIVING_BACK, isolated, plain_environment
from sampan.kube.access import encryption
from sampan.kube.access.defaults.objects import Cluster
from sampan.kube.api import assembly, manifests
from sampan.kube.api.assembly import Assembled
from sampan.kube.api.auditing import auditor
from sampan.kube.api.hooks import BOOTSTRAPPED, CACHED, DEFINED
from sampan.kube.api.keys import Keys
from sampan.kube.api.listening import follow
from sampan.kube.api.renewal import Clock, keep_renewing, listener_context, write_kubeconfig
from sampan.kube.api.resealing import reseal, resource_of
from sampan.kube.api.settings import Settings, parse
from sampan.kube.api.upkeep import COLLECT, RENEW, REPAIR, again
from sampan.kube.pki.certificates import CLUSTER, FRONT_PROXY, Pki, serving_names
from sampan.kube.store.cache import Cache
from sampan.kube.store.compaction import Compactor
from sampan.kube.store.opening import open_store
from sampan.tasks import Tasks

log = logging.getLogger("sampan.kube")

GARBAGE = 20_000  # new objects until the collector looks at the youngest
IDLE = 90  # seconds that a connection may be without a request, as upstream's
GRACE = 20.0  # seconds that a request may still take when the server ends
RESTART_PAUSE = 1.0  # seconds before the controllers are started again
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of the scheduler's numpy


def main() -> None:
    settings = parse(sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        with _lock(settings):
            uvloop.run(_run(settings))
    except SampanError as error:
        log.error("%s", error)
        _tell(settings, f"{error}\n")
        sys.exit(1)


def _tell(settings: Settings, text: str) -> None:
    """To whoever started this process and waits."""
    if settings.ready is not None:
        os.write(settings.ready, text.encode())
        os.close(settings.ready)


def _lock(settings: Settings) -> IO[str]:
    """The pid file, locked while the process lives. Raises Conflict."""
    paths = settings.paths
    for directory in (paths.data, paths.logs, paths.exec):
        os.makedirs(directory, mode=0o700, exist_ok=True)
    file = os.fdopen(os.open(paths.pidfile, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Conflict(f"an API server runs already: {paths.pidfile} is locked") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        await start(settings, stack)
        # What is there now stays. Objects come by thousands, and are trees without circles: looking for
        # garbage each 700 of them took two thirds of the time of long lists.
        gc.freeze()
        gc.set_threshold(GARBAGE, 20, 20)
        _tell(settings, "ready\n")
        log.info("ready: %s", settings.url)
        await stop.wait()


async def start(settings: Settings, stack: AsyncExitStack, clock: Clock = Clock()) -> None:  # noqa: B008
    """Everything, until the stack is left."""
    raise_file_limit()
    objects = manifests.read(settings.manifests) if settings.manifests else []
    if settings.scheduler_config is not None:
        await _check("sampan.kube.scheduler.configuration", str(settings.scheduler_config))
    if settings.control:
        await _check("sampan.kube.controllers.options", *settings.control)
    first = str(next(ipaddress.ip_network(settings.service_cidrs[0]).hosts()))
    addresses = (first, settings.advertise_address, settings.reachable)
    pki = Pki(settings.paths.pki, serving_names(settings.domain, addresses, settings.names))
    pki.renew(clock.now())
    write_kubeconfig(settings, pki)
    ca, certificate, key = settings.store_files
    name = settings.store or str(settings.paths.store)
    store = await open_store(name, ca=ca, certificate=certificate, key=key)
    stack.push_async_callback(store.close)
    sealing = _sealing(settings)
    cache = Cache(store, open=opener(sealing))
    await cache.start()
    stack.push_async_callback(cache.stop)
    keys = Keys(pki, settings.issuer, clock.now())
    api = assembly.assemble(settings, pki, keys, cache, sealing, clock.time)
    tasks = Tasks()
    stack.push_async_callback(tasks.stop)
    stack.push_async_callback(api.close)
    hooks = api.hooks
    hooks.holds(lambda: cache.following, *CACHED)
    hooks.runs(
        tasks.spawn(follow(cache, api.catalog, api.changed(), api.load)), "priority-and-fairness-filter"
    )
    hooks.runs(tasks.spawn(api.definitions.run()), *DEFINED)
    hooks.runs(tasks.spawn(api.checks.run()), "start-apiserver-admission-initializer")
    await api.bootstrap.defaults(_cluster(settings, pki, first))
    hooks.done(*BOOTSTRAPPED)
    await api.bootstrap.fake_nodes(settings.fake_nodes)
    # Changes are followed from here on; these were made before.
    api.load()
    await api.aggregator.start(cache, api.catalog, hooks)
    api.handler.auditor = await auditor(settings.access, stack, tasks.spawn)
    context = listener_context(pki)
    cache.begin()
    renewing = tasks.spawn(keep_renewing(settings, pki, keys, context, clock, api.aggregator.peers.renewed))
    hooks.runs(renewing, "aggregator-reload-proxy-client-cert")
    keep = api.upkeep
    hooks.runs(tasks.spawn(again(keep.renew, RENEW)), "start-kube-apiserver-identity-lease-controller")
    collecting = tasks.spawn(again(keep.collect, COLLECT))
    hooks.runs(collecting, "start-kube-apiserver-identity-lease-garbage-collector")
    hooks.runs(tasks.spawn(again(keep.repair, REPAIR)), "start-service-ip-repair-controllers")
    server = Server(api.handler, upgrades=False, idle=IDLE)
    await server.listen(bind_tcp(settings.bind_address, settings.port), context)
    stack.push_async_callback(_end, settings, api, server)
    tasks.spawn(api.uses())
    tasks.spawn(Compactor(store).run())
    tasks.spawn(api.manifests.apply(objects))
    tasks.spawn(reseal(api.catalog, store, cache, sealing))
    if settings.controllers:
        # Ended before the server is: they give back their leases, so that nobody waits for the end of these.
        controllers = Tasks()
        stack.push_async_callback(controllers.stop)
        controllers.spawn(_keep_controllers(settings, pki))


async def _end(settings: Settings, api: Assembled, server: Server) -> None:
    """Say that it comes; then listen no more, end what lasts, and let the rest be answered."""
    api.shutdown.begun = True
    await asyncio.sleep(settings.shutdown_delay)
    api.handler.lasting.end()
    await server.drain(GRACE)
    await server.stop()


def _sealing(settings: Settings) -> encryption.Encryption:
    path = settings.access.encryption
    return encryption.from_file(Path(path)) if path else encryption.default(settings.paths.keys)


def opener(sealing: encryption.Encryption) -> Callable[[str, bytes], bytes]:
    """How the cache reads what was kept: (key, value) -> the value."""

    def open_value(key: str, value: bytes) -> bytes:
        return sealing.open(resource_of(key), key, value)[0]

    return open_value


def _cluster(settings: Settings, pki: Pki, first: str) -> Cluster:
    return Cluster(
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        settings.service_cidrs,
        first,
        settings.advertise_address,
        settings.port,
        pki.bundle(CLUSTER).decode(),
        pki.bundle(FRONT_PROXY).decode(),
    )


async def _check(module: str, *args: str) -> None:
    """What is wrong with others' options is told before anything starts; raises Invalid."""
    process = await asyncio.create_subprocess_exec(
        *isolated(module, *args),
        stderr=asyncio.subprocess.PIPE,
        env=plain_environment(os.environ),
    )
    _, said = await process.communicate()
    if process.returncode:
        raise Invalid(said.decode(errors="replace").strip())


def _scheduler_options(settings: Settings, pki: Pki) -> list[str]:
    if not settings.scheduler:
        return []
    certificate, key = str(pki.path("scheduler")), str(pki.path("scheduler", "key"))
    files = ["--scheduler-certificate", certificate, "--scheduler-key", key]
    config = settings.scheduler_config
    return [*files, "--scheduler-config", str(config)] if config else files


async def _keep_controllers(settings: Settings, pki: Pki) -> None:
    """The controllers' process; it ends when its standard input does, so never without this one."""
    name = "controller-manager"
    # The one that signs here, too: a newer one counts from the next start on.
    token_key = pki.token_key()
    command = isolated(
        "sampan.kube.controllers.main",
        *("--server", settings.url, "--ca", str(pki.path(CLUSTER)), "--root-ca", str(pki.path(CLUSTER))),
        *("--certificate", str(pki.path(name)), "--key", str(pki.path(name, "key"))),
        *("--decisions-socket", str(settings.paths.decisions)),
        *_scheduler_options(settings, pki),
        *("--pki", str(settings.paths.pki), "--token-key", str(token_key)),
        *("--identity-file", str(settings.paths.controllers)),
        *("--service-cluster-ip-range", ",".join(settings.service_cidrs), *settings.control),
    )
    environment = {**GIVING_BACK, **plain_environment(os.environ), **ONE_THREAD}
    log_path = settings.paths.logs / "kube-control.log"
    while True:
        descriptor = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=descriptor,
            stderr=descriptor,
            env=environment,
        )
        os.close(descriptor)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        log.warning("the controllers ended (%d); starting them again", code)
        await asyncio.sleep(RESTART_PAUSE)


if __name__ == "__main__":
    main()
