"""`sampan explain KIND NAME`: why it is pending, crashing, unreachable, not progressing or not going away."""

import argparse
import asyncio
import sys

import orjson

from sampan.errors import SampanError
from sampan.kube.client import kubeconfig
from sampan.kube.client.requests import Client, Endpoint
from sampan.kube.explain.explanation import Explanation
from sampan.kube.explain.looking import Looking
from sampan.specs.kubernetes.status import StatusError
from sampan.specs.terminal import harmless

KINDS = {
    "pod": ("pods", "po"),
    "deployment": ("deployments", "deploy"),
    "job": ("jobs",),
    "namespace": ("namespaces", "ns"),
    "node": ("nodes", "no"),
}


def main() -> None:
    """Run one command line; failures become a line on stderr and exit status 1."""
    options = _parser().parse_args()
    try:
        endpoint, namespace = kubeconfig.read(kubeconfig.find(options.kubeconfig), options.context)
        found = asyncio.run(_explain(endpoint, options.namespace or namespace, options.kind, options.name))
    except (SampanError, StatusError) as error:
        print(f"sampan explain: {harmless(str(error))}", file=sys.stderr)
        sys.exit(1)
    sys.stdout.write(_json(found) if options.output == "json" else found.text())


def _json(found: Explanation) -> str:
    return orjson.dumps(found.json(), option=orjson.OPT_INDENT_2).decode() + "\n"


async def _explain(endpoint: Endpoint, namespace: str, kind: str, name: str) -> Explanation:
    client = Client(endpoint)
    try:
        return await Looking(client).of(kind)(namespace, name)
    finally:
        await client.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sampan explain",
        description="Say why an object does not get on: the deciding fact, then what would change it.",
        epilog="examples: sampan explain pod web-5d7f -n shop; sampan explain namespace old -o json",
        allow_abbrev=False,
    )
    parser.add_argument("kind", type=_kind, help=", ".join(KINDS))
    parser.add_argument("name")
    parser.add_argument("-n", "--namespace", default="", help="the namespace, if not the kubeconfig's")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="form of the answer")
    parser.add_argument("--kubeconfig", default="", help="file that says where the cluster is")
    parser.add_argument("--context", default="", help="context of that file, if not its current one")
    return parser


def _kind(word: str) -> str:
    for kind, others in KINDS.items():
        if word.lower() in (kind, *others):
            return kind
    raise argparse.ArgumentTypeError(f"{word!r} cannot be explained; these can: {', '.join(KINDS)}")


if __name__ == "__main__":
    main()
