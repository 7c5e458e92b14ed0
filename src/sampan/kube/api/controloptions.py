"""Options of the controllers that the API server, which starts them, takes and hands on."""

import argparse
from collections.abc import Callable
from typing import Any

# Their defaults are the controllers' own.
NAMES = {
    "leader-elect": "true or false: the controllers work only while they hold the Lease (default true)",
    "allocate-node-cidrs": "true or false: give nodes ranges for their pods' addresses (default false)",
    "cluster-cidr": "the ranges that nodes get parts of, one of each family",
    "node-cidr-mask-size-ipv4": "length of a node's IPv4 range (default 24)",
    "node-cidr-mask-size-ipv6": "length of a node's IPv6 range (default 64)",
    "node-monitor-grace-period": "silence after which a node is away (default 50s)",
    "node-startup-grace-period": "the same of one that was never heard of (default 60s)",
    "terminated-pod-gc-threshold": "finished pods that are kept (default 12500; 0: all)",
}


def declare(add: Callable[..., Any]) -> None:
    """Each as kube-controller-manager names it."""
    for name, text in NAMES.items():
        add(f"--{name}", default=None, help=text)


def read(options: argparse.Namespace) -> tuple[str, ...]:
    """Words of the controllers' command line: what was given, and nothing else."""
    found = {name: getattr(options, name.replace("-", "_")) for name in NAMES}
    return tuple(word for name, text in found.items() if text is not None for word in (f"--{name}", text))
