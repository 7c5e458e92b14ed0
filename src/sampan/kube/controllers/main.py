"""The process of the controllers: `python -m sampan.kube.controllers.main --server URL ...`."""

import argparse
import asyncio
import gc
import logging
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import uvloop

from sampan.errors import Failed
from sampan.kube.client import decisionsocket
from sampan.kube.client.accounts import Accounts
from sampan.kube.client.decisions import Decisions
from sampan.kube.client.informers import Informers
from sampan.kube.client.leases import Election
from sampan.kube.client.recorder import Recorder
from sampan.kube.client.requests import Client, Endpoint
from sampan.kube.controllers import identity, options
from sampan.kube.controllers.context import Context, Options
from sampan.kube.controllers.roster import ROSTER, Row

log = logging.getLogger("sampan.kube")

LEASE = "kube-controller-manager"
GARBAGE = 20_000  # new objects until the collector looks at the youngest


def main() -> None:
    found = options.parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    uvloop.run(_run(found))


async def _run(found: argparse.Namespace) -> None:
    # Objects of the API come by thousands, and are trees without circles.
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)
    task = asyncio.ensure_future(run(found))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass
    except BaseExceptionGroup as group:
        lost, rest = group.split(Failed)
        if lost is None or rest is not None:
            raise
        # Another copy leads. Whoever started this one starts it again.
        log.error("%s", lost.exceptions[0])
        sys.exit(1)


async def run(found: argparse.Namespace) -> None:
    """All controllers while this copy leads, until cancelled; raises Failed when another one does."""
    endpoint = Endpoint(
        found.server, found.ca, found.certificate, found.key, agent="kube-controller-manager/v1.35"
    )
    async with AsyncExitStack() as stack:
        client = Client(endpoint)
        stack.push_async_callback(client.close)
        decisions = Decisions()
        if found.decisions_socket:
            await decisionsocket.serve(decisions, found.decisions_socket, stack)
        informers = Informers(client)
        name = await _identity(found.identity_file, stack)
        work = partial(control, client, endpoint, informers, decisions, options.options(found))
        async with asyncio.TaskGroup() as group:
            informers.start(group)
            group.create_task(_end_with_parent(asyncio.current_task()))
            if found.scheduler_certificate:
                group.create_task(_schedule(found, informers, decisions, name))
            if found.leader_elect == "true":
                await Election(client, LEASE, name, time.time).lead(work)
            else:
                await work()


async def _identity(file: str, stack: AsyncExitStack) -> str:
    return await identity.take(Path(file), stack) if file else identity.new_identity()


async def control(
    client: Client, endpoint: Endpoint, informers: Informers, decisions: Decisions, told: Options
) -> None:
    """All controllers, until cancelled."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        accounts = Accounts(client, endpoint, stack)

        async def run_as(name: str, row: Row) -> None:
            account = row.account or name
            own = client if row.own_rights else await accounts.client(account, group)
            recorder = Recorder(own, row.component or account)
            group.create_task(recorder.run())
            await row.make(Context(name, own, informers, recorder, decisions, time.time, told)).run()

        for name, row in ROSTER.items():
            if row.wanted(told):
                group.create_task(run_as(name, row))


async def _schedule(
    found: argparse.Namespace, informers: Informers, decisions: Decisions, identity: str
) -> None:
    """The scheduler, as a user of its own, with a lease of its own; what only it needs is loaded here."""
    from sampan.kube.scheduler import configuration
    from sampan.kube.scheduler.scheduler import Scheduler

    endpoint = Endpoint(
        found.server,
        found.ca,
        found.scheduler_certificate,
        found.scheduler_key,
        agent="kube-scheduler/v1.35",
    )
    path = found.scheduler_config
    configured = configuration.load(Path(path)) if path else configuration.default()
    if found.leader_elect == "false":
        configured = replace(configured, elects=False)
    client = Client(endpoint)
    try:
        host = socket.gethostname()
        await Scheduler(client, informers, decisions, configured, host, identity).run()
    finally:
        await client.close()


async def _end_with_parent(work: "asyncio.Task[None] | None") -> None:
    """Whoever started this process holds the other end of its standard input, and writes nothing."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    if work is not None:
        work.cancel()


if __name__ == "__main__":
    main()
