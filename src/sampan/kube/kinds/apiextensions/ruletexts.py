"""What may stand in a schema's rule beside its expression: message, reason, path of a field. Pure."""

from sampan.errors import Invalid
from sampan.kube.schema import fieldpaths
from sampan.kube.schema.results import Schema
from sampan.specs.kubernetes.fielderror import FieldError, invalid, not_supported, required

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


def rule_text_errors(schema: Schema, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for at, rule in enumerate(schema["x-kubernetes-validations"]):
        errors += _rule_text(rule, schema, f"{path}.x-kubernetes-validations[{at}]")
    return errors


def _rule_text(rule: Schema, schema: Schema, path: str) -> list[FieldError]:
    errors = []
    text, message = rule.get("rule", ""), rule.get("message", "")
    if not text.strip():
        errors.append(required(f"{path}.rule", "rule is not specified"))
    elif message and not message.strip():
        errors.append(invalid(f"{path}.message", message, "message must be non-empty if specified"))
    elif _broken(message.strip()):
        errors.append(invalid(f"{path}.message", message, "message must not contain line breaks"))
    elif _broken(text.strip()) and not message.strip():
        errors.append(required(f"{path}.message", "message must be specified if rule contains line breaks"))
    expression = rule.get("messageExpression", "")
    if expression and not expression.strip():
        what = "messageExpression must be non-empty if specified"
        errors.append(required(f"{path}.messageExpression", what))
    reason = rule.get("reason")
    if reason is not None and reason not in REASONS:
        errors.append(not_supported(f"{path}.reason", reason, list(REASONS)))
    field_path = rule.get("fieldPath", "")
    if field_path:
        errors += _field_path(field_path, schema, f"{path}.fieldPath")
    return errors


def _field_path(text: str, schema: Schema, path: str) -> list[FieldError]:
    errors = []
    if not text.strip():
        errors.append(invalid(path, text, "fieldPath must be non-empty if specified"))
    if _broken(text):
        errors.append(invalid(path, text, "fieldPath must not contain line breaks"))
    try:
        fieldpaths.parts(text, schema)
    except Invalid:
        errors.append(invalid(path, text, "fieldPath must be a valid path"))
    return errors


def _broken(text: str) -> bool:
    return "\n" in text or "\r" in text
