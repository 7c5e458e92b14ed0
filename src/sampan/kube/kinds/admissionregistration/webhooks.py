"""MutatingWebhookConfiguration and ValidatingWebhookConfiguration have all but one field in common.
k8s.io/kubernetes/pkg/apis/admissionregistration/validation
"""

from typing import Any

from sampan.kube.kinds import webhookclients
from sampan.kube.kinds.admissionregistration import expressions, rules
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, invalid, not_supported, required
from sampan.specs.kubernetes.labelselector import can_select, label_selector_errors

REINVOCATION_POLICIES = ("IfNeeded", "Never")
SIDE_EFFECTS = ("None", "NoneOnDryRun", "Some", "Unknown")
NO_SIDE_EFFECTS = SIDE_EFFECTS[:2]
REVIEW_VERSIONS = ("v1", "v1beta1")
TIMEOUT = (1, 30)
_SELECTORS = ("namespaceSelector", "objectSelector")

COLUMNS = (
    Column(
        "Webhooks",
        type="integer",
        description="Webhooks indicates the number of webhooks registered in this configuration",
    ),
    Column("Age", describe="metadata.creationTimestamp"),
)


def default(new: Object) -> None:
    for webhook in new.get("webhooks") or ():
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("matchPolicy", "Equivalent")
        webhook.setdefault("namespaceSelector", {})
        webhook.setdefault("objectSelector", {})
        webhook.setdefault("timeoutSeconds", 10)
        rules.default_rules(webhook.get("rules"))
        webhookclients.default_client(webhook.get("clientConfig") or {})


class Leniency:
    """What is not held against a new configuration because the old one was no better."""

    def __init__(self, old: list[Object] | None = None) -> None:
        self.side_effects = SIDE_EFFECTS if _any(old, _has_side_effects) else NO_SIDE_EFFECTS
        self.review_versions = _any(old, _has_unknown_versions)
        self.same_names = old is not None and len({one.get("name", "") for one in old}) < len(old)
        self.selectors = _any(old, _has_bad_selector)


def _any(webhooks: list[Object] | None, has: Any) -> bool:
    return any(has(webhook) for webhook in webhooks or ())


def _has_side_effects(webhook: Object) -> bool:
    return webhook.get("sideEffects") not in NO_SIDE_EFFECTS


def _has_unknown_versions(webhook: Object) -> bool:
    versions = webhook.get("admissionReviewVersions") or ()
    return bool(versions) and not any(one in REVIEW_VERSIONS for one in versions)


def _has_bad_selector(webhook: Object) -> bool:
    return not all(can_select(webhook.get(field) or {}) for field in _SELECTORS)


def validate(new: Object, _context: Context) -> list[FieldError]:
    return _errors(new.get("webhooks") or [], Leniency(), conditions=True)


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    webhooks, before = new.get("webhooks") or [], old.get("webhooks") or []
    changed = expressions.conditions_of(webhooks) != expressions.conditions_of(before)
    return _errors(webhooks, Leniency(before), conditions=changed)


def _errors(webhooks: list[Object], leniency: Leniency, *, conditions: bool) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, webhook in enumerate(webhooks):
        path = f"webhooks[{at}]"
        found += _webhook_errors(webhook, leniency, path)
        if conditions:
            where = f"{path}.matchConditions"
            found += expressions.conditions_errors(webhook.get("matchConditions"), False, where)
        versions = webhook.get("admissionReviewVersions") or []
        found += _versions_errors(versions, leniency, f"{path}.admissionReviewVersions")
        name = webhook.get("name", "")
        if name and name in seen and not leniency.same_names:
            found.append(duplicate(f"{path}.name", name))
        seen.add(name)
    return found


def _webhook_errors(webhook: Object, leniency: Leniency, path: str) -> list[FieldError]:
    found = names.fully_qualified_name_errors(webhook.get("name", ""), f"{path}.name")
    for at, rule in enumerate(webhook.get("rules") or ()):
        found += rules.rule_errors(rule, f"{path}.rules[{at}]")
    found += _choice_errors(webhook, "failurePolicy", rules.FAILURE_POLICIES, path)
    found += _choice_errors(webhook, "matchPolicy", rules.MATCH_POLICIES, path)
    if webhook.get("sideEffects") is None:
        detail = f"must specify one of {', '.join(leniency.side_effects)}"
        found.append(required(f"{path}.sideEffects", detail))
    found += _choice_errors(webhook, "sideEffects", leniency.side_effects, path)
    timeout = webhook.get("timeoutSeconds")
    if timeout is not None and not TIMEOUT[0] <= timeout <= TIMEOUT[1]:
        detail = "the timeout value must be between 1 and 30 seconds"
        found.append(invalid(f"{path}.timeoutSeconds", timeout, detail))
    for field in _SELECTORS:
        found += label_selector_errors(webhook.get(field), f"{path}.{field}")
    found += _choice_errors(webhook, "reinvocationPolicy", REINVOCATION_POLICIES, path)
    return found + webhookclients.client_errors(webhook.get("clientConfig") or {}, f"{path}.clientConfig")


def _choice_errors(webhook: Object, field: str, choices: tuple[str, ...], path: str) -> list[FieldError]:
    chosen = webhook.get(field)
    if chosen is None or chosen in choices:
        return []
    return [not_supported(f"{path}.{field}", chosen, choices)]


def _versions_errors(versions: list[str], leniency: Leniency, path: str) -> list[FieldError]:
    known = ", ".join(REVIEW_VERSIONS)
    if not versions:
        return [required(path, f"must specify one of {known}")]
    found: list[FieldError] = []
    for at, version in enumerate(versions):
        if version in versions[:at]:
            found.append(invalid(f"{path}[{at}]", version, "duplicate version"))
            continue
        found += [invalid(f"{path}[{at}]", version, message) for message in names.dns1035_label(version)]
    if not leniency.review_versions and not any(one in REVIEW_VERSIONS for one in versions):
        found.append(invalid(path, versions, f"must include at least one of {known}"))
    return found


def cells(new: Object, now: float) -> list[Any]:
    return [len(new.get("webhooks") or ()), age(new["metadata"].get("creationTimestamp"), now)]
