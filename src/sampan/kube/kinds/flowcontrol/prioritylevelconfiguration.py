"""PriorityLevelConfiguration. k8s.io/kubernetes/pkg/apis/flowcontrol/validation"""

import math
from typing import Any

from sampan.kube.kinds import statuses, structs
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.flowcontrol.flowschema import conditions_errors, validate_status
from sampan.kube.kinds.flowcontrol.mandatory import PRIORITY_LEVELS
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required

TYPES = ("Exempt", "Limited")
RESPONSES = ("Queue", "Reject")
SHARES = 30
QUEUES = 10_000_000
HASH_BITS = 60
_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}


def default(new: Object) -> None:
    limited, exempt = new["spec"].get("limited"), new["spec"].get("exempt")
    if exempt is not None:
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    if limited is None:
        return
    limited.setdefault("nominalConcurrencyShares", SHARES)
    limited.setdefault("lendablePercent", 0)
    queuing = (limited.get("limitResponse") or {}).get("queuing")
    if queuing is not None:
        for field, value in _QUEUING.items():
            queuing[field] = queuing.get(field) or value


def validate(new: Object, _context: Context) -> list[FieldError]:
    name, spec = new["metadata"].get("name", ""), new["spec"]
    return _spec_errors(spec, name, "spec") + _fixed_errors(spec, name) + conditions_errors(new)


def validate_update(new: Object, _old: Object, context: Context) -> list[FieldError]:
    return validate(new, context)


def _fixed_errors(spec: Object, name: str) -> list[FieldError]:
    """Those that must be there stay as they are, but for how much is lent of what is exempt."""
    fixed = PRIORITY_LEVELS.get(name)
    if fixed is None:
        return []
    but = ""
    if name == "exempt":
        but = " except the 'spec.exempt' field"
        judged = {**spec, "exempt": fixed["exempt"]}
    else:
        judged = spec
    if same(judged, fixed):
        return []
    shown = structs.shown("PriorityLevelConfigurationSpec", spec)
    return [invalid("spec", shown, f"spec of '{name}'{but} must equal the fixed value")]


def _spec_errors(spec: Object, name: str, path: str) -> list[FieldError]:
    kind, limited, exempt = spec.get("type", ""), spec.get("limited"), spec.get("exempt")
    found: list[FieldError] = []
    if (name == "exempt") != (kind == "Exempt"):
        found.append(invalid(f"{path}.type", kind, "must be 'Exempt' if and only if `name` is 'exempt'"))
    if kind not in TYPES:
        return [*found, not_supported(f"{path}.type", kind, TYPES)]
    if kind == "Exempt":
        if exempt is not None:
            found += _shares_errors(exempt, f"{path}.exempt") + _lent_errors(exempt, f"{path}.exempt")
        if limited is not None:
            found.append(forbidden(f"{path}.limited", "must be nil if the type is not Limited"))
        return found
    if exempt is not None:
        found.append(forbidden(f"{path}.exempt", "must be nil if the type is Limited"))
    if limited is None:
        return [*found, required(f"{path}.limited", "must not be empty when type is Limited")]
    return found + _limited_errors(limited, f"{path}.limited")


def _limited_errors(limited: Object, path: str) -> list[FieldError]:
    found = _shares_errors(limited, path)
    found += _response_errors(limited.get("limitResponse") or {}, f"{path}.limitResponse")
    found += _lent_errors(limited, path)
    borrowed = limited.get("borrowingLimitPercent")
    if borrowed is not None and borrowed < 0:
        detail = "if specified, must be a non-negative integer"
        found.append(invalid(f"{path}.borrowingLimitPercent", borrowed, detail))
    return found


def _shares_errors(level: Object, path: str) -> list[FieldError]:
    shares = level.get("nominalConcurrencyShares")
    if shares is None or shares >= 0:
        return []
    return [invalid(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer")]


def _lent_errors(level: Object, path: str) -> list[FieldError]:
    lent = level.get("lendablePercent")
    if lent is None or 0 <= lent <= 100:
        return []
    return [invalid(f"{path}.lendablePercent", lent, "must be between 0 and 100, inclusive")]


def _response_errors(response: Object, path: str) -> list[FieldError]:
    kind, queuing, where = response.get("type", ""), response.get("queuing"), f"{path}.queuing"
    if kind not in RESPONSES:
        return [not_supported(f"{path}.type", kind, RESPONSES)]
    if kind == "Reject":
        detail = "must be nil if limited.limitResponse.type is not Limited"
        return [] if queuing is None else [forbidden(where, detail)]
    if queuing is None:
        return [required(where, "must not be empty if limited.limitResponse.type is Limited")]
    return _queuing_errors(queuing, where)


def _queuing_errors(queuing: Object, path: str) -> list[FieldError]:
    length, queues, hand = (queuing.get(field, 0) for field in ("queueLengthLimit", "queues", "handSize"))
    found: list[FieldError] = []
    if length <= 0:
        found.append(invalid(f"{path}.queueLengthLimit", length, "must be positive"))
    if queues <= 0:
        found.append(invalid(f"{path}.queues", queues, "must be positive"))
    elif queues > QUEUES:
        found.append(invalid(f"{path}.queues", queues, f"must not be greater than {QUEUES}"))
    where = f"{path}.handSize"
    if hand <= 0:
        found.append(invalid(where, hand, "must be positive"))
    elif hand > queues:
        found.append(invalid(where, hand, f"should not be greater than queues ({queues})"))
    elif _entropy(queues, hand) > HASH_BITS:
        detail = (
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than "
            f"{HASH_BITS}"
        )
        found.append(invalid(where, hand, detail))
    return found


def _entropy(deck: int, hand: int) -> int:
    """Upstream's quick estimate of the bits that dealing takes (shufflesharding.RequiredEntropyBits)."""
    return math.ceil(math.log2(deck) * hand)


def cells(new: Object, now: float) -> list[Any]:
    spec = new["spec"]
    limited = spec.get("limited")
    queuing = ((limited or {}).get("limitResponse") or {}).get("queuing")
    return [
        spec.get("type", ""),
        "<none>" if limited is None else limited.get("nominalConcurrencyShares", 0),
        *("<none>" if queuing is None else queuing.get(field, 0) for field in _QUEUING),
        age(new["metadata"].get("creationTimestamp"), now),
    ]


RESOURCE = Resource(
    "PriorityLevelConfiguration",
    "prioritylevelconfigurations",
    group="flowcontrol.apiserver.k8s.io",
    namespaced=False,
    definition="io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration",
    subresources=(statuses.status_of(validate_status),),
    default=default,
    prepare_create=statuses.cleared({}),
    prepare_update=statuses.kept,
    validate=validate,
    validate_update=validate_update,
    generation=("spec",),
    reset_fields=statuses.RESET,
    columns=(
        Column("Type", describe="spec.type"),
        Column("NominalConcurrencyShares", describe="spec.limited.nominalConcurrencyShares"),
        Column("Queues", describe="spec.limited.limitResponse.queuing.queues"),
        Column("HandSize", describe="spec.limited.limitResponse.queuing.handSize"),
        Column("QueueLengthLimit", describe="spec.limited.limitResponse.queuing.queueLengthLimit"),
        Column("Age", describe="metadata.creationTimestamp"),
    ),
    cells=cells,
)
