"""Which object a write is about, by its path and by what it says itself."""

from sampan.kube.api.calls import Call
from sampan.kube.api.options import revision_of
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import status


def place(call: Call, new: Object) -> None:
    """The namespace of the path is the object's. Raises StatusError for one that says another."""
    metadata = new["metadata"]
    given = metadata.get("namespace", "")
    if call.served.resource.namespaced:
        if given not in ("", call.namespace):
            raise status.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = call.namespace
    elif given:
        metadata.pop("namespace")


def check_name(call: Call, metadata: Object) -> None:
    """Raises the BadRequest of an object that is not the one in the path."""
    name = metadata.get("name", "")
    if not name:
        raise status.bad_request(
            f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        )
    if name != call.name:
        raise name_mismatch(name, call.name)


def identify(call: Call, old: Object, new: Object, kind: str) -> None:
    """The object sent must be the one that the path names. Raises StatusError."""
    metadata = new["metadata"]
    check_name(call, metadata)
    place(call, new)
    uid, actual = metadata.get("uid"), old["metadata"].get("uid")
    if uid and uid != actual and kind == "UpdateOptions":  # a patch hears that it cannot be changed
        raise other_uid(call, uid, actual)


def other_uid(call: Call, uid: str, actual: str) -> status.StatusError:
    """As upstream's storage says it."""
    place = f"{call.namespace}/{call.name}" if call.namespace else call.name
    why = (
        f"StorageError: invalid object, Code: 4, Key: /registry/{call.served.plural}/{place}, "
        f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
        f"UID in object meta: {actual}"
    )
    return status.conflict(call.served.group, call.served.plural, call.name, why)


def name_mismatch(name: str, wanted: str) -> status.StatusError:
    return status.bad_request(
        f"the name of the object ({name}) does not match the name on the URL ({wanted})"
    )


def revision_of_object(value: Object) -> int:
    """What a client says of the version it knows, 0 if nothing; raises StatusError."""
    metadata = value.get("metadata")
    text = metadata.get("resourceVersion", "") if isinstance(metadata, dict) else ""
    if not text or not isinstance(text, str):
        return 0
    try:
        return revision_of(text)
    except status.StatusError as error:
        detail = error.message.rpartition("strconv.")[2]
        raise status.StatusError("", f"strconv.{detail}", None, 500) from None
