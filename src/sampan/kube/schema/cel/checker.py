"""Types of expressions; cel-go's checker/checker.go"""

from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema.cel.declarations import Environment
from sampan.kube.schema.cel.errors import CelError, Issue
from sampan.kube.schema.cel.functions.overload import Overload, has_params
from sampan.kube.schema.cel.functions.table import functions
from sampan.kube.schema.cel.lexer import issue
from sampan.kube.schema.cel.syntax import (
    Call,
    Comprehension,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Node,
    Select,
    Struct,
)
from sampan.kube.schema.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    ERROR,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Mapping,
    Type,
    assignable,
    list_of,
    map_of,
    most_general,
    opaque,
    optional_of,
    param,
    same,
    show_call,
    substitute,
    type_of,
)
from sampan.kube.schema.cel.values import TypeValue, Uint

_LITERALS: dict[type, Type] = {
    bool: BOOL,
    int: INT,
    Uint: UINT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    type(None): NULL,
}
# Names that stand for types.
_TYPES = {
    "bool": BOOL,
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "string": STRING,
    "bytes": BYTES,
    "list": list_of(DYN),
    "map": map_of(DYN, DYN),
    "null_type": NULL,
    "type": Type("type"),
    "dyn": DYN,
    "google.protobuf.Timestamp": TIMESTAMP,
    "google.protobuf.Duration": DURATION,
    "optional_type": optional_of(DYN),
    **{
        name: opaque(name)
        for name in ("net.IP", "net.CIDR", "kubernetes.URL", "kubernetes.Quantity", "kubernetes.Semver")
    },
}


def check(source: str, root: Node, environment: Environment) -> Type:
    """Fills in all nodes' types. Raises CelError."""
    checker = _Checker(source, environment)
    checker.check(root)
    if checker.issues:
        raise CelError(source, checker.issues[:100])
    for node in checker.nodes:
        if has_params(node.type):
            node.type = substitute(checker.mapping, node.type, free_to_dyn=True)
    checker.check_literals()
    if checker.issues:
        raise CelError(source, checker.issues[:100])
    return root.type


