"""The command line of the controllers' process, as kube-controller-manager names what it has too."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sampan.errors import Invalid
from sampan.kube.controllers.context import Options
from sampan.kube.controllers.nodeaddresses import pools
from sampan.specs.golang import duration

DEFAULTS = Options()
BOOLEAN = ("true", "false")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Ends the process with a message for options that are wrong."""
    parser = argparse.ArgumentParser(prog="kube-control", allow_abbrev=False)
    _declare_places(parser.add_argument)
    declare(parser.add_argument)
    found = parser.parse_args(argv)
    if wrong := mistake(found):
        parser.error(wrong)
    return found


def _declare_places(add: Callable[..., Any]) -> None:
    """What whoever starts the process knows."""
    add("--server", required=True, help="address of the API server, https://host:port")
    add("--ca", required=True, help="file with the certificates that the server is checked by")
    add("--certificate", required=True, help="file with this process's certificate")
    add("--key", required=True, help="file with the key to it")
    add("--root-ca", required=True, help="file with the certificates that pods are to trust")
    add("--pki", type=Path, help="directory of the authority that signs certificates")
    add("--token-key", type=Path, help="file with the key that signs tokens of Secrets")
    add("--decisions-socket", default="", help="where to tell why objects are as they are")
    add("--scheduler-certificate", default="", help="file with the scheduler's; without it, none runs")
    add("--scheduler-key", default="", help="file with the key to it")
    add("--scheduler-config", default="", help="file with a KubeSchedulerConfiguration")
    add("--identity-file", default="", help="keeps the name by which this copy leads")
    add("--service-cluster-ip-range", default="", help="ranges that nodes get no part of")


def declare(add: Callable[..., Any]) -> None:
    """What a user of the cluster decides."""
    add("--leader-elect", default="true", choices=BOOLEAN, help="work only while holding the Lease")
    add("--allocate-node-cidrs", default="false", choices=BOOLEAN, help="give nodes ranges for their pods")
    add("--cluster-cidr", default="", help="ranges that nodes get parts of, one of each family")
    add("--node-cidr-mask-size-ipv4", type=int, default=DEFAULTS.node_masks[0])
    add("--node-cidr-mask-size-ipv6", type=int, default=DEFAULTS.node_masks[1])
    add("--node-monitor-grace-period", type=_seconds, default=DEFAULTS.node_grace)
    add("--node-startup-grace-period", type=_seconds, default=DEFAULTS.node_startup_grace)
    add("--terminated-pod-gc-threshold", type=int, default=DEFAULTS.terminated_pods)


def mistake(found: argparse.Namespace) -> str:
    """What does not fit together; empty if all does."""
    if found.allocate_node_cidrs != "true":
        return ""
    if not found.cluster_cidr:
        return "--allocate-node-cidrs needs --cluster-cidr"
    try:
        pools(_ranges(found.cluster_cidr), _masks(found))
    except Invalid as error:
        return str(error)
    return ""


def check(argv: Sequence[str] | None = None) -> None:
    """Ends the process with one line if what a user has decided is wrong: before anything is started."""
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    declare(parser.add_argument)
    try:
        sys.exit(mistake(parser.parse_args(argv)) or 0)
    except argparse.ArgumentError as error:
        sys.exit(str(error).removeprefix("argument "))


def options(found: argparse.Namespace) -> Options:
    """What controllers are told of it."""
    allocate = found.allocate_node_cidrs == "true"
    return Options(
        bundle=Path(found.root_ca).read_text(),
        pki=found.pki,
        token_key=found.token_key,
        cluster_cidrs=_ranges(found.cluster_cidr) if allocate else (),
        service_cidrs=_ranges(found.service_cluster_ip_range),
        node_masks=_masks(found),
        node_grace=found.node_monitor_grace_period,
        node_startup_grace=found.node_startup_grace_period,
        terminated_pods=found.terminated_pod_gc_threshold,
    )


def _ranges(text: str) -> tuple[str, ...]:
    return tuple(one for one in text.split(",") if one)


def _masks(found: argparse.Namespace) -> tuple[int, int]:
    return found.node_cidr_mask_size_ipv4, found.node_cidr_mask_size_ipv6


def _seconds(text: str) -> float:
    """Go's durations: "50s", "1m30s"."""
    try:
        return duration.parse_duration(text) / 1e9
    except Invalid as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    check()
