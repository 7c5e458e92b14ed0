"""Pods keep to the standards of their namespace. plugin/pkg/admission/security/podsecurity"""

from collections.abc import Collection

from sampan.kube.access.admission.podsecurity import policy
from sampan.kube.access.admission.podsecurity.evaluation import Violations, evaluate
from sampan.kube.access.admission.podsecurity.policy import LEVELS, PREFIX, Policy, Standard
from sampan.kube.access.admission.refusing import annotations_of, refused
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status

HARMLESS = frozenset(["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"])
# Where a template of pods is.
TEMPLATES: dict[str, tuple[str, ...]] = {
    "podtemplates": ("template",),
    "replicationcontrollers": ("spec", "template"),
    "replicasets.apps": ("spec", "template"),
    "deployments.apps": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
}
MOST_PODS = 3000  # of a namespace that are looked at
LISTS = ("initContainers", "containers", "ephemeralContainers")
SECCOMP = "seccomp.security.alpha.kubernetes.io"


class PodSecurity(Plugin):
    """What is exempt, nobody looks at."""

    def __init__(
        self,
        namespaces: Collection[str] = (),
        users: Collection[str] = (),
        runtime_classes: Collection[str] = (),
    ) -> None:
        self._namespaces = namespaces
        self._users = users
        self._runtime_classes = runtime_classes

    async def validate(self, request: AdmissionRequest) -> None:
        name = request.resource.name
        if request.operation not in ("CREATE", "UPDATE") or request.object is None:
            return
        if name == "namespaces" and not request.subresource:
            self._namespace(request, request.object)
        elif name == "pods":
            self._pod(request, request.object)
        elif name in TEMPLATES and not request.subresource:
            template = _template(request.object, TEMPLATES[name])
            if template is not None and not self._exempt(request):
                found, _ = _policy(request)
                if not (found.audit.level == found.warn.level == "privileged"):
                    self._judge(request, found._replace(enforce=Standard()), template)

    def _exempt(self, request: AdmissionRequest) -> bool:
        return request.namespace in self._namespaces or request.user.name in self._users

    def _pod(self, request: AdmissionRequest, pod: Object) -> None:
        if request.subresource in HARMLESS or self._exempt(request):
            return
        found, errors = _policy(request)
        if found.silent and not errors:
            return
        if request.operation == "UPDATE" and request.old is not None and not _matters(pod, request.old):
            return
        self._note(request, "enforce-policy", str(found.enforce))
        self._judge(request, found, pod)

    def _judge(self, request: AdmissionRequest, found: Policy, pod: Object) -> None:
        metadata, spec = pod.get("metadata") or {}, pod.get("spec") or {}
        if spec.get("runtimeClassName", "") in self._runtime_classes:
            return
        forbidden = evaluate(found.enforce, metadata, spec)
        told = evaluate(found.audit, metadata, spec)
        if told:
            self._note(request, "audit-violations", f"would violate {_text(found.audit, told)}")
        if forbidden:
            raise refused(request, f"violates {_text(found.enforce, forbidden)}")
        warned = evaluate(found.warn, metadata, spec)
        if warned:
            request.warnings.append(f"would violate {_text(found.warn, warned)}")

    def _note(self, request: AdmissionRequest, key: str, text: str) -> None:
        request.annotations[PREFIX + key] = text

    # --- namespaces

    def _namespace(self, request: AdmissionRequest, namespace: Object) -> None:
        new, errors = policy.of_namespace(namespace)
        old, before = policy.of_namespace(request.old or {})
        if errors and (request.old is None or errors != before):
            raise status.invalid("", "Namespace", namespace["metadata"].get("name", ""), errors)
        wanted = new.enforce
        if request.old is None or wanted == old.enforce or wanted.level == "privileged":
            return
        if wanted.minor == old.enforce.minor and LEVELS.index(wanted.level) <= LEVELS.index(
            old.enforce.level
        ):
            return
        name = namespace["metadata"]["name"]
        if name not in self._namespaces:
            request.warnings += self._existing(request, name, wanted)

    def _existing(self, request: AdmissionRequest, namespace: str, wanted: Standard) -> list[str]:
        """What the pods that are there already would be refused for."""
        pods = request.reader.list("pods", namespace)
        grouped: dict[str, list[str]] = {}
        for pod in pods[:MOST_PODS]:
            if pod["spec"].get("runtimeClassName", "") not in self._runtime_classes:
                found = evaluate(wanted, pod["metadata"], pod["spec"])
                if found:
                    grouped.setdefault(found.reasons, []).append(pod["metadata"]["name"])
        told = []
        if len(pods) > MOST_PODS:
            told.append(
                f"new PodSecurity enforce level only checked against the first {MOST_PODS} "
                f"of {len(pods)} existing pods"
            )
        if grouped:
            level = quote(str(wanted))
            where = f"existing pods in namespace {quote(namespace)}"
            told.append(f"{where} violate the new PodSecurity enforce level {level}")
        return told + sorted(_of_pods(names, reasons) for reasons, names in grouped.items())


def _text(standard: Standard, found: Violations) -> str:
    return f"PodSecurity {quote(str(standard))}: {found.details}"


def _policy(request: AdmissionRequest) -> tuple[Policy, bool]:
    namespace = request.reader.get("namespaces", "", request.namespace) or {}
    found, errors = policy.of_namespace(namespace)
    if errors:
        text = "; ".join(str(one) for one in errors)
        request.annotations[f"{PREFIX}error"] = f"Failed to parse policy: {text}"
    return found, bool(errors)


def _of_pods(names: list[str], reasons: str) -> str:
    others = len(names) - 1
    more = f" (and {others} other pod{'' if others == 1 else 's'})" if others else ""
    return f"{min(names)}{more}: {reasons}"


def _template(value: Object, path: tuple[str, ...]) -> Object | None:
    found: Object | None = value
    for part in path:
        found = (found or {}).get(part)
    return found


def _matters(new: Object, old: Object) -> bool:
    """Most of a pod cannot change: only images, debuggers, and annotations that once were security."""
    for field in LISTS:
        before, after = old["spec"].get(field) or [], new["spec"].get(field) or []
        if [one.get("image") for one in before] != [one.get("image") for one in after]:
            return True
    return _noted(new) != _noted(old)


def _noted(pod: Object) -> dict[str, str]:
    return {key: value for key, value in annotations_of(pod).items() if SECCOMP in key or "apparmor" in key}
