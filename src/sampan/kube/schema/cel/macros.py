"""What looks like a call and is none: has(), and all that loops; cel-go's parser/macro.go,
ext/comprehensions.go
"""

from typing import Protocol

from sampan.kube.schema.cel.syntax import Call, Comprehension, Ident, Node, Select

_ACCUMULATORS = frozenset(("__result__", "@result"))
# name -> number of arguments -> is there a condition in front of the step?
_ONE = {
    "all": {2: False},
    "exists": {2: False},
    "exists_one": {2: False},
    "existsOne": {2: False},
    "map": {2: False, 3: True},
    "filter": {2: False},
    "optMap": {2: False},
    "optFlatMap": {2: False},
}
_TWO = {
    "all": {3: False},
    "exists": {3: False},
    "exists_one": {3: False},
    "existsOne": {3: False},
    "transformList": {3: False, 4: True},
    "transformMap": {3: False, 4: True},
    "transformMapEntry": {3: False, 4: True},
}


class Parser(Protocol):
    bind: bool

    def fail(self, offset: int, message: str) -> None: ...


def expand_global(parser: Parser, position: int, name: str, args: list[Node]) -> Node:
    if name != "has" or len(args) != 1:
        return Call(position, name, args)
    field = args[0]
    if not isinstance(field, Select) or field.optional or field.test:
        parser.fail(field.position, "invalid argument to has() macro")
        return field
    return Select(position, field.operand, field.field, test=True)


def expand_member(parser: Parser, position: int, target: Node, name: str, args: list[Node]) -> Node:
    if (
        name == "bind"
        and parser.bind
        and isinstance(target, Ident)
        and target.name == "cel"
        and len(args) == 3
    ):
        return _comprehension(parser, position, "bind", args[1], args[:1], args[2:])
    for table, variables in ((_ONE, 1), (_TWO, 2)):
        if len(args) in table.get(name, ()):
            return _comprehension(parser, position, name, target, args[:variables], args[variables:])
    return Call(position, name, args, target)


def _comprehension(
    parser: Parser, position: int, kind: str, range_: Node, names: list[Node], rest: list[Node]
) -> Node:
    variables = []
    for name in names:
        if not isinstance(name, Ident) or name.name.startswith("."):
            what = "argument must be a simple name"
            if kind == "optMap" or kind == "optFlatMap":
                what = f"{kind}() variable name must be a simple identifier"
            elif kind == "bind":
                what = "cel.bind() variable names must be simple identifiers"
            parser.fail(name.position, what)
        elif name.name in _ACCUMULATORS:
            parser.fail(name.position, "iteration variable overwrites accumulator variable")
        else:
            variables.append(name.name)
    if len(variables) == 2 and variables[0] == variables[1]:
        parser.fail(names[1].position, f"duplicate variable name: {variables[0]}")
    kind = "exists_one" if kind == "existsOne" else kind
    condition = rest[0] if len(rest) == 2 else None
    return Comprehension(position, kind, range_, tuple(variables), rest[-1], condition)
