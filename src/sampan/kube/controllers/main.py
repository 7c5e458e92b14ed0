"""The process of the controllers: `python -m sampan.kube.controllers.main --server URL ...`."""

import argparse
import asyncio
import logging
import signal
from pathlib import Path

import uvloop

from sampan.kube.client.requests import Client, Endpoint
from sampan.kube.controllers import namespaces, rootca, serviceaccounts
from sampan.kube.controllers.controller import Informers
from sampan.kube.controllers.garbage import Collector


def main() -> None:
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    uvloop.run(_run(options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kube-control", allow_abbrev=False)
    parser.add_argument("--server", required=True, help="address of the API server, https://host:port")
    parser.add_argument(
        "--ca", required=True, help="file with the certificates that the server is checked by"
    )
    parser.add_argument("--certificate", required=True, help="file with this process's certificate")
    parser.add_argument("--key", required=True, help="file with the key to it")
    parser.add_argument("--root-ca", required=True, help="file with the certificates that pods are to trust")
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    task = asyncio.ensure_future(run(options))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass


async def run(options: argparse.Namespace) -> None:
    """All controllers, until cancelled."""
    endpoint = Endpoint(
        options.server, options.ca, options.certificate, options.key, agent="kube-controller-manager/v1.35"
    )
    bundle = Path(options.root_ca).read_text()  # noqa: ASYNC240: before anything runs
    client = Client(endpoint)
    try:
        informers = Informers(client)
        collector = Collector(client)
        controllers = [
            namespaces.controller(client, informers),
            serviceaccounts.controller(client, informers),
            rootca.controller(client, informers, bundle),
        ]
        async with asyncio.TaskGroup() as group:
            informers.start(group)
            group.create_task(collector.run())
            for controller in controllers:
                group.create_task(controller.run())
    finally:
        await client.close()


if __name__ == "__main__":
    main()
