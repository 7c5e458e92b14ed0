"""What of a request the audit log keeps. audit.k8s.io/v1 Policy.

Kubernetes: staging/src/k8s.io/apiserver/pkg/audit/policy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampan.errors import Invalid
from sampan.kube.access.configuration import Shape, expect, load
from sampan.kube.access.user import Attributes
from sampan.kube.kinds.resource import Object

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")

_SHAPE = Shape(
    {
        "metadata": dict,
        "omitStages": [str],
        "omitManagedFields": bool,
        "rules": [
            Shape(
                {
                    "level": str,
                    "users": [str],
                    "userGroups": [str],
                    "verbs": [str],
                    "resources": [Shape({"group": str, "resources": [str], "resourceNames": [str]})],
                    "namespaces": [str],
                    "nonResourceURLs": [str],
                    "omitStages": [str],
                    "omitManagedFields": bool,
                }
            )
        ],
    }
)


@dataclass(frozen=True)
class Kept:
    """What is kept of a request; `level` is one of LEVELS."""

    level: str = "None"
    omitted_stages: frozenset[str] = frozenset()
    omits_managed_fields: bool = False

    @property
    def requests(self) -> bool:
        """Whether with what was sent."""
        return self.level in ("Request", "RequestResponse")

    @property
    def responses(self) -> bool:
        """Whether with what was answered."""
        return self.level == "RequestResponse"


NOTHING = Kept()


class Policy:
    """The first rule that fits counts; of what none fits, nothing is kept."""

    def __init__(self, found: Object) -> None:
        """Raises Invalid."""
        stages = found.get("omitStages") or []
        omits = bool(found.get("omitManagedFields"))
        rules = found.get("rules") or []
        if not rules:
            raise Invalid("an audit policy needs rules")
        self._rules = [(rule, _kept(rule, index, stages, omits)) for index, rule in enumerate(rules)]

    def of(self, asked: Attributes) -> Kept:
        """What is kept of this request."""
        for rule, kept in self._rules:
            if _fits(rule, asked):
                return kept
        return NOTHING


def from_file(path: Path) -> Policy:
    """Raises Invalid."""
    found = load(path, "Policy", ("audit.k8s.io/v1",))
    expect(found, _SHAPE, str(path))
    return Policy(found)


def _kept(rule: Object, index: int, stages: Sequence[str], omits: bool) -> Kept:
    where = f"rules[{index}]"
    level = rule.get("level")
    if level not in LEVELS:
        raise Invalid(f"audit policy: {where}.level is {level!r}", hint=f"one of {', '.join(LEVELS)}")
    omitted = frozenset([*stages, *(rule.get("omitStages") or ())])
    unknown = omitted - set(STAGES)
    if unknown:
        raise Invalid(f"audit policy: {where}: no stage {min(unknown)!r}", hint=f"one of {', '.join(STAGES)}")
    if rule.get("nonResourceURLs") and (rule.get("resources") or rule.get("namespaces")):
        raise Invalid(f"audit policy: {where}: rules cannot apply to both resources and non-resource URLs")
    own = rule.get("omitManagedFields")
    return Kept(level, omitted, omits if own is None else own)


def _fits(rule: Object, asked: Attributes) -> bool:
    if rule.get("users") and asked.user.name not in rule["users"]:
        return False
    if rule.get("userGroups") and not set(rule["userGroups"]) & set(asked.user.groups):
        return False
    if rule.get("verbs") and asked.verb not in rule["verbs"]:
        return False
    if rule.get("namespaces") or rule.get("resources"):
        return bool(asked.resource) and _fits_resource(rule, asked)
    if rule.get("nonResourceURLs"):
        return not asked.resource and any(_fits_path(one, asked.path) for one in rule["nonResourceURLs"])
    return True


def _fits_path(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def _fits_resource(rule: Object, asked: Attributes) -> bool:
    if rule.get("namespaces") and asked.namespace not in rule["namespaces"]:
        return False
    kinds = rule.get("resources") or ()
    return not kinds or any(_fits_kind(kind, asked) for kind in kinds)


def _fits_kind(kind: dict[str, Any], asked: Attributes) -> bool:
    if (kind.get("group") or "") != asked.group:
        return False
    resources = kind.get("resources") or ()
    if not resources:
        return True
    if kind.get("resourceNames") and asked.name not in kind["resourceNames"]:
        return False
    combined = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    wanted = {combined, "*"}
    if asked.subresource:
        wanted |= {f"*/{asked.subresource}", f"{asked.resource}/*"}
    return not wanted.isdisjoint(resources)
