"""What an expression may cost at most, said before it is ever evaluated; cel-go's checker/cost.go

Kubernetes refuses expressions by these figures, so they are upstream's. The sizes of what a schema declares
are known by their Declared; (least, most) of all else is worked out, or unknown.
"""

import math
from typing import Any

from sampan.kube.schema.cel.costs import AUTHORIZATION, REGEX, TRAVERSAL
from sampan.kube.schema.cel.declarations import Declared, Environment
from sampan.kube.schema.cel.functions.formats import LONGEST
from sampan.kube.schema.cel.loops import (
    ALL_ROUND,
    APPEND_ROUND,
    EXISTS_ROUND,
    INSERT_ROUND,
    LIST_START,
    MAP_START,
)
from sampan.kube.schema.cel.syntax import (
    Call,
    Comprehension,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Node,
    Select,
)
from sampan.kube.schema.cel.types import Type

MOST = (1 << 64) - 1
Size = tuple[int, int]
UNKNOWN: Size = (0, MOST)
_SCALARS = frozenset(("bool", "int", "uint", "double", "duration", "timestamp"))
_CONSTANT_NAMES = (
    "serviceAccount path group resource subresource namespace name allowed reason error errored masked "
    "prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast "
    "format.named sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo add sub "
    "major minor patch getScheme getHostname getHost getPort getEscapedPath getQuery"
)
_CONSTANT = frozenset(_CONSTANT_NAMES.split())
_COMPARISONS = frozenset(("_<_", "_<=_", "_>_", "_>=_"))
_COMPARED = frozenset(("string", "bytes"))
_OPAQUE_EQUALITY = frozenset(("kubernetes.Quantity", "kubernetes.Semver", "net.IP", "net.CIDR"))


def _cap(value: float) -> int:
    return MOST if value >= MOST else math.ceil(value)


def times(size: int, factor: float) -> int:
    """A size by a cost, rounded up, within 64 bits."""
    return _cap(size * factor)


def _sum(*costs: int) -> int:
    return min(sum(costs), MOST)


def _product(one: int, other: int) -> int:
    return min(one * other, MOST)


def estimate(root: Node, environment: Environment) -> int:
    """The most that a checked expression may cost."""
    return _Estimator(environment).cost(root)


class _Local:
    """A variable of a comprehension."""

    def __init__(self, declared: Declared | None, size: Size | None) -> None:
        self.declared = declared
        self.size = size


