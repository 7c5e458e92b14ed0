"""One rule of x-kubernetes-validations, compiled.

k8s.io/apiextensions-apiserver pkg/apiserver/schema/cel/compilation.go
"""

from sampan.kube.schema.cel.declarations import Declared, Environment
from sampan.kube.schema.cel.errors import CelError
from sampan.kube.schema.cel.program import Program, compile_anew
from sampan.kube.schema.cel.types import optional_of
from sampan.kube.schema.celtypes import REQUEST
from sampan.kube.schema.results import Schema


class Rule:
    """One rule. `error`, `message_error`: why it or its messageExpression does not compile."""

    def __init__(self, rule: Schema, declared: Declared) -> None:
        self.rule = rule
        self.program: Program | None = None
        self.message: Program | None = None
        self.error = self.message_error = ""
        self.optional = bool(rule.get("optionalOldSelf"))
        if rule.get("rule", "").strip():
            self._compile(_environment(declared, self.optional))
        self.uses_old = self.program is not None and "oldSelf" in self.program.variables

    def _compile(self, environment: Environment) -> None:
        try:
            program = compile_anew(self.rule["rule"], environment)
        except CelError as e:
            self.error = f"compilation failed: {e}"
            return
        if program.type.kind != "bool":
            self.error = "cel expression must evaluate to a bool"
            return
        self.program = program
        source = self.rule.get("messageExpression", "")
        if source:
            self._compile_message(source, environment)

    def _compile_message(self, source: str, environment: Environment) -> None:
        try:
            message = compile_anew(source, environment)
        except CelError as e:
            self.message_error = f"messageExpression compilation failed: {e}"
            return
        if message.type.kind != "string":
            self.message_error = "messageExpression must evaluate to a string"
            return
        self.message = message

    @property
    def named(self) -> str:
        return str(self.rule.get("message") or self.rule["rule"]).strip()


def _environment(declared: Declared, optional: bool) -> Environment:
    old = Declared(optional_of(declared.type)) if optional else declared
    return Environment({"self": declared, "oldSelf": old})


def compile_rules(schema: Schema, declared: Declared | None) -> list[Rule]:
    """Those of this very place of a schema, which `declared` is made of."""
    if declared is None:
        return []
    return [Rule(rule, declared) for rule in schema.get("x-kubernetes-validations", ())]


def cardinality(declared: Declared) -> int:
    """How often it can be in a request if nothing bounds what it is in."""
    return REQUEST // (declared.least + 1)
