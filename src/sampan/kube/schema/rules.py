"""x-kubernetes-validations: the rules of a schema and of all that is in it, and what a value breaks of them.

k8s.io/apiextensions-apiserver pkg/apiserver/schema/cel/validation.go
"""

from typing import Any

from sampan.kube.schema.cel.declarations import Declared
from sampan.kube.schema.cel.errors import BudgetExceeded, CelEvaluationError
from sampan.kube.schema.cel.program import PER_OBJECT, Budget
from sampan.kube.schema.cel.values import NONE, some
from sampan.kube.schema.celtypes import declare
from sampan.kube.schema.fieldpaths import normalized
from sampan.kube.schema.results import UNKNOWN, Schema, Uncorrelated, child, same
from sampan.kube.schema.rule import Rule, compile_rules
from sampan.kube.schema.validation import by_key, key_of
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import fielderror
from sampan.specs.kubernetes.fielderror import FieldError

LONGEST_MESSAGE = 5 * 1024  # bytes, of a messageExpression's value
NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to"
    " complete validation"
)
_BLOCKING = frozenset(
    (
        fielderror.NOT_SUPPORTED,
        fielderror.REQUIRED,
        fielderror.TOO_LONG,
        fielderror.TOO_MANY,
        fielderror.TYPE_INVALID,
    )
)
_OUT_OF_BUDGET = (
    "validation failed due to running out of cost budget, no further validation rules will be run"
)


def has_rules(schema: Any) -> bool:
    """Whether there are rules anywhere in it."""
    if not isinstance(schema, dict):
        return False
    if schema.get("x-kubernetes-validations"):
        return True
    parts = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return any(map(has_rules, parts)) or any(map(has_rules, schema.get("allOf", ())))


class Rules:
    """The rules of a schema and of all that is in it. Compiled when first needed."""

    def __init__(self, schema: Schema, root: bool = True, structure: Schema | None = None) -> None:
        """`structure`: the schema that has the types, where `schema` is one of its allOf."""
        self.schema = schema
        self.structure = structure if structure is not None else schema
        self.root = root or bool(self.structure.get("x-kubernetes-embedded-resource"))
        self._rules: list[Rule] | None = None
        self._declared: Declared | None = None
        properties = self.structure.get("properties", {})
        self.properties = {
            name: Rules(one, False, properties[name])
            for name, one in schema.get("properties", {}).items()
            if has_rules(one) and name in properties
        }
        self.items = self._part("items")
        self.values = self._part("additionalProperties")
        self.all_of = [Rules(one, root, self.structure) for one in schema.get("allOf", ()) if has_rules(one)]

    def _part(self, name: str) -> "Rules | None":
        one, other = self.schema.get(name), self.structure.get(name)
        if not isinstance(one, dict) or not isinstance(other, dict) or not has_rules(one):
            return None
        return Rules(one, False, other)

    def own(self) -> list[Rule]:
        if self._rules is None:
            has = self.schema.get("x-kubernetes-validations")
            self._declared = declare(self.structure, self.root) if has else None
            self._rules = compile_rules(self.schema, self._declared)
        return self._rules

    def validate(self, value: Any, old: Any = UNKNOWN) -> "tuple[list[FieldError], list[str]]":
        """Errors, and warnings of what was wrong before and has not changed."""
        run = _Run()
        run.visit(self, value, "", old, old, old)
        return run.errors, run.warnings

    def convert(self, value: Any) -> Any:
        convert = self._declared.convert if self._declared is not None else None
        return value if convert is None else convert(value)


class _Stop(Exception):
    """The budget is spent."""


