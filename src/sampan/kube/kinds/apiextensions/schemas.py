"""Schemas of custom resources: what may stand in them, and what their rules cost;
k8s.io/apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go
"""

from dataclasses import dataclass, field, replace
from typing import Any

from sampan.kube.kinds.apiextensions import internal
from sampan.kube.kinds.apiextensions.extensions import Options, extension_errors
from sampan.kube.kinds.apiextensions.ruletexts import rule_text_errors
from sampan.kube.schema.cel.declarations import Declared
from sampan.kube.schema.cel.estimate import MOST
from sampan.kube.schema.celtypes import declare
from sampan.kube.schema.results import Schema
from sampan.kube.schema.rule import Rule, cardinality, compile_rules
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported

TYPES = ("array", "boolean", "integer", "number", "object", "string")
PER_EXPRESSION, PER_DEFINITION = 10_000_000, 100_000_000  # of estimated costs
_META = frozenset(("metadata", "kind", "apiVersion"))
_ADVICE = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and "
    "strings are declared)"
)


@dataclass(frozen=True)
class _Place:
    """What is known of a place in a schema by what is above it."""

    path: str
    root: bool = False
    no_defaults: str | None = None
    in_meta: bool = False
    uncorrelated: str = ""  # the path above from which on there is no oldSelf
    rules: bool = True  # may be compiled here: not below anyOf and its like
    cardinality: int | None = 1
    resource: bool = False

    def below(self, suffix: str, **changes: Any) -> "_Place":
        fresh = {"root": False, "resource": False, **changes}
        return replace(self, path=f"{self.path}.{suffix}", **fresh)

    def restricting(self, suffix: str) -> "_Place":
        return self.below(suffix, rules=False)


@dataclass
class _Costs:
    total: int = 0
    expensive: list[tuple[int, str]] = field(default_factory=list)

    def add(self, path: str, cost: int) -> None:
        self.total = min(self.total + cost, MOST)
        if cost >= PER_DEFINITION // 100:
            self.expensive.append((cost, path))
            self.expensive.sort(key=lambda one: -one[0])
            del self.expensive[4:]


def schema_errors(schema: Schema, path: str, options: Options, *, rules: bool) -> list[FieldError]:
    """Of a whole schema. `rules`: it is structural, so that its rules can be compiled."""
    walk = _Walk(options)
    walk.visit(schema, _Place(path, root=True, rules=rules, resource=True))
    errors = walk.errors + walk.rule_errors
    if walk.costs.total > PER_DEFINITION:
        what = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
        errors += [forbidden(where, what) for _, where in walk.costs.expensive]
        name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        errors.append(forbidden(path, over_budget(name, walk.costs.total, PER_DEFINITION)))
    return errors


def over_budget(name: str, cost: int, limit: int) -> str:
    factor = cost / limit
    shown = f"{factor:.6f}x" if factor < 1.5 else f"{factor:.1f}x"
    shown = "more than 100x" if factor > 100 else shown
    return f"{name} exceeds budget by factor of {shown} {_ADVICE}"


