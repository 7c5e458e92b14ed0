"""--sysctl: only what the container's own namespaces hold (runc libcontainer/configs/validate)."""

from collections.abc import Iterable, Mapping

from sampan.engine.ocispec.refusals import refused
from sampan.specs.oci.runtime import Namespace

_IPC = frozenset(
    (
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
        "kernel.shmmni", "kernel.shm_rmid_forced",
    )
)  # fmt: skip


def check_sysctls(
    sysctls: Mapping[str, str], namespaces: Iterable[Namespace], host_network: bool, hostname: bool
) -> None:
    """Raises Failed, worded as runc words it."""
    own = {entry["type"] for entry in namespaces}
    for name in sysctls:
        dotted = _dotted(name)
        if dotted in _IPC or dotted.startswith("fs.mqueue."):
            if "ipc" not in own:
                raise refused(f'sysctl "{name}" is not allowed in the hosts ipc namespace')
        elif dotted.startswith("net."):
            if host_network:
                raise refused(f'sysctl "{name}" not allowed in host network namespace')
        elif dotted.startswith("kernel.hostname") and "uts" in own:
            if hostname:
                raise refused(f'sysctl "{name}" is not allowed as it conflicts with the OCI "hostname" field')
        elif not (dotted == "kernel.domainname" and "uts" in own):
            if dotted == "kernel.domainname":
                raise refused(f'sysctl "{name}" is not allowed in the hosts uts namespace')
            raise refused(f'sysctl "{name}" is not in a separate kernel namespace')


def _dotted(name: str) -> str:
    """sysctl(8): whichever of "." and "/" comes first separates; the other one is part of a name then."""
    first = next((character for character in name if character in "./"), ".")
    return name if first == "." else name.translate(str.maketrans("./", "/."))