class _Checker:
    def __init__(self, source: str, environment: Environment) -> None:
        self.source = source
        self.environment = environment
        self.functions = functions()
        self.mapping: Mapping = {}
        self.scopes: list[dict[str, Type]] = []
        self.issues: list[Issue] = []
        self.nodes: list[Node] = []
        self.fresh = 0
        self.mixed = False  # literals may hold what they like: arguments of format()

    def fail(self, node: Node, message: str) -> Type:
        self.issues.append(issue(self.source, node.position, message))
        return ERROR

    def check(self, node: Node) -> Type:
        found: Type = _CHECKS[type(node)](self, node)
        node.type = found
        self.nodes.append(node)
        return found

    def _fits(self, actual: Type, formal: Type) -> bool:
        trial = dict(self.mapping)
        if not assignable(trial, actual, formal):
            return False
        self.mapping = trial
        return True

    def _new_param(self) -> Type:
        self.fresh += 1
        return param(f"_var{self.fresh}")

    # Leaves

    def literal(self, node: Literal) -> Type:
        found: Type = _LITERALS[type(node.value)]
        return found

    def ident(self, node: Ident) -> Type:
        found = self._lookup(node, node.name)
        if found is None:
            return self.fail(node, f"undeclared reference to '{node.name}' (in container '')")
        return found

    def _lookup(self, node: Ident, name: str) -> Type | None:
        if not name.startswith("."):
            for scope in reversed(self.scopes):
                if name in scope:
                    node.local = True
                    return scope[name]
        name = name.removeprefix(".")
        declared = self.environment.variables.get(name)
        if declared is not None:
            node.name = name
            return declared.type
        if name in _TYPES:
            node.value = TypeValue(name)
            return type_of(_TYPES[name])
        return None

    # Fields

    def select(self, node: Select) -> Type:
        qualified = _qualified(node)
        if qualified and not node.test and not self._is_local(qualified):
            ident = Ident(node.position, qualified)
            found = self._lookup(ident, qualified)
            if found is not None:
                node.resolved = ident
                ident.type = found
                return found
        operand = substitute(self.mapping, self.check(node.operand))
        if node.test:
            self._field(node, operand)
            return BOOL
        if node.optional:
            inner = operand.params[0] if operand.kind == "optional_type" else operand
            return optional_of(self._field(node, inner))
        return self._field(node, operand)

    def _is_local(self, qualified: str) -> bool:
        head = qualified.partition(".")[0]
        return any(head in scope for scope in self.scopes)

    def _field(self, node: Select, operand: Type) -> Type:
        kind = operand.kind
        if kind == "optional_type":
            field = self._field(node, operand.params[0])
            return field if node.test or field.kind == "optional_type" else optional_of(field)
        if kind == "map":
            return operand.params[1]
        if kind == "object" and operand.fields is not None:
            field_of = operand.fields.get(node.field)
            if field_of is None:
                return self.fail(node, f"undefined field '{node.field}'")
            node.key = field_of.key
            return field_of.type
        if kind == "param":
            self._fits(DYN, operand)
            return DYN
        if kind in ("dyn", "error"):
            return DYN
        return self.fail(node, f"type '{operand}' does not support field selection")

    # Calls

    def call(self, node: Call) -> Type:
        target = node.target
        for arg in node.args:
            self.mixed = node.function == "format" and isinstance(arg, ListLiteral)
            self.check(arg)
        self.mixed = False
        if target is not None:
            name = _qualified(target)
            full = f"{name}.{node.function}".removeprefix(".")
            if name and full in self.functions and not self._is_local(name):
                node.target = None
                node.function = full
                return self._resolve(node, full, None)
            self.check(target)
        name = node.function if target is not None else node.function.removeprefix(".")
        if name not in self.functions:
            return self.fail(node, f"undeclared reference to '{name}' (in container '')")
        node.function = name
        return self._resolve(node, name, target)

    def _resolve(self, node: Call, name: str, target: Node | None) -> Type:
        operands = [target, *node.args] if target is not None else node.args
        types = [substitute(self.mapping, operand.type) for operand in operands]
        loose = any(map(has_params, types))
        matching: list[Overload] = []
        result: Type | None = None
        for overload in self.functions[name]:
            if overload.member is not (target is not None) or len(overload.params) != len(types):
                continue
            found = self._try(overload, types, loose)
            if found is None:
                continue
            matching.append(overload)
            if result is None:
                result = found
            elif not same(result, found):
                result = DYN
        if result is None:
            shown = [substitute(self.mapping, one, free_to_dyn=True) for one in types]
            call = show_call(shown, target is not None)
            return self.fail(node, f"found no matching overload for '{name}' applied to '{call}'")
        node.overloads = tuple(matching)
        return result

    def _try(self, overload: Overload, types: list[Type], loose: bool) -> Type | None:
        if not overload.generic and not loose:
            fits = all(map(assignable, _EMPTIES, types, overload.params))
            return overload.result if fits else None
        params, result = overload.params, overload.result
        if overload.generic:
            self.fresh += 1
            renaming = {letter: param(f"_{letter}{self.fresh}") for letter in "ABCDEKV"}
            params = tuple(substitute(renaming, one) for one in params)
            result = substitute(renaming, result)
        trial = dict(self.mapping)
        if not all(assignable(trial, actual, formal) for actual, formal in zip(types, params, strict=True)):
            return None
        self.mapping = trial
        return substitute(trial, result)

    def require(self, node: Node, function: str, types: list[Type]) -> None:
        """That an operator, which a macro would have stood for, takes these."""
        if not self._fits(types[0], BOOL):
            shown = [substitute(self.mapping, one, free_to_dyn=True) for one in types]
            call = show_call(shown if function == "_?_:_" else [BOOL, shown[0]], False)
            self.fail(node, f"found no matching overload for '{function}' applied to '{call}'")

    # Aggregates

    def list_literal(self, node: ListLiteral) -> Type:
        item: Type | None = None
        mixed = self.mixed
        for at, element in enumerate(node.items):
            self.mixed = mixed and isinstance(element, ListLiteral | MapLiteral)
            found = self.check(element)
            if at in node.optional:
                found = self._unwrapped(element, found)
            item = self._joined(element, item, found, mixed)
        return list_of(item or self._new_param())

    def _unwrapped(self, node: Node, type: Type) -> Type:
        if type.kind == "optional_type":
            return type.params[0]
        if type.kind in ("dyn", "error"):
            return DYN
        return self.fail(node, f"expected type 'optional_type({type})' but found '{type}'")

    def _joined(self, node: Node, previous: Type | None, current: Type, mixed: bool) -> Type:
        """Literals hold one type, if it is known at all."""
        if previous is None:
            return current
        if self._fits(current, previous):
            return most_general(previous, current)
        if mixed:
            return DYN
        self.fail(node, f"expected type '{previous}' but found '{current}'")
        return previous

    def map_literal(self, node: MapLiteral) -> Type:
        key: Type | None = None
        value: Type | None = None
        mixed = self.mixed
        for at, (one, other) in enumerate(node.entries):
            self.mixed = False
            key = self._joined(one, key, self.check(one), mixed)
            self.mixed = mixed and isinstance(other, ListLiteral | MapLiteral)
            found = self.check(other)
            if at in node.optional:
                found = self._unwrapped(other, found)
            value = self._joined(other, value, found, mixed)
        return map_of(key or self._new_param(), value or self._new_param())

    def struct(self, node: Struct) -> Type:
        for _, value, _ in node.fields:
            self.check(value)
        name = node.name.removeprefix(".")
        if name in _TYPES or name in self.environment.variables:
            return self.fail(node, f"'{name}' is not a message type")
        return self.fail(node, f"undeclared reference to '{name}' (in container '')")

    # Macros

    def comprehension(self, node: Comprehension) -> Type:
        range_ = substitute(self.mapping, self.check(node.range))
        if node.kind == "bind":
            return self._within(node, [range_])[0]
        if node.kind in ("optMap", "optFlatMap"):
            return self._optional_map(node, range_)
        variables = self._variables(node, range_)
        step, condition = self._within(node, variables)
        return self._result(node, variables, step, condition)

    def _within(self, node: Comprehension, types: list[Type]) -> tuple[Type, Type | None]:
        self.scopes.append(dict(zip(node.variables, types, strict=False)))
        condition = self.check(node.condition) if node.condition is not None else None
        step = self.check(node.step)
        self.scopes.pop()
        return step, condition

    def _variables(self, node: Comprehension, range_: Type) -> list[Type]:
        two = len(node.variables) == 2
        if range_.kind == "list":
            return [INT, range_.params[0]] if two else [range_.params[0]]
        if range_.kind == "map":
            return list(range_.params) if two else [range_.params[0]]
        if range_.kind == "param":
            self._fits(DYN, range_)
        elif range_.kind not in ("dyn", "error"):
            what = "cannot be range of a comprehension (must be list, map, or dynamic)"
            self.fail(node.range, f"expression of type '{range_}' {what}")
            return [ERROR] * len(node.variables)
        return [DYN] * len(node.variables)

    def _result(self, node: Comprehension, variables: list[Type], step: Type, condition: Type | None) -> Type:
        kind = node.kind
        if kind in ("all", "exists"):
            self.require(node, "_&&_" if kind == "all" else "_||_", [step])
            return BOOL
        if kind == "exists_one":
            self.require(node, "_?_:_", [step, INT, INT])
            return BOOL
        if kind == "filter":
            result = list_of(variables[-1])
            self.require(node, "_?_:_", [step, result, result])
            return result
        if kind in ("map", "transformList"):
            result = list_of(step)
        elif kind == "transformMap":
            result = map_of(variables[0], step)
        else:
            result = self._entries(node, step)
        if condition is not None:
            self.require(node, "_?_:_", [condition, result, result])
        return result

    def _entries(self, node: Comprehension, step: Type) -> Type:
        result = map_of(self._new_param(), self._new_param())
        if not self._fits(step, result):
            call = show_call([result, step], False)
            self.fail(node, f"found no matching overload for 'cel.@mapInsert' applied to '{call}'")
        return substitute(self.mapping, result)

    def _optional_map(self, node: Comprehension, range_: Type) -> Type:
        if range_.kind == "optional_type":
            inner = range_.params[0]
        elif range_.kind in ("dyn", "error", "param"):
            inner = DYN
        else:
            inner = self.fail(
                node, f"found no matching overload for 'hasValue' applied to '{show_call([range_], True)}'"
            )
        step, _ = self._within(node, [inner])
        return optional_of(step) if node.kind == "optMap" else step

    # What is wrong with literals, which would fail each time they are evaluated

    def check_literals(self) -> None:
        for node in self.nodes:
            if not isinstance(node, Call):
                continue
            argument = node.args[-1] if node.args else None
            if not isinstance(argument, Literal) or type(argument.value) is not str:
                continue
            if node.function in _LITERAL_ARGUMENTS and (len(node.args) == 1 or node.function == "matches"):
                self._check_literal(node.function, argument)

    def _check_literal(self, function: str, argument: Literal) -> None:
        from sampan.kube.schema.cel.errors import CelEvaluationError

        try:
            _LITERAL_ARGUMENTS[function](argument.value)
        except (CelEvaluationError, Invalid):
            self.fail(argument, f"invalid {function} argument")


class _Empties:
    """As many mappings as there are arguments: nothing is bound in them."""

    def __iter__(self) -> Any:
        while True:
            yield {}


_EMPTIES = _Empties()


def _pattern(text: str) -> None:
    from sampan.specs.golang.regexp import compile_regexp

    compile_regexp(text)


def _duration(text: str) -> None:
    from sampan.kube.schema.cel.functions.times import parse_duration

    parse_duration(text)


def _timestamp(text: str) -> None:
    from sampan.kube.schema.cel.functions.times import parse_time

    parse_time(text)


_LITERAL_ARGUMENTS = {"duration": _duration, "timestamp": _timestamp, "matches": _pattern}


def _qualified(node: Node) -> str:
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test and not node.optional:
        operand = _qualified(node.operand)
        return f"{operand}.{node.field}" if operand else ""
    return ""


_CHECKS: dict[type, Any] = {
    Literal: _Checker.literal,
    Ident: _Checker.ident,
    Select: _Checker.select,
    Call: _Checker.call,
    ListLiteral: _Checker.list_literal,
    MapLiteral: _Checker.map_literal,
    Struct: _Checker.struct,
    Comprehension: _Checker.comprehension,
}
