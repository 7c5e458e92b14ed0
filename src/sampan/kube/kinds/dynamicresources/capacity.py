"""How much of a device a request may take. k8s.io/kubernetes/pkg/apis/resource/validation"""

from sampan.kube.kinds.dynamicresources import pieces
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required
from sampan.specs.kubernetes.quantity import Quantity, parse

VALUES = 10
_EXCLUSIVE = (
    'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
)


def capacity_errors(capacity: Object, shared: bool, path: str) -> list[FieldError]:
    """`shared`: several requests may have the device."""
    policy, where = capacity.get("requestPolicy"), f"{path}.requestPolicy"
    if policy is None:
        return []
    if not shared:
        return [forbidden(where, "allowMultipleAllocations must be true")]
    values, limits = policy.get("validValues") or [], policy.get("validRange")
    if values and limits is not None:
        return [forbidden(where, _EXCLUSIVE)]
    if not values and limits is None:
        return []
    field = "validValues" if values else "validRange"
    if policy.get("default") is None:
        return [required(f"{where}.default", f"required when {field} is defined")]
    default, most = parse(policy["default"]), parse(capacity.get("value", "0"))
    if values:
        return _values_errors([parse(one) for one in values], default, most, f"{where}.{field}")
    return _range_errors(limits, default, most, f"{where}.{field}")


def _values_errors(values: list[Quantity], default: Quantity, most: Quantity, path: str) -> list[FieldError]:
    found = [
        invalid(f"{path}[{at}]", str(values[at]), "values must be sorted in ascending order")
        for at in range(1, len(values))
        if values[at - 1] > values[at]
    ]

    def check(value: Quantity, where: str) -> list[FieldError]:
        detail = f"option is larger than capacity value: {most}"
        return [invalid(where, str(value), detail)] if value > most else []

    found += pieces.set_errors(values, VALUES, check, path, lambda value: str(value.value()))
    # Upstream does not look at what is in a list that is too long.
    if len(values) > VALUES or default not in values:
        detail = "default value is not valid according to the requestPolicy"
        found.append(invalid(path, str(default), detail))
    return found


def _range_errors(limits: Object, default: Quantity, most: Quantity, path: str) -> list[FieldError]:
    if limits.get("min") is None:
        return [required(f"{path}.min", "required when validRange is defined")]
    low = parse(limits["min"])
    found: list[FieldError] = []
    if low > most:
        detail = f"min is larger than capacity value: {most}"
        found.append(invalid(f"{path}.min", str(low), detail))
    if default < low:
        found.append(invalid(f"{path}.min", str(default), f"default is less than min: {low}"))
    high = None if limits.get("max") is None else parse(limits["max"])
    if high is not None:
        found += _high_errors(low, high, default, most, f"{path}.max")
    if limits.get("step") is not None:
        step, where = parse(limits["step"]), f"{path}.step"
        added = low + step
        if added > most:
            detail = f"one step {added} is larger than capacity value: {most}"
            found.append(invalid(where, str(step), detail))
        for value in (default, high):
            if value is not None:
                found += _step_errors(value, low, step, where)
    return found


def _high_errors(
    low: Quantity, high: Quantity, default: Quantity, most: Quantity, path: str
) -> list[FieldError]:
    found: list[FieldError] = []
    if low > high:
        found.append(invalid(path, str(low), f"min is larger than max: {high}"))
    if high > most:
        found.append(invalid(path, str(high), f"max is larger than capacity value: {most}"))
    if default > high:
        found.append(invalid(path, str(default), f"default is more than max: {high}"))
    return found


def _step_errors(value: Quantity, low: Quantity, step: Quantity, path: str) -> list[FieldError]:
    # Nothing is a multiple of nothing; upstream divides by it.
    if step.value() and (value.value() - low.value()) % step.value() == 0:
        return []
    detail = f"value is not a multiple of a given step ({step}) from ({low})"
    return [invalid(path, str(value), detail)]
