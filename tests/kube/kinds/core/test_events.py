"""Events under both groups' names."""

from typing import Any

import pytest

from sampan.kube.kinds.core import event
from sampan.kube.kinds.events import event as new_event
from sampan.kube.kinds.resource import Object
from tests.kube.kinds.core.checks import CONTEXT, cells

OLD, NEW = event.RESOURCE, new_event.RESOURCE
TIME = "1970-01-01T00:00:10Z"


def core(**fields: Any) -> Object:
    about = {"kind": "Pod", "namespace": "n", "name": "p", "fieldPath": "spec"}
    plain = {"metadata": {"name": "e", "namespace": "n"}, "involvedObject": about, "type": "Normal"}
    return plain | {"reason": "R", "message": "m\n"} | fields


def strict(**fields: Any) -> Object:
    plain = {
        "metadata": {"name": "e", "namespace": "n"},
        "regarding": {"kind": "Pod", "namespace": "n", "name": "p"},
        "eventTime": "1970-01-01T00:00:10.000000Z",
        "reportingController": "a.b/c",
        "reportingInstance": "i",
        "action": "A",
        "reason": "R",
        "type": "Normal",
    }
    return plain | fields


def test_the_two_forms_stand_for_each_other() -> None:
    value = core(
        count=2, firstTimestamp=TIME, lastTimestamp=TIME, source={"component": "k"}, reportingComponent=""
    )
    other = new_event.to_new(value)
    assert other["regarding"] == value["involvedObject"]
    assert (other["note"], other["deprecatedCount"], other["deprecatedSource"]) == (
        "m\n",
        2,
        {"component": "k"},
    )
    assert "reportingController" not in other
    assert new_event.to_core(other) == value | {"eventTime": None, "reportingInstance": ""}


@pytest.mark.parametrize(
    "fields, paths",
    [
        ({}, []),
        ({"involvedObject": {}}, ["involvedObject.namespace"]),
        ({"involvedObject": {"namespace": "m"}}, ["involvedObject.namespace"]),
        ({"metadata": {"name": "e", "namespace": "default"}, "involvedObject": {}}, []),
        (
            {"eventTime": TIME},
            ["reportingController", *["reportingController"] * 2, "reportingInstance", "action"],
        ),
    ],
)
def test_what_is_wrong_with_an_event_of_core(fields: Object, paths: list[str]) -> None:
    assert [error.path for error in OLD.validate(core(**fields), CONTEXT)] == paths


@pytest.mark.parametrize(
    "fields, paths",
    [
        ({}, []),
        ({"note": "x" * 1025}, ["message"]),
        ({"action": "x" * 129}, ["action"]),
        ({"type": "Odd"}, ["type"]),
        ({"eventTime": None, "regarding": {"namespace": "n"}}, ["eventTime"]),
        ({"deprecatedCount": 1, "deprecatedSource": {"host": "h"}}, ["count", "source"]),
        ({"series": {"count": 1}}, ["series.count", "series.lastObservedTime"]),
    ],
)
def test_what_is_wrong_with_an_event_of_the_new_group(fields: Object, paths: list[str]) -> None:
    assert [error.path for error in NEW.validate(strict(**fields), CONTEXT)] == paths


def test_only_the_series_of_an_event_goes_on() -> None:
    assert NEW.validate_update is not None
    series = {"count": 2, "lastObservedTime": TIME}
    assert NEW.validate_update(strict(series=series), strict(), CONTEXT) == []
    found = NEW.validate_update(strict(note="n", deprecatedCount=3), strict(), CONTEXT)
    assert [str(error) for error in found] == [
        'message: Invalid value: "n": field is immutable',
        "count: Invalid value: 3: field is immutable",
    ]


def test_what_lists_of_events_select_by() -> None:
    value = core(reportingComponent="r")
    assert OLD.selectable["involvedObject.name"](value) == "p"
    assert OLD.selectable["source"](value) == "r"
    assert OLD.selectable["source"](core(source={"component": "c"})) == "c"
    assert NEW.selectable["regarding.kind"](new_event.to_new(value)) == "Pod"
    assert NEW.selectable["reportingController"](new_event.to_new(value)) == "r"
    assert "source" not in NEW.selectable


def test_what_kubectl_shows() -> None:
    value = core(
        firstTimestamp=TIME,
        lastTimestamp="1970-01-01T00:00:20Z",
        count=3,
        source={"component": "k", "host": "h"},
    )
    shown = ["5s", "Normal", "R", "pod/p", "spec", "k, h", "m", "15s", 3]
    assert cells(OLD, value, 25) == shown
    assert cells(NEW, new_event.to_new(value), 25) == shown
    value = core(eventTime=TIME, series={"count": 7, "lastObservedTime": "1970-01-01T00:00:24Z"})
    assert (cells(OLD, value, 25)[0], cells(OLD, value, 25)[8]) == ("1s", 7)
    assert cells(OLD, core(), 25)[8] == 1