class _Run:
    """One object's validation."""

    def __init__(self) -> None:
        self.budget = Budget(PER_OBJECT)
        self.errors: list[FieldError] = []
        self.warnings: list[str] = []

    def visit(self, rules: Rules, value: Any, path: str, old: Any, current: Any, nearest: Any) -> None:
        """`old`: what oldSelf is. `current`: the old value here if it can be told, and `nearest` that of the
        closest place above where it could: (old, new), for ratcheting.
        """
        try:
            self._visit(rules, value, path, old, (current, value), (nearest, value))
        except _Stop:
            return

    def _visit(self, rules: Rules, value: Any, path: str, old: Any, current: Any, nearest: Any) -> None:
        if value is None:
            return
        own = rules.own()
        if own:
            self._own(rules, own, value, path, old, current if current is not None else nearest)
        for one in rules.all_of:
            self._visit(one, value, path, old, None, nearest)
        if type(value) is list:
            self._items(rules, value, path, old, current, nearest)
        elif type(value) is dict:
            self._entries(rules, value, path, old, current, nearest)

    def _items(self, rules: Rules, value: list[Any], path: str, old: Any, current: Any, nearest: Any) -> None:
        if rules.items is None:
            return
        keys = tuple(rules.structure.get("x-kubernetes-list-map-keys", ()))
        keyed = rules.structure.get("x-kubernetes-list-type") == "map"
        olds = by_key(old, keys) if keyed and type(old) is list else {}
        for index, item in enumerate(value):
            before = olds.get(key_of(item, keys), UNKNOWN) if olds else UNKNOWN
            now, above = _below(current, nearest, before, item)
            self._visit(rules.items, item, f"{path}[{index}]", before, now, above)

    def _entries(
        self, rules: Rules, value: dict[str, Any], path: str, old: Any, current: Any, nearest: Any
    ) -> None:
        olds = old if type(old) is dict else {}
        if rules.values is not None:
            for name in sorted(value):
                before = olds.get(name, UNKNOWN)
                now, above = _below(current, nearest, before, value[name])
                self._visit(rules.values, value[name], f"{path}[{name}]", before, now, above)
        for name in sorted(rules.properties):
            if name in value:
                before = olds.get(name, UNKNOWN)
                now, above = _below(current, nearest, before, value[name])
                self._visit(rules.properties[name], value[name], child(path, name), before, now, above)

    def _own(self, rules: Rules, own: list[Rule], value: Any, path: str, old: Any, correlated: Any) -> None:
        known = not isinstance(old, Uncorrelated) and old is not None
        me = rules.convert(value)
        before = rules.convert(old) if known else None
        for rule in own:
            if rule.error:
                self.errors.append(_error(path, value, f"rule compile error: {rule.error}"))
                continue
            if rule.program is None or (rule.uses_old and not known and not rule.optional):
                continue
            bindings = {"self": me}
            if rule.optional:
                bindings["oldSelf"] = some(before) if known else NONE
            elif known:
                bindings["oldSelf"] = before
            if self._holds(rule, bindings, value, path):
                continue
            error = self._failure(rule, bindings, value, path)
            if not rule.uses_old and _unchanged(correlated):
                self.warnings.append(str(error))
            else:
                self.errors.append(error)

    def _holds(self, rule: Rule, bindings: dict[str, Any], value: Any, path: str) -> bool:
        """Errors of the evaluation itself are told here, and count as if it held."""
        if self.budget.remaining <= 0:
            self._stop(path, value, _OUT_OF_BUDGET)
        assert rule.program is not None
        failure: CelEvaluationError | None = None
        held = False
        try:
            held = rule.program.evaluate(bindings, self.budget) is True
        except CelEvaluationError as e:
            failure = e
        if self.budget.remaining < 0:
            self._stop(path, value, _OUT_OF_BUDGET)
        if failure is None:
            return held
        if isinstance(failure, BudgetExceeded):
            what = "no further validation rules will be run due to call cost exceeds limit for rule"
            self._stop(path, value, f"'{failure}': {what}: {rule.named}")
        text = str(failure)
        if text.startswith("no such overload"):
            what = "call arguments did not match a supported operator, function or macro signature for rule"
            self.errors.append(_error(path, value, f"'{text}': {what}: {rule.named}"))
        else:
            self.errors.append(_error(path, value, f"{text} evaluating rule: {rule.named}"))
        return True

    def _stop(self, path: str, value: Any, detail: str) -> None:
        self.errors.append(_error(path, value, detail))
        raise _Stop

    def _failure(self, rule: Rule, bindings: dict[str, Any], value: Any, path: str) -> FieldError:
        field = normalized(rule.rule.get("fieldPath", ""))
        where = child(path, field) if field and not field.startswith("[") else path + field
        detail = self._message(rule, bindings, value, where) if rule.message is not None else ""
        if not detail:
            message = rule.rule.get("message", "")
            detail = message.strip() if message else f"failed rule: {rule.named}"
        reason = rule.rule.get("reason")
        if reason == fielderror.FORBIDDEN:
            return fielderror.forbidden(where, detail)
        if reason == fielderror.REQUIRED:
            return fielderror.required(where, detail)
        if reason == fielderror.DUPLICATE:
            shown = "" if isinstance(value, dict | list) else f": {fielderror.show(value)}"
            return FieldError(where, fielderror.DUPLICATE, f"Duplicate value{shown}")
        return _error(where, value, detail)

    def _message(self, rule: Rule, bindings: dict[str, Any], value: Any, path: str) -> str:
        """What the messageExpression says, empty if that is nothing to show."""
        assert rule.message is not None
        failure: CelEvaluationError | None = None
        text: Any = ""
        try:
            text = rule.message.evaluate(bindings, self.budget)
        except CelEvaluationError as e:
            failure = e
        if self.budget.remaining < 0:
            self._stop(
                path, value, f"messageExpression evaluation{_OUT_OF_BUDGET.removeprefix('validation')}"
            )
        if isinstance(failure, BudgetExceeded):
            what = (
                "no further validation rules will be run due to call cost exceeds limit for messageExpression"
            )
            self._stop(path, value, f"{what}: {quote(rule.rule['messageExpression'])}")
        text = text.strip() if isinstance(text, str) else ""
        return "" if "\n" in text or len(text.encode("utf-8", "replace")) > LONGEST_MESSAGE else text


def _below(current: Any, nearest: Any, before: Any, value: Any) -> tuple[Any, Any]:
    """What is known of the old value one level down: that itself, and that of the closest place above."""
    if current is None:
        return None, nearest
    return (None if isinstance(before, Uncorrelated) else (before, value)), current


def _unchanged(pair: Any) -> bool:
    if pair is None or isinstance(pair[0], Uncorrelated):
        return False
    return same(pair[0], pair[1])


def _error(path: str, value: Any, detail: str) -> FieldError:
    """Values that are no scalars are not shown."""
    where = path or "<nil>"
    if isinstance(value, dict | list):
        return FieldError(where, fielderror.INVALID, f"Invalid value: {detail}")
    return fielderror.invalid(where, value, detail)


def blocked(errors: list[FieldError]) -> bool:
    """Whether what is wrong already keeps rules from being evaluated."""
    return any(error.reason in _BLOCKING for error in errors)


def not_checked() -> FieldError:
    return FieldError("<nil>", fielderror.INVALID, f"Invalid value: null: {NOT_CHECKED}")
