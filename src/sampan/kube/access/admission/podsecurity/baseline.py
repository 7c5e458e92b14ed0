"""What the baseline level forbids: known ways from a pod to its node. k8s.io/pod-security-admission/policy"""

from collections.abc import Iterator

from sampan.kube.access.admission.podsecurity.words import (
    Finding,
    Pod,
    containers,
    context_of,
    names,
    number,
    quoted,
    setters,
)
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote

APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
CONFINED = ("RuntimeDefault", "Localhost")
CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t")
# Those that are allowed, by the minor version since which they are.
SYSCTLS = {
    "kernel.shm_rmid_forced": 0,
    "net.ipv4.ip_local_port_range": 0,
    "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0,
    "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
}
HANDLERS = ("httpGet", "tcpSocket")


def app_armor(pod: Pod) -> Finding:
    def unconfined(context: Object) -> str:
        kind = (context.get("appArmorProfile") or {}).get("type", "RuntimeDefault")
        return "" if kind in CONFINED else quote(kind)

    by_pod = unconfined(pod.context)
    found = names(pod, lambda one: unconfined(context_of(one)))
    values = {by_pod, *(unconfined(context_of(one)) for one in pod.containers())} - {""}
    noted = sorted(
        f"{key}={quote(value)}"
        for key, value in pod.annotations.items()
        if key.startswith(APPARMOR) and not _allowed_profile(value)
    )
    if not values and not noted:
        return None
    who = [one for one in (setters(bool(by_pod), found),) if one]
    if noted:
        who.append(number("annotation", "annotations", len(noted)))
    told = [*sorted(values), *noted]
    reason = number("forbidden AppArmor profile", "forbidden AppArmor profiles", len(told))
    return reason, f"{' and '.join(who)} must not set AppArmor profile type to {', '.join(told)}"


def _allowed_profile(value: str) -> bool:
    return value in ("", "runtime/default") or value.startswith("localhost/")


def host_namespaces(pod: Pod) -> Finding:
    used = [f"{key}=true" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(key)]
    return ("host namespaces", ", ".join(used)) if used else None


def _ports(container: Object) -> list[str]:
    return [str(one["hostPort"]) for one in container.get("ports") or () if one.get("hostPort")]


def host_ports(pod: Pod) -> Finding:
    found = names(pod, _ports)
    if not found:
        return None
    ports = sorted({port for one in pod.containers() for port in _ports(one)})
    use, what = number("uses", "use", len(found)), number("hostPort", "hostPorts", len(ports))
    return "hostPort", f"{containers(found)} {use} {what} {', '.join(ports)}"


def host_probes(pod: Pod) -> Finding:
    """Since 1.34. A node asks wherever a probe tells it to."""
    found = [] if pod.minor < 34 else names(pod, lambda one: any(_hosts(one)))
    if not found:
        return None
    hosts = sorted({host for one in pod.containers() for host in _hosts(one)})
    what = "probe or lifecycle host"
    use, told = number("uses", "use", len(found)), number(what, f"{what}s", len(hosts))
    return what, f"{containers(found)} {use} {told} {quoted(hosts)}"