class _Estimator:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.locals: dict[str, list[_Local]] = {}
        self.declared: dict[int, Declared] = {}
        self.sizes: dict[int, Size] = {}
        self.entries: dict[int, tuple[Size, Size]] = {}  # of keys (or indexes) and values

    def cost(self, node: Node) -> int:
        found: int = _COSTS[type(node)](self, node)
        return found

    def literal(self, _: Literal) -> int:
        return 0

    def ident(self, node: Ident) -> int:
        local = self._local(node.name)
        declared = local.declared if local is not None else self.environment.variables.get(node.name)
        if declared is not None:
            self.declared[id(node)] = declared
        return 1

    def _local(self, name: str) -> _Local | None:
        stack = self.locals.get(name)
        return stack[-1] if stack else None

    def select(self, node: Select) -> int:
        if node.resolved is not None:
            return 1
        operand = self.cost(node.operand)
        if node.test:
            return operand
        above = self.declared.get(id(node.operand))
        if above is not None and above.fields is not None and node.field in above.fields:
            self.declared[id(node)] = above.fields[node.field]
        return _sum(operand, 1 if node.operand.type.kind in ("map", "object", "opaque", "param") else 0)

    def list_literal(self, node: ListLiteral) -> int:
        cost = _sum(LIST_START, *map(self.cost, node.items))
        self.entries[id(node)] = ((1, 1), self._union(node.items))
        return cost

    def map_literal(self, node: MapLiteral) -> int:
        cost = _sum(MAP_START, *(self.cost(part) for entry in node.entries for part in entry))
        keys, values = [key for key, _ in node.entries], [value for _, value in node.entries]
        self.entries[id(node)] = (self._union(keys), self._union(values))
        return cost

    def _union(self, nodes: "list[Node]") -> Size:
        sizes = [self.size(node) for node in nodes]
        if not sizes:
            return (0, 0)
        return min(least for least, _ in sizes), max(most for _, most in sizes)

    # Sizes

    def size(self, node: Node) -> Size:
        return self.known(node) or UNKNOWN

    def known(self, node: Node) -> Size | None:
        found = self.sizes.get(id(node)) or _literal_size(node)
        if found is not None:
            return found
        declared = self.declared.get(id(node))
        if declared is not None and declared.most is not None:
            return 0, declared.most
        if _scalar(node.type):
            return 1, 1
        if isinstance(node, Ident):
            local = self._local(node.name)
            if local is not None:
                return local.size
        return None

    # Calls

    def call(self, node: Call) -> int:
        if node.function == "dyn":
            cost = _sum(1, self.cost(node.args[0]))
            self._copy(node, node.args[0])
            return cost
        args = [self.cost(arg) for arg in node.args]
        target = self.cost(node.target) if node.target is not None else 0
        if node.function in ("_&&_", "_||_"):
            return _sum(*args)
        if node.function == "_?_:_":
            self.sizes[id(node)] = self._union(node.args[1:])
            return _sum(args[0], max(args[1], args[2]))
        if node.function in ("_[_]", "_[?_]"):
            self._indexed(node)
        return _sum(target, self._function(node), *args)

    def _indexed(self, node: Call) -> None:
        container = node.args[0]
        above = self.declared.get(id(container))
        if above is not None and above.item is not None:
            self.declared[id(node)] = above.item
        elif id(container) in self.entries:
            self.sizes[id(node)] = self.entries[id(container)][1]

    def _copy(self, node: Node, source: Node) -> None:
        known = self.known(source)
        if known is not None:
            self.sizes[id(node)] = known
        if id(source) in self.entries:
            self.entries[id(node)] = self.entries[id(source)]

    def _function(self, node: Call) -> int:
        """The call itself; notes its result's size if that is known."""
        name = node.function
        if name in _CONSTANT:
            return 1
        if name == "check":
            return AUTHORIZATION
        special = _FUNCTIONS.get(name)
        if special is not None:
            cost = special(self, node)
            if cost is not None:
                return int(cost)
        return 1

    # Loops

    def comprehension(self, node: Comprehension) -> int:
        range_ = self.cost(node.range)
        if node.kind == "bind":
            local = _Local(self.declared.get(id(node.range)), self.known(node.range))
            step = self._within(node, [local])[0]
            self._copy(node, node.step)
            return _sum(range_, LIST_START, step)
        if node.kind in ("optMap", "optFlatMap"):
            step = self._within(node, [_Local(self.declared.get(id(node.range)), None)])[0]
            return _sum(
                range_, range_, range_ and 0, LIST_START, 2, step, 0 if node.kind == "optFlatMap" else 1
            )
        step, condition = self._within(node, self._variables(node))
        count = self.size(node.range)
        start, each, end = _rounds(node.kind, step, condition)
        if start:
            self.sizes[id(node)] = count
        else:
            self.sizes[id(node)] = (1, 1)
        return _sum(range_, start, _product(count[1], each), end)

    def _variables(self, node: Comprehension) -> "list[_Local]":
        declared = self.declared.get(id(node.range))
        is_map = node.range.type.kind == "map"
        key = declared.key if declared is not None and is_map else None
        item = declared.item if declared is not None else None
        entry = self.entries.get(id(node.range))
        keys, values = entry if entry is not None else (None, None)
        if len(node.variables) == 2:
            return [_Local(key, keys), _Local(item, values)]
        return [_Local(key, keys) if is_map else _Local(item, values)]

    def _within(self, node: Comprehension, variables: "list[_Local]") -> tuple[int, int | None]:
        for name, local in zip(node.variables, variables, strict=False):
            self.locals.setdefault(name, []).append(local)
        condition = self.cost(node.condition) if node.condition is not None else None
        step = self.cost(node.step)
        for name in node.variables:
            self.locals[name].pop()
        return step, condition

    # Functions of their own

    def _traversed(self, node: Call) -> int | None:
        if node.target is None:
            return None
        size = self.size(node.target)
        type = node.target.type
        if not type.params:
            return times(size[1], TRAVERSAL)
        each = 1
        if type.params[0].kind in ("string", "bytes"):
            each = _sum(1, times(self._items(node.target)[1], TRAVERSAL))
        return _product(size[1], each)

    def _items(self, node: Node) -> Size:
        declared = self.declared.get(id(node))
        if declared is not None and declared.item is not None and declared.item.most is not None:
            return 0, declared.item.most
        return UNKNOWN

    def _of_target(self, node: Call) -> int | None:
        """Traversal, with a result as large."""
        if node.target is None:
            return None
        size = self.sizes[id(node)] = self.size(node.target)
        return times(size[1], TRAVERSAL)

    def _of_argument(self, node: Call) -> int | None:
        if node.function == "url" and len(node.args) == 1:
            size = self.sizes[id(node)] = self.size(node.args[0])
            return times(size[1], TRAVERSAL)
        return None

    def _replace(self, node: Call) -> int | None:
        if node.target is None or len(node.args) < 2:
            return None
        size, old, new = self.size(node.target), self.size(node.args[0]), self.size(node.args[1])
        self.sizes[id(node)] = _replaced_least(size, old, new), _replaced_most(size, old, new)
        return times(size[1], 2 * TRAVERSAL)

    def _split(self, node: Call) -> int | None:
        if node.target is None:
            return None
        size = self.size(node.target)
        most = size[1]
        if len(node.args) > 1 and isinstance(node.args[1], Literal) and type(node.args[1].value) is int:
            most = node.args[1].value & MOST
        self.sizes[id(node)] = (0, most)
        return times(size[1], 2 * TRAVERSAL)

    def _join(self, node: Call) -> int | None:
        if node.target is None:
            return None
        count, item = self.size(node.target), self._items(node.target)
        least, most = count[0] * item[0], _product(count[1], item[1])
        if node.args:
            separator = self.size(node.args[0])
            least += separator[0] * max(count[0] - 1, 0)
            most = _sum(most, _product(separator[1], max(count[1] - 1, 0)))
        self.sizes[id(node)] = (least, most)
        return times(most, TRAVERSAL)

    def _regex(self, node: Call) -> int | None:
        if node.target is None:
            return None
        size = self.size(node.target)
        text = times(_sum(size[1], 1), TRAVERSAL)
        if node.function != "matches":
            self.sizes[id(node)] = (0, size[1])
        return _product(text, times(self.size(node.args[0])[1], REGEX))

    def _contains(self, node: Call) -> int | None:
        if node.target is None:
            return None
        one, other = self.size(node.target)[1], self.size(node.args[0])[1]
        return _product(times(one, TRAVERSAL), times(other, TRAVERSAL))

    def _affix(self, node: Call) -> int:
        return times(self.size(node.args[0])[1], TRAVERSAL)

    def _in(self, node: Call) -> int:
        listed = any(overload.id == "in_list" for overload in node.overloads)
        return max(
            self.size(node.args[1])[1] if listed else 0, 1 if len(node.overloads) > 1 or not listed else 0
        )

    def _equality(self, node: Call) -> int:
        one, other = node.args
        alike = one.type.kind == "opaque" and one.type.name == other.type.name
        if alike and node.function == "_==_" and _compared_at_once(one.type.name):
            return 1
        return times(min(self.size(one)[1], self.size(other)[1]), TRAVERSAL)

    def _comparison(self, node: Call) -> int:
        compared = [overload.params[0].kind in _COMPARED for overload in node.overloads]
        cost = times(min(self.size(node.args[0])[1], self.size(node.args[1])[1]), TRAVERSAL)
        return max(cost if any(compared) else 0, 1 if not all(compared) else 0)

    def _addition(self, node: Call) -> int | None:
        kinds = {overload.id for overload in node.overloads}
        if not kinds & {"add_string", "add_bytes", "add_list"}:
            return None
        one, other = self.size(node.args[0]), self.size(node.args[1])
        size = self.sizes[id(node)] = (_sum(one[0], other[0]), _sum(one[1], other[1]))
        entries = [self.entries.get(id(arg)) for arg in node.args]
        if entries[0] is not None and entries[1] is not None:
            self.entries[id(node)] = ((1, 1), (0, max(entries[0][1][1], entries[1][1][1])))
        return times(size[1], TRAVERSAL) if kinds & {"add_string", "add_bytes"} else 1

    def _conversion(self, node: Call) -> int | None:
        kinds = {overload.id for overload in node.overloads}
        size = self.size(node.args[0])
        if kinds == {"string_to_bytes"}:
            self.sizes[id(node)] = (size[0], _product(size[1], 4))
        elif kinds == {"bytes_to_string"}:
            self.sizes[id(node)] = (size[0] // 4, size[1])
        else:
            return None
        return times(size[1], TRAVERSAL)

    def _format(self, node: Call) -> int | None:
        return times(self.size(node.target)[1], TRAVERSAL) if node.target is not None else None

    def _validate(self, node: Call) -> int:
        return times(times(self.size(node.args[0])[1], TRAVERSAL), LONGEST * REGEX)

    def _selector(self, node: Call) -> int:
        length = self.size(node.args[0])[1]
        return _sum(LIST_START, times(length, TRAVERSAL), times(times(length, 0.5), 50))

    def _address(self, node: Call) -> int | None:
        if node.target is None:
            return None
        cost = times(32, TRAVERSAL) + (times(16, TRAVERSAL) + 1 if node.function == "containsCIDR" else 0)
        if any(overload.id.endswith("_string") for overload in node.overloads):
            cost = _sum(cost, times(self.size(node.args[0])[1], TRAVERSAL))
        return cost

    def _sets(self, node: Call) -> int:
        factor = 2 if node.function == "sets.equivalent" else 1
        return _sum(_product(self.size(node.args[0])[1], self.size(node.args[1])[1] * factor), 1)


def _rounds(kind: str, step: int, condition: int | None) -> tuple[int, int, int]:
    """What a loop costs at its start, in each round, and at its end."""
    if kind == "all":
        return 0, _sum(ALL_ROUND, step), 1
    if kind == "exists":
        return 0, _sum(EXISTS_ROUND, step), 1
    if kind == "exists_one":
        return 0, _sum(2, step), 2
    if kind == "filter":
        return LIST_START, _sum(step, APPEND_ROUND + 1), 1
    if kind in ("map", "transformList"):
        start, each = LIST_START, _sum(APPEND_ROUND, step)
    else:
        start, each = MAP_START, _sum(INSERT_ROUND - (kind == "transformMapEntry"), step)
    return start, each if condition is None else _sum(condition, each), 1


def _compared_at_once(name: str) -> bool:
    return name in _OPAQUE_EQUALITY or name.startswith("kubernetes.authorization.")


def _literal_size(node: Node) -> Size | None:
    if isinstance(node, Literal):
        length = len(node.value) if type(node.value) in (str, bytes) else 1
    elif isinstance(node, ListLiteral):
        length = len(node.items)
    elif isinstance(node, MapLiteral):
        length = len(node.entries)
    else:
        return None
    return length, length


def _scalar(type: Type) -> bool:
    return type.kind in _SCALARS or (type.kind == "optional_type" and _scalar(type.params[0]))


def _replaced_most(size: Size, old: Size, new: Size) -> int:
    if old[0] == 0:
        return _sum(_product(min(size[1] + 1, MOST), new[1]), size[1])
    if new[1] <= old[0]:
        return size[1]
    return _product(-(-size[1] // old[0]), new[1])


def _replaced_least(size: Size, old: Size, new: Size) -> int:
    if old[1] == 0:
        return _sum(_product(min(size[0] + 1, MOST), new[0]), size[0])
    if old[1] <= new[0]:
        return size[0]
    return _product(-(-size[0] // old[1]), new[0])


_COSTS: dict[type, Any] = {
    Literal: _Estimator.literal,
    Ident: _Estimator.ident,
    Select: _Estimator.select,
    Call: _Estimator.call,
    ListLiteral: _Estimator.list_literal,
    MapLiteral: _Estimator.map_literal,
    Comprehension: _Estimator.comprehension,
}
_FUNCTIONS: dict[str, Any] = {
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _Estimator._traversed),
    **dict.fromkeys(("lowerAscii", "upperAscii", "substring", "trim"), _Estimator._of_target),
    "url": _Estimator._of_argument,
    "replace": _Estimator._replace,
    "split": _Estimator._split,
    "join": _Estimator._join,
    **dict.fromkeys(("find", "findAll", "matches"), _Estimator._regex),
    "contains": _Estimator._contains,
    "startsWith": _Estimator._affix,
    "endsWith": _Estimator._affix,
    "@in": _Estimator._in,
    "_==_": _Estimator._equality,
    "_!=_": _Estimator._equality,
    **dict.fromkeys(_COMPARISONS, _Estimator._comparison),
    "_+_": _Estimator._addition,
    "bytes": _Estimator._conversion,
    "string": _Estimator._conversion,
    "format": _Estimator._format,
    "validate": _Estimator._validate,
    "fieldSelector": _Estimator._selector,
    "labelSelector": _Estimator._selector,
    "containsIP": _Estimator._address,
    "containsCIDR": _Estimator._address,
    **dict.fromkeys(("sets.contains", "sets.equivalent", "sets.intersects"), _Estimator._sets),
}
