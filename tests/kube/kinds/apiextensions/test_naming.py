"""Which names definitions get, and how they go."""

from sampan.kube.kinds.apiextensions import naming
from sampan.kube.kinds.apiextensions.customresourcedefinition import RESOURCE
from tests.kube.kinds.apiextensions.definitions import CONTEXT, NOW, definition, established


def test_free_names_are_accepted_and_then_nothing_is_left_to_do() -> None:
    crd = established(definition())
    assert crd["status"]["acceptedNames"] == {
        "plural": "foos",
        "singular": "foo",
        "shortNames": ["fo"],
        "kind": "Foo",
        "listKind": "FooList",
    }
    assert [(one["type"], one["status"], one["reason"]) for one in crd["status"]["conditions"]] == [
        ("NamesAccepted", "True", "NoConflicts"),
        ("Established", "True", "InitialNamesAccepted"),
    ]
    assert naming.settled_status(crd, [], NOW) is None


def test_names_that_another_one_has_are_not_accepted() -> None:
    first = established(definition())
    names = {"plural": "bars", "kind": "Bar", "listKind": "FooList"}
    second = definition(names=names)
    second["metadata"]["name"] = "bars.example.com"
    status = naming.settled_status(second, [first], NOW)
    assert status is not None
    found = {one["type"]: one for one in status["conditions"]}
    assert found["NamesAccepted"]["reason"] == "ListKindConflict"
    assert found["NamesAccepted"]["message"] == '"FooList" is already in use'
    assert found["Established"]["status"] == "False"
    assert naming.settled_status({**second, "status": status}, [], NOW) is not None


def test_names_of_other_groups_do_not_matter() -> None:
    other = established(definition(group="other.com"))
    status = naming.settled_status(definition(), [other], NOW)
    assert status is not None
    assert naming.is_true({"status": status}, "Established")


def test_a_definition_waits_for_its_resources_before_it_goes() -> None:
    crd = established(definition())
    RESOURCE.mark_deleted(crd, CONTEXT)
    assert crd["metadata"]["finalizers"] == [naming.FINALIZER]
    assert naming.is_true(crd, "Terminating")
    assert RESOURCE.held is not None
    assert RESOURCE.held(crd)
    done = naming.finalized(crd, NOW)
    assert not RESOURCE.held(done)
    assert not naming.is_true(done, "Terminating")
