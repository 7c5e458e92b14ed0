"""Custom resources from one version to another, by a webhook if the definition says so.

k8s.io/apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go; the webhook is called by a
function that is given.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sampan.kube.kinds.resource import Object
from sampan.specs.golang.printing import type_name
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.fielderror import FieldError
from sampan.specs.kubernetes.names import annotations_errors, labels_errors

GROUP = "apiextensions.k8s.io"
REVIEW = "ConversionReview"
_VERSIONS = ("v1", "v1beta1")

# (clientConfig, the review) -> what the webhook answers; its exceptions' texts are shown to clients.
Call = Callable[[Object, Object], Awaitable[Any]]


class ConversionFailed(Exception):
    """The text is what a client hears."""


def renamed(value: Object, api_version: str) -> Object:
    """What the strategy None does; only the outermost dictionary is a new one."""
    return {**value, "apiVersion": api_version}


async def convert(
    conversion: Object, objects: Sequence[Object], api_version: str, call: Call, uid: str
) -> list[Object]:
    """All `objects` in that version, those that are in it already as they are. Raises ConversionFailed.

    `conversion` is a definition's; `uid` tells this request from others.
    """
    if conversion.get("strategy") != "Webhook":
        return [renamed(one, api_version) for one in objects]
    old = [one for one in objects if one.get("apiVersion") != api_version]
    if not old:
        return list(objects)
    webhook = conversion["webhook"]
    request = review(webhook.get("conversionReviewVersions") or (), old, api_version, uid)
    what = f"conversion webhook for {_kind_of(old[0])}"
    try:
        answer = await call(webhook["clientConfig"], request)
    except Exception as error:
        raise ConversionFailed(f"{what} failed: {error}") from error
    new = iter(converted(answer, request, what))
    return [one if one.get("apiVersion") == api_version else next(new) for one in objects]


def review(versions: Sequence[str], objects: Sequence[Object], api_version: str, uid: str) -> Object:
    """The body that asks a webhook which understands these versions of reviews."""
    version = next((one for one in versions if one in _VERSIONS), "")
    if not version:
        raise ConversionFailed("no supported conversion review versions")
    request = {"uid": uid, "desiredAPIVersion": api_version, "objects": list(objects)}
    return {"kind": REVIEW, "apiVersion": f"{GROUP}/{version}", "request": request}


def converted(answer: Any, request: Object, what: str) -> list[Object]:
    """The objects of an answer. They have the metadata that they had, but for labels and annotations."""
    asked = request["request"]["objects"]
    try:
        found = _objects(answer, request)
    except ConversionFailed as error:
        raise ConversionFailed(f"{what} failed: {error}") from None
    if len(found) != len(asked):
        raise ConversionFailed(f"{what} returned {len(found)} objects, expected {len(asked)}")
    desired = request["request"]["desiredAPIVersion"]
    return [
        _checked(one, old, desired, what, at) for at, (one, old) in enumerate(zip(found, asked, strict=True))
    ]


def _objects(answer: Any, request: Object) -> list[Any]:
    version = request["apiVersion"]
    if type(answer) is not dict:
        raise ConversionFailed("no response provided")
    if version.endswith("/v1") and (answer.get("apiVersion"), answer.get("kind")) != (version, REVIEW):
        raise ConversionFailed(f"expected webhook response of {_kind_of(request)}, got {_kind_of(answer)}")
    response = answer.get("response")
    if type(response) is not dict:
        raise ConversionFailed("no response provided")
    uid, wanted = response.get("uid") or "", request["request"]["uid"]
    if version.endswith("/v1") and uid != wanted:
        raise ConversionFailed(f"expected response.uid={quote(wanted)}, got {quote(str(uid))}")
    result = response.get("result")
    result = result if type(result) is dict else {}
    if result.get("status") != "Success":
        said = (
            result.get("message")
            or f"response.result.status was '{result.get('status') or ''}', not 'Success'"
        )
        raise ConversionFailed(str(said))
    found = response.get("convertedObjects")
    return found if type(found) is list else []


def _checked(new: Any, old: Object, desired: str, what: str, at: int) -> Object:
    where = f"{what} returned invalid converted object at index {at}"
    if type(new) is not dict:
        raise ConversionFailed(f"{where}: json: cannot unmarshal {type_name(new)} into an object")
    if new.get("apiVersion") != desired:
        said = f"invalid groupVersion (expected {desired}, received {new.get('apiVersion') or ''})"
        raise ConversionFailed(f"{where}: {said}")
    if new.get("kind") != old.get("kind"):
        said = f"invalid kind (expected {old.get('kind')}, received {new.get('kind') or ''})"
        raise ConversionFailed(f"{where}: {said}")
    if type(new.get("metadata")) is not dict:
        said = "missing metadata in converted object"
        if "metadata" in new:
            said = f"invalid metadata of type {type_name(new['metadata'])} in converted object"
        raise ConversionFailed(f"{what} returned invalid metadata in object at index {at}: {said}")
    for name, shown in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        one, other = old["metadata"].get(name, ""), new["metadata"].get(name) or ""
        if one != other:
            raise ConversionFailed(f"{where}: must have the same {shown}: {one} != {other}")
    try:
        return {**new, "metadata": _metadata(new["metadata"], old["metadata"])}
    except ConversionFailed as error:
        raise ConversionFailed(f"{what} returned invalid metadata in object at index {at}: {error}") from None


def _metadata(new: Object, old: Object) -> Object:
    kept = {key: one for key, one in old.items() if key not in ("labels", "annotations")}
    for name in ("labels", "annotations"):
        given = new.get(name)
        if given is None:
            continue
        if type(given) is not dict:
            raise ConversionFailed(f"invalid metadata.{name} of type {type_name(given)} in converted object")
        for key, one in given.items():
            if type(one) is not str:
                said = f"must be a string, but is {type_name(one)} in converted object"
                raise ConversionFailed(f"metadata.{name}[{key}] {said}")
        if given != old.get(name):
            _raise(_map_errors(name, given))
        kept[name] = given
    return kept


def _map_errors(name: str, given: dict[str, str]) -> list[FieldError]:
    if name == "labels":
        return labels_errors(given, "metadata.labels")
    return annotations_errors(given, "metadata.annotation")


def _raise(errors: list[FieldError]) -> None:
    if errors:
        texts = ", ".join(map(str, errors))
        raise ConversionFailed(f"[{texts}]" if len(errors) > 1 else texts)


def _kind_of(value: Object) -> str:
    return f"{value.get('apiVersion') or '/'}, Kind={value.get('kind') or ''}"
