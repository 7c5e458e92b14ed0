"""`sampan kube simulate`: what the cluster would do with objects, or without a node. Nothing is changed."""

import argparse
import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import orjson

from sampan.errors import Invalid, SampanError
from sampan.kube.client import kubeconfig
from sampan.kube.client.informers import Informers
from sampan.kube.client.requests import Client, Endpoint, Object
from sampan.kube.client.resources import RESOURCE_QUOTAS
from sampan.kube.scheduler.caches import Caches
from sampan.kube.scheduler.surroundings import REPLICA_SETS
from sampan.kube.schema.parsing import DecodeError
from sampan.kube.schema.yamlparsing import read_yaml
from sampan.kube.simulation.placing import Placing
from sampan.kube.simulation.simulation import Outcome, Simulation
from sampan.specs.kubernetes.status import StatusError
from sampan.specs.terminal import harmless

_BETWEEN = re.compile(rb"^---(?=\s|$)", re.M)  # documents of a text
PATIENCE = 60.0  # seconds to look at the cluster


def main() -> None:
    """Run one command line; failures become a line on stderr and exit status 1."""
    options = _parser().parse_args()
    try:
        objects = [one for name in options.filename for one in read(_bytes(name))]
        endpoint, namespace = kubeconfig.read(kubeconfig.find(options.kubeconfig), options.context)
        found = asyncio.run(_simulate(endpoint, options.namespace or namespace, objects, options.drain))
    except (SampanError, StatusError) as error:
        print(f"sampan kube simulate: {harmless(str(error))}", file=sys.stderr)
        sys.exit(1)
    if options.output == "json":
        told = orjson.dumps([one.json() for one in found], option=orjson.OPT_INDENT_2).decode()
        print(told)
    else:
        sys.stdout.write("".join(one.text() for one in found))
    sys.exit(0 if all(one.change not in ("refused", "blocked") and not one.unplaced for one in found) else 2)


def _bytes(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Invalid(f"cannot read {name}: {error}") from None


def read(data: bytes) -> list[Object]:
    """The objects of a YAML or JSON text, those of Lists one by one. Raises Invalid."""
    found: list[Object] = []
    for document in _BETWEEN.split(data):
        try:
            one = read_yaml(document)[0]
            orjson.dumps(one)  # as it will be sent
        except (DecodeError, orjson.JSONEncodeError) as error:
            raise Invalid(f"this is no YAML: {error}") from None
        items: Any = one.get("items") if isinstance(one, dict) and one.get("kind") == "List" else [one]
        found += [item for item in (items if isinstance(items, list) else ()) if item is not None]
    if not all(isinstance(one, dict) and isinstance(one.get("metadata", {}), dict) for one in found):
        raise Invalid("an object with apiVersion, kind and metadata is wanted")
    return found


async def _simulate(
    endpoint: Endpoint, namespace: str, objects: list[Object], drained: list[str]
) -> list[Outcome]:
    client = Client(endpoint)
    try:
        async with asyncio.TaskGroup() as group:
            informers = Informers(client)
            caches, quotas = Caches(informers), informers.of(RESOURCE_QUOTAS)
            following = group.create_task(_follow(informers))
            try:
                await asyncio.wait_for(asyncio.gather(caches.synced(), quotas.synced.wait()), PATIENCE)
                budgets = list(caches.budgets.objects.values())
                nodes, pods = list(caches.nodes.objects.values()), list(caches.pods.objects.values())
                placing = Placing(nodes, pods, budgets, caches)
                simulation = Simulation(
                    client,
                    placing,
                    nodes,
                    pods,
                    budgets,
                    list(quotas.objects.values()),
                    namespace,
                    list(caches.all(REPLICA_SETS)),
                )
                await simulation.learn()
                found = [one for name in drained for one in simulation.drain(name)]
                found += [await simulation.apply(value) for value in objects]
            finally:
                following.cancel()
    except* (SampanError, StatusError) as group_of:
        raise group_of.exceptions[0] from None
    finally:
        await client.close()
    return found


async def _follow(informers: Informers) -> None:
    async with asyncio.TaskGroup() as group:
        informers.start(group)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sampan kube simulate",
        description="Say what the cluster would do with objects, or without a node. Nothing is changed.",
        epilog="Exit status 2 if anything is refused, blocked, or finds no node.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-f", "--filename", action="append", default=[], help="file with objects; - is standard input")
    add("--drain", action="append", default=[], metavar="NODE", help="drain this node first")
    add("-n", "--namespace", default="", help="of objects that name none, if not the kubeconfig's")
    add("-o", "--output", choices=("text", "json"), default="text", help="form of the answer")
    add("--kubeconfig", default="", help="file that says where the cluster is")
    add("--context", default="", help="context of that file, if not its current one")
    return parser


if __name__ == "__main__":
    main()
