"""What the three metrics APIs answer, as numbers of thousandths. Pure; k8s.io/metrics

metrics.k8s.io tells what pods and their containers use, custom.metrics.k8s.io any number of an object's, and
external.metrics.k8s.io numbers that belong to no object.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.errors import Failed, Invalid
from sampan.kube.client.requests import Object
from sampan.specs.golang.duration import parse_duration
from sampan.specs.kubernetes import quantity
from sampan.specs.kubernetes import time as times

WINDOW = 60.0  # seconds, where nothing is said


@dataclass(frozen=True)
class Sample:
    """`at`: seconds since 1970; `window`: seconds over which it was measured."""

    value: int
    at: float = 0.0
    window: float = WINDOW


def items_of(answer: Any) -> list[Object]:
    """Those of a list that are objects at all."""
    items = answer.get("items") if isinstance(answer, dict) else None
    return [one for one in items or () if isinstance(one, dict)]


def of_pods(items: Iterable[Object], resource: str) -> dict[str, Sample]:
    """By pod; without those of which a container tells nothing of this resource."""
    found = {}
    for item in items:
        used = [_milli((one.get("usage") or {}).get(resource)) for one in item.get("containers") or ()]
        values = [one for one in used if one is not None]
        if used and len(values) == len(used):
            found[_name(item)] = _sample(item, sum(values))
    return found


def of_container(items: Iterable[Object], resource: str, container: str) -> dict[str, Sample]:
    """By pod; raises Failed if a pod has no such container."""
    found = {}
    for item in items:
        mine = [one for one in item.get("containers") or () if one.get("name") == container]
        if not mine:
            pod = f"{item['metadata'].get('namespace', '')}/{_name(item)}"
            raise Failed(f"container {container} not present in metrics for pod {pod}")
        value = _milli((mine[0].get("usage") or {}).get(resource))
        if value is not None:
            found[_name(item)] = _sample(item, value)
    return found


def of_objects(items: Iterable[Object]) -> dict[str, Sample]:
    """Of a MetricValueList, by the names of the objects that are described."""
    found = {}
    for item in items:
        value = _milli(item.get("value"))
        if value is not None:
            seconds = item.get("windowSeconds")
            window = float(seconds) if isinstance(seconds, int) else WINDOW
            name = (item.get("describedObject") or {}).get("name", "")
            found[name] = Sample(value, times.seconds(item.get("timestamp")) or 0.0, window)
    return found


def values_of(items: Iterable[Object]) -> list[int]:
    return [value for item in items if (value := _milli(item.get("value"))) is not None]


def _name(item: Mapping[str, Any]) -> str:
    return str((item.get("metadata") or {}).get("name", ""))


def _sample(item: Mapping[str, Any], value: int) -> Sample:
    return Sample(value, times.seconds(item.get("timestamp")) or 0.0, _window(item.get("window")))


def _window(text: object) -> float:
    try:
        return parse_duration(text) / 1e9 if isinstance(text, str) else WINDOW
    except Invalid:
        return WINDOW


def _milli(text: object) -> int | None:
    try:
        return quantity.parse(str(text)).milli_value() if text is not None else None
    except Invalid:
        return None