class _Walk:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.errors: list[FieldError] = []
        self.rule_errors: list[FieldError] = []
        self.costs = _Costs()

    def visit(self, schema: Any, place: _Place) -> None:
        if not isinstance(schema, dict):
            return
        before = len(self.errors)
        self.errors += _standard(schema, place, self.options)
        if schema.get("uniqueItems"):
            what = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            self.errors.append(forbidden(f"{place.path}.uniqueItems", what))
        self._additional(schema, place)
        self._properties(schema, place)
        self._restrictions(schema, place)
        self._items(schema, place)
        self.errors += extension_errors(schema, place.path, self.options)
        if schema.get("x-kubernetes-validations"):
            self.errors += rule_text_errors(schema, place.path)
            if len(self.errors) == before and place.rules:
                self._rules(schema, place)

    def _additional(self, schema: Schema, place: _Place) -> None:
        additional = schema.get("additionalProperties")
        if additional is None:
            return
        if schema.get("properties") and (additional is False or isinstance(additional, dict)):
            what = "additionalProperties and properties are mutual exclusive"
            self.errors.append(forbidden(f"{place.path}.additionalProperties", what))
        reason = (
            "inside additionalProperties applying to object metadata" if place.in_meta else place.no_defaults
        )
        self.visit(
            additional,
            place.below("additionalProperties", no_defaults=reason, cardinality=_cardinality(schema, place)),
        )

    def _properties(self, schema: Schema, place: _Place) -> None:
        count = _cardinality(schema, place)
        whole = place.root or schema.get("x-kubernetes-embedded-resource")
        for name in sorted(schema.get("properties") or {}):
            below = place.below(f"properties[{name}]", cardinality=count)
            if whole and name in _META:
                reason = f"in top-level {name}" if place.root else place.no_defaults
                below = replace(below, in_meta=True, no_defaults=reason)
            property = schema["properties"][name]
            if isinstance(property, dict):
                below = replace(below, resource=bool(property.get("x-kubernetes-embedded-resource")))
            self.visit(property, below)

    def _restrictions(self, schema: Schema, place: _Place) -> None:
        self.visit(schema.get("not"), place.restricting("not"))
        for name in ("allOf", "oneOf", "anyOf"):
            for at, one in enumerate(schema.get(name) or ()):
                self.visit(one, place.restricting(f"{name}[{at}]"))
        for name in sorted(schema.get("definitions") or {}):
            self.visit(schema["definitions"][name], place.restricting(f"definitions[{name}]"))

    def _items(self, schema: Schema, place: _Place) -> None:
        items = schema.get("items")
        below = place.below("items", cardinality=_cardinality(schema, place))
        if schema.get("x-kubernetes-list-type") != "map" and not below.uncorrelated:
            below = replace(below, uncorrelated=place.path)
        if isinstance(items, list):
            for at, one in enumerate(items):
                self.visit(one, replace(below, path=f"{below.path}[{at}]"))
        else:
            self.visit(items, below)

    # Rules

    def _rules(self, schema: Schema, place: _Place) -> None:
        declared = declare(schema, place.resource or bool(schema.get("x-kubernetes-embedded-resource")))
        where = f"{place.path}.x-kubernetes-validations"
        for at, rule in enumerate(compile_rules(schema, declared)):
            assert declared is not None
            self._rule(rule, f"{where}[{at}]", declared, place)

    def _rule(self, rule: Rule, path: str, declared: Declared, place: _Place) -> None:
        errors = self.rule_errors
        count = place.cardinality if place.cardinality is not None else cardinality(declared)
        cost = min((rule.program.cost() if rule.program is not None else 0) * count, MOST)
        if self.options.costs and cost > PER_EXPRESSION:
            errors.append(forbidden(f"{path}.rule", over_budget("estimated rule cost", cost, PER_EXPRESSION)))
        self.costs.add(f"{path}.rule", cost)
        shown = internal.show_rule(rule.rule)
        if rule.error:
            errors.append(invalid(f"{path}.rule", shown, rule.error))
        if rule.message_error:
            errors.append(invalid(f"{path}.messageExpression", shown, rule.message_error))
        elif rule.message is not None:
            self._message(rule.message.cost(), f"{path}.messageExpression")
        if rule.uses_old:
            if place.uncorrelated:
                what = "oldSelf cannot be used on the uncorrelatable portion of the schema within"
                errors.append(invalid(f"{path}.rule", rule.rule["rule"], f"{what} {place.uncorrelated}"))
        elif rule.rule.get("optionalOldSelf") is not None:
            what = "may not be set if oldSelf is not used in rule"
            errors.append(invalid(f"{path}.optionalOldSelf", rule.rule["optionalOldSelf"], what))

    def _message(self, cost: int, path: str) -> None:
        if self.options.costs and cost > PER_EXPRESSION:
            what = over_budget("estimated messageExpression cost", cost, PER_EXPRESSION)
            self.rule_errors.append(forbidden(path, what))
        self.costs.add(path, cost)


def _cardinality(schema: Schema, place: _Place) -> int | None:
    """How often what is below can be there; None: nobody knows."""
    factor: int | None = 1
    if schema.get("type") == "object" and schema.get("additionalProperties") is not None:
        factor = schema.get("maxProperties")
    elif schema.get("type") == "array":
        factor = schema.get("maxItems")
    if place.cardinality is None or factor is None:
        return None
    return min(place.cardinality * max(factor, 0), MOST)


def _standard(schema: Schema, place: _Place, options: Options) -> list[FieldError]:
    errors = []
    path, kind = place.path, schema.get("type") or ""
    if options.types and kind and kind not in TYPES:
        errors.append(not_supported(f"{path}.type", kind, list(TYPES)))
    if schema.get("default") is not None and place.no_defaults is not None:
        errors.append(forbidden(f"{path}.default", f"must not be set {place.no_defaults}".strip()))
    if schema.get("id"):
        errors.append(forbidden(f"{path}.id", "id is not supported"))
    for name in ("additionalItems", "patternProperties", "definitions", "dependencies", "$ref"):
        if schema.get(name) is not None and (schema[name] or name in ("additionalItems", "$ref")):
            errors.append(forbidden(f"{path}.{name}", f"{name} is not supported"))
    if kind == "null":
        what = "type cannot be set to null, use nullable as an alternative"
        errors.append(forbidden(f"{path}.type", what))
    if isinstance(schema.get("items"), list):
        errors.append(forbidden(f"{path}.items", "items must be a schema object and not an array"))
    if place.in_meta and schema.get("x-kubernetes-embedded-resource"):
        what = "must not be used inside of resource meta"
        errors.append(forbidden(f"{path}.x-kubernetes-embedded-resource", what))
    return errors