def _hosts(container: Object) -> Iterator[str]:
    lifecycle = container.get("lifecycle") or {}
    places = [container.get(probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
    for place in (*places, lifecycle.get("postStart"), lifecycle.get("preStop")):
        for handler in HANDLERS:
            host = ((place or {}).get(handler) or {}).get("host")
            if host:
                yield host


def privileged(pod: Pod) -> Finding:
    found = names(pod, lambda one: context_of(one).get("privileged"))
    return (
        ("privileged", f"{containers(found)} must not set securityContext.privileged=true") if found else None
    )


def proc_mount(pod: Pod) -> Finding:
    return None if pod.own_users else masked_proc_mount(pod)


def masked_proc_mount(pod: Pod) -> Finding:
    """As it is where a pod's users are the node's."""

    def mount(container: Object) -> str:
        kind: str = context_of(container).get("procMount", "Default")
        return "" if kind == "Default" else kind

    found = names(pod, mount)
    values = sorted({mount(one) for one in pod.containers()} - {""})
    if not found:
        return None
    return "procMount", f"{containers(found)} must not set securityContext.procMount to {quoted(values)}"


def selinux(pod: Pod) -> Finding:
    allowed = SELINUX_TYPES + (("container_engine_t",) if pod.minor >= 31 else ())

    def options(context: Object) -> Object:
        return context.get("seLinuxOptions") or {}

    def wrong(context: Object) -> bool:
        one = options(context)
        return one.get("type", "") not in allowed or bool(one.get("user")) or bool(one.get("role"))

    found = names(pod, lambda one: wrong(context_of(one)))
    if not found and not wrong(pod.context):
        return None
    every = [options(pod.context), *(options(context_of(one)) for one in pod.containers())]
    types = sorted({one.get("type", "") for one in every} - set(allowed))
    told = [f"{number('type', 'types', len(types))} {quoted(types)}"] if types else []
    told += [f"{key} may not be set" for key in ("user", "role") if any(one.get(key) for one in every)]
    who = setters(wrong(pod.context), found)
    return "seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(told)}"


def sysctls(pod: Pod) -> Finding:
    named = [one.get("name", "") for one in pod.context.get("sysctls") or ()]
    wrong = [one for one in named if SYSCTLS.get(one, pod.minor + 1) > pod.minor]
    return ("forbidden sysctls", ", ".join(wrong)) if wrong else None


def host_process(pod: Pod) -> Finding:
    def wrong(context: Object) -> bool:
        return bool((context.get("windowsOptions") or {}).get("hostProcess"))

    found = names(pod, lambda one: wrong(context_of(one)))
    if not found and not wrong(pod.context):
        return None
    who = setters(wrong(pod.context), found)
    return "hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true"


# --- those that the restricted level has a stricter rule for


def added(container: Object) -> list[str]:
    found: list[str] = (context_of(container).get("capabilities") or {}).get("add") or []
    return found


def capabilities(pod: Pod) -> Finding:
    found = names(pod, lambda one: set(added(one)) - CAPABILITIES)
    if not found:
        return None
    wrong = sorted({name for one in pod.containers() for name in added(one)} - CAPABILITIES)
    detail = f"{containers(found)} must not include {quoted(wrong)} in securityContext.capabilities.add"
    return "non-default capabilities", detail


def host_path_volumes(pod: Pod) -> Finding:
    found = [one["name"] for one in pod.spec.get("volumes") or () if one.get("hostPath") is not None]
    if not found:
        return None
    return "hostPath volumes", f"{number('volume', 'volumes', len(found))} {quoted(found)}"


def profile(context: Object) -> str:
    """Its seccomp profile; "" if there is none."""
    kind: str = (context.get("seccompProfile") or {}).get("type", "")
    return kind


def forbidden_profiles(pod: Pod) -> Finding:
    """The profiles that somebody has set, and may not."""

    def wrong(context: Object) -> bool:
        return context.get("seccompProfile") is not None and profile(context) not in CONFINED

    found = names(pod, lambda one: wrong(context_of(one)))
    if not found and not wrong(pod.context):
        return None
    contexts = (pod.context, *(context_of(one) for one in pod.containers()))
    values = sorted({profile(one) for one in contexts if wrong(one)})
    who = setters(wrong(pod.context), found)
    return "seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {quoted(values)}"


def seccomp(pod: Pod) -> Finding:
    if pod.minor >= 19:
        return forbidden_profiles(pod)
    wrong = sorted(
        f"{key}={quote(value)}"
        for key, value in pod.annotations.items()
        if (key == SECCOMP_POD or key.startswith(SECCOMP_CONTAINER)) and not _allowed_seccomp(value)
    )
    if not wrong:
        return None
    told = number("forbidden annotation", "forbidden annotations", len(wrong))
    return "seccompProfile", f"{told} {', '.join(wrong)}"


def _allowed_seccomp(value: str) -> bool:
    return value in ("runtime/default", "docker/default") or value.startswith("localhost/")
