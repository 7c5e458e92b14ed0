"""Which tracked flows have to go when UDP ports are published or taken back."""

import socket
from collections.abc import Iterable

from sampan.linux import conntrack
from sampan.linux.conntrack import Flow
from sampan.network.rules import PortRule


def forget_untranslated(rules: Iterable[PortRule]) -> None:
    """Flows to published ports that began before: they would never reach the container."""
    wanted = {rule.port: rule.target.packed for rule in rules}

    def unwanted(flow: Flow) -> bool:
        if flow.protocol != socket.IPPROTO_UDP or flow.port not in wanted:
            return False
        return len(flow.answered_by) == len(wanted[flow.port]) and flow.answered_by != wanted[flow.port]

    conntrack.forget(unwanted)


def forget_translated(rules: Iterable[PortRule]) -> None:
    """Flows that lead to a container which is gone."""
    targets = {rule.target.packed for rule in rules}

    def unwanted(flow: Flow) -> bool:
        translated = flow.answered_by != flow.destination
        return flow.protocol == socket.IPPROTO_UDP and translated and flow.answered_by in targets

    conntrack.forget(unwanted)


def connectionless(rules: Iterable[PortRule]) -> list[PortRule]:
    """Those whose flows have to be forgotten: UDP's go on as they began, whatever the rules say by then."""
    return [rule for rule in rules if rule.protocol == "udp"]
