"""Expressions compiled, and what they give.

program = compile("self.x > 1", environment({"self": DYN}))
program.evaluate({"self": {"x": 2}}, Budget())
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from sampan.kube.schema.cel.checker import check
from sampan.kube.schema.cel.compiler import compile_node
from sampan.kube.schema.cel.declarations import Environment
from sampan.kube.schema.cel.errors import BudgetExceeded, CelError, CelEvaluationError, Issue
from sampan.kube.schema.cel.estimate import estimate
from sampan.kube.schema.cel.frame import Frame
from sampan.kube.schema.cel.parser import parse
from sampan.kube.schema.cel.syntax import Ident, Node, children
from sampan.kube.schema.cel.types import Type

# k8s.io/apiserver pkg/apis/cel/config.go
PER_CALL = 1_000_000  # of one evaluation, about a tenth of a second for upstream
PER_OBJECT = 10_000_000  # of all rules of a custom resource, or all expressions of a policy
MATCH_CONDITIONS = 2_500_000  # of all match conditions of a webhook
_KEPT = 2000  # programs


class Budget:
    """What may still be spent, by one evaluation and by all together."""

    __slots__ = ("per_call", "remaining")

    def __init__(self, remaining: int = PER_OBJECT, per_call: int = PER_CALL) -> None:
        self.remaining = remaining
        self.per_call = per_call


class Program:
    """A compiled expression. `type` is that of its value, `variables` are what it mentions."""

    __slots__ = ("_environment", "_root", "_run", "_slots", "source", "type", "variables")

    def __init__(self, source: str, root: Node, environment: Environment) -> None:
        self.source = source
        self.type: Type = root.type
        self.variables = _mentioned(root)
        self._environment = environment
        self._root = root
        self._run, self._slots = compile_node(root)

    def cost(self) -> int:
        """The most it may cost, by what is known of its variables' sizes."""
        return estimate(self._root, self._environment)

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget) -> Any:
        """Raises BudgetExceeded if this alone costs too much, CelEvaluationError for what has no value.

        What it cost is taken off `budget.remaining`, which may become negative: the caller's to look at.
        """
        frame = Frame(bindings, self._slots, budget.per_call)
        try:
            value = self._run(frame)
            if frame.cost > frame.limit:
                raise BudgetExceeded
            return value
        except RecursionError:
            raise CelEvaluationError("expression nests too deeply") from None
        finally:
            budget.remaining -= frame.cost


_programs: OrderedDict[tuple[str, Environment], Program] = OrderedDict()


def compile(source: str, environment: Environment) -> Program:
    """Raises CelError with all that is wrong. The same source in the same environment is compiled once."""
    key = (source, environment)
    found = _programs.get(key)
    if found is None:
        found = _programs[key] = compile_anew(source, environment)
        if len(_programs) > _KEPT:
            _programs.popitem(last=False)
    return found


def compile_anew(source: str, environment: Environment) -> Program:
    """As `compile`, for who keeps programs himself."""
    try:
        root = parse(source, bind=environment.bind)
        check(source, root, environment)
        return Program(source, root, environment)
    except RecursionError:
        raise CelError(source, [Issue(-1, 0, "expression recursion limit exceeded")]) from None


def _mentioned(root: Node) -> frozenset[str]:
    found = set()
    pending: list[Node | None] = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, Ident) and not node.local and node.value is None:
            found.add(node.name)
        elif node is not None:
            resolved = getattr(node, "resolved", None)
            pending += [resolved] if resolved is not None else children(node)
    return frozenset(found)
