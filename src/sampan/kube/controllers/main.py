"""The process of the controllers: `python -m sampan.kube.controllers.main --server URL ...`."""

import argparse
import asyncio
import logging
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from sampan.kube.client import decisionsocket
from sampan.kube.client.accounts import Accounts
from sampan.kube.client.decisions import Decisions
from sampan.kube.client.recorder import Recorder
from sampan.kube.client.requests import Client, Endpoint
from sampan.kube.controllers.context import Context, Options
from sampan.kube.controllers.controller import Informers
from sampan.kube.controllers.roster import ROSTER, Row


def main() -> None:
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    uvloop.run(_run(options, Path(options.root_ca).read_text()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kube-control", allow_abbrev=False)
    parser.add_argument("--server", required=True, help="address of the API server, https://host:port")
    parser.add_argument(
        "--ca", required=True, help="file with the certificates that the server is checked by"
    )
    parser.add_argument("--certificate", required=True, help="file with this process's certificate")
    parser.add_argument("--key", required=True, help="file with the key to it")
    parser.add_argument("--root-ca", required=True, help="file with the certificates that pods are to trust")
    parser.add_argument("--pki", type=Path, help="directory of the authority that signs certificates")
    parser.add_argument("--token-key", type=Path, help="file with the key that signs tokens of Secrets")
    parser.add_argument("--decisions-socket", default="", help="where to tell why objects are as they are")
    parser.add_argument(
        "--scheduler-certificate",
        default="",
        help="file with the scheduler's certificate; none: do not schedule",
    )
    parser.add_argument("--scheduler-key", default="", help="file with the key to it")
    parser.add_argument("--scheduler-config", default="", help="file with a KubeSchedulerConfiguration")
    return parser.parse_args()


async def _run(options: argparse.Namespace, bundle: str) -> None:
    task = asyncio.ensure_future(run(options, bundle))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass


async def run(options: argparse.Namespace, bundle: str) -> None:
    """All controllers, until cancelled."""
    endpoint = Endpoint(
        options.server, options.ca, options.certificate, options.key, agent="kube-controller-manager/v1.35"
    )
    async with AsyncExitStack() as stack:
        client = Client(endpoint)
        stack.push_async_callback(client.close)
        accounts = Accounts(client, endpoint, stack)
        informers = Informers(client)
        decisions = Decisions()
        given = Options(bundle, options.pki, options.token_key)
        if options.decisions_socket:
            await decisionsocket.serve(decisions, options.decisions_socket, stack)
        async with asyncio.TaskGroup() as group:
            informers.start(group)
            group.create_task(_end_with_parent(asyncio.current_task()))

            async def run_as(name: str, row: Row) -> None:
                account = row.account or name
                own = client if row.own_rights else await accounts.client(account, group)
                recorder = Recorder(own, row.component or account)
                group.create_task(recorder.run())
                context = Context(name, own, informers, recorder, decisions, time.time, given)
                await row.make(context).run()

            for name, row in ROSTER.items():
                group.create_task(run_as(name, row))
            if options.scheduler_certificate:
                group.create_task(_schedule(options, informers, decisions))


async def _schedule(options: argparse.Namespace, informers: Informers, decisions: Decisions) -> None:
    """The scheduler, as a user of its own; what only it needs is loaded here."""
    from sampan.kube.scheduler import configuration
    from sampan.kube.scheduler.scheduler import Scheduler

    endpoint = Endpoint(
        options.server,
        options.ca,
        options.scheduler_certificate,
        options.scheduler_key,
        agent="kube-scheduler/v1.35",
    )
    path = options.scheduler_config
    found = configuration.load(Path(path)) if path else configuration.default()
    host = socket.gethostname()
    client = Client(endpoint)
    try:
        # The same after a crash, so that the lease need not run out first.
        identity = f"{host}_{options.server.rpartition('/')[2]}"
        await Scheduler(client, informers, decisions, found, host, identity).run()
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
