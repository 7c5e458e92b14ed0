"""Which rules a level has in which version, and what they say of a pod."""

from collections.abc import Iterator

from sampan.kube.access.admission.podsecurity import baseline, restricted
from sampan.kube.access.admission.podsecurity.policy import Standard
from sampan.kube.access.admission.podsecurity.words import Check, Pod
from sampan.kube.access.admission.refusing import annotations_of
from sampan.kube.kinds.resource import Object

BASELINE: tuple[Check, ...] = (
    baseline.app_armor,
    baseline.host_namespaces,
    baseline.host_ports,
    baseline.host_probes,
    baseline.privileged,
    baseline.proc_mount,
    baseline.selinux,
    baseline.sysctls,
    baseline.host_process,
)
# The minor version since which the restricted level has a rule instead, and the baseline's rule.
BASELINE_UNTIL: tuple[tuple[int, Check], ...] = (
    (22, baseline.capabilities),
    (0, baseline.host_path_volumes),
    (19, baseline.seccomp),
)
RESTRICTED: tuple[tuple[int, Check], ...] = (
    (8, restricted.privilege_escalation),
    (22, restricted.capabilities),
    (35, restricted.proc_mount),
    (0, restricted.volumes),
    (0, restricted.run_as_non_root),
    (23, restricted.run_as_user),
    (19, restricted.seccomp),
)


class Violations:
    """Nothing, if it is false."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        self._found = found

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def reasons(self) -> str:
        return ", ".join(reason for reason, _ in self._found)

    @property
    def details(self) -> str:
        return ", ".join(f"{reason} ({detail})" for reason, detail in self._found)


def evaluate(standard: Standard, metadata: Object, spec: Object) -> Violations:
    """What a pod does that the standard forbids."""
    if standard.level == "privileged":
        return Violations([])
    pod = Pod(annotations_of({"metadata": metadata}), spec, standard.minor)
    found = (check(pod) for check in _checks(standard))
    return Violations([one for one in found if one is not None])


def _checks(standard: Standard) -> Iterator[Check]:
    yield from BASELINE
    strict = standard.level == "restricted"
    yield from (check for until, check in BASELINE_UNTIL if not strict or standard.minor < until)
    if strict:
        yield from (check for since, check in RESTRICTED if standard.minor >= since)
