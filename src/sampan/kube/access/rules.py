"""Rules of RBAC: what one allows, and whether some cover others. Pure.

Kubernetes: pkg/apis/rbac/v1/evaluation_helpers.go, component-helpers auth/rbac/validation.
"""

from collections.abc import Iterable, Iterator, Sequence

from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote

# One rule may be broken into as many smallest ones as its lists multiply to: who asks whether it is covered
# could ask for billions.
MOST_PARTS = 100_000


def url_matches(pattern: str, path: str) -> bool:
    """Whether a rule's non-resource URL means this path."""
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def resource_matches(resources: Iterable[str], combined: str, subresource: str) -> bool:
    """Whether a rule's resources have "pods/log"."""
    wild = f"*/{subresource}" if subresource else ""
    return any(one == "*" or one == combined or (wild and one == wild) for one in resources)


def uncovered(owned: Sequence[Object], asked: Sequence[Object]) -> list[Object]:
    """The smallest rules within `asked` that `owned` does not allow."""
    missing = []
    for rule in asked:
        if any(_covers(one, rule) for one in owned):
            continue
        missing += [part for part in parts(rule) if not any(_covers(one, part) for one in owned)]
    return missing


def size(rule: Object) -> int:
    """How many smallest rules are in this one."""
    many = len(rule.get("verbs") or ())
    urls = len(rule.get("nonResourceURLs") or ())
    groups, resources = len(rule.get("apiGroups") or ()), len(rule.get("resources") or ())
    return many * (urls + groups * resources * max(1, len(rule.get("resourceNames") or ())))


def parts(rule: Object) -> Iterator[Object]:
    """The smallest rules in this one: one verb, group, resource and name, or one verb and URL, each."""
    verbs = rule.get("verbs") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                part = {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
                names = rule.get("resourceNames")
                yield from ({**part, "resourceNames": [name]} for name in names) if names else (part,)
    for url in rule.get("nonResourceURLs") or ():
        for verb in verbs:
            yield {"verbs": [verb], "nonResourceURLs": [url]}


def _covers(owner: Object, asked: Object) -> bool:
    """Whether one rule alone allows all of another."""
    return (
        _has_all(owner.get("verbs"), asked.get("verbs"))
        and _has_all(owner.get("apiGroups"), asked.get("apiGroups"))
        and _resources_cover(owner.get("resources") or (), asked.get("resources") or ())
        and _names_cover(owner.get("resourceNames"), asked.get("resourceNames"))
        and all(
            any(url_matches(one, url) for one in owner.get("nonResourceURLs") or ())
            for url in asked.get("nonResourceURLs") or ()
        )
    )


def _has_all(owned: Sequence[str] | None, asked: Sequence[str] | None) -> bool:
    there = owned or ()
    return "*" in there or all(one in there for one in asked or ())


def _resources_cover(owned: Sequence[str], asked: Sequence[str]) -> bool:
    if "*" in owned:
        return True
    return all(one in owned or ("/" in one and f"*/{one.partition('/')[2]}" in owned) for one in asked)


def _names_cover(owned: Sequence[str] | None, asked: Sequence[str] | None) -> bool:
    """No names at all are all names."""
    if not owned:
        return True
    return bool(asked) and all(name in owned for name in asked or ())


def compact(rules: Sequence[Object]) -> list[Object]:
    """Rules about one resource each, with their verbs joined, as messages show them."""
    found: list[Object] = []
    simple: dict[tuple[str, ...], Object] = {}
    for rule in rules:
        key = _simple_key(rule)
        if key is None:
            found.append(rule)
        elif key in simple:
            verbs = simple[key]["verbs"]
            verbs += [verb for verb in rule["verbs"] if verb not in verbs]
        else:
            simple[key] = {**rule, "verbs": list(rule["verbs"])}
            found.append(simple[key])
    return found


def _simple_key(rule: Object) -> tuple[str, ...] | None:
    groups: Sequence[str] = rule.get("apiGroups") or ()
    resources: Sequence[str] = rule.get("resources") or ()
    names: Sequence[str] = rule.get("resourceNames") or ()
    if rule.get("nonResourceURLs") or len(groups) != 1 or len(resources) != 1 or len(names) > 1:
        return None
    return (groups[0], resources[0], *names)


def shown(rule: Object) -> str:
    """A rule as a message has it: {APIGroups:[""], Resources:["pods"], Verbs:["get"]}."""
    fields = (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("Verbs", "verbs"),
    )
    texts = [f"{name}:{_quoted(rule[key])}" for name, key in fields if rule.get(key)]
    return "{" + ", ".join(texts) + "}"


def _quoted(values: Sequence[str]) -> str:
    return "[" + " ".join(quote(value) for value in values) + "]"
