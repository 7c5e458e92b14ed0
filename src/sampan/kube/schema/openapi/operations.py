"""Paths and what can be done there, as OpenAPI has it. https://kubernetes.io/docs/reference/using-api/api-concepts

kubectl looks for fieldValidation among the query parameters of PATCH, and for the kind behind a path.
"""

from typing import Any

from sampan.kube.schema.openapi.schemas import META, Schema, reference
from sampan.kube.schema.openapi.shapes import ResourceShape, custom_definition

FORMS = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
STREAMS = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
# Query parameters: name -> type, and what it is for.
_QUERIES = {
    "allowWatchBookmarks": ("boolean", "Send events of type BOOKMARK from time to time."),
    "continue": ("string", "Where the list goes on, as the answer to a limited list said."),
    "dryRun": ("string", "With All, nothing is kept of what the request would change."),
    "fieldManager": ("string", "The name of whoever makes this change; it comes to own the fields."),
    "fieldSelector": ("string", "Restricts the objects by their fields."),
    "fieldValidation": ("string", "What happens to unknown and duplicate fields: Ignore, Warn or Strict."),
    "force": ("boolean", "Take over fields that others own. Only for apply patches."),
    "gracePeriodSeconds": ("integer", "The seconds before the object is deleted."),
    "ignoreStoreReadErrorWithClusterBreakingPotential": ("boolean", "Delete even what cannot be read."),
    "labelSelector": ("string", "Restricts the objects by their labels."),
    "limit": ("integer", "The most objects that are answered at once."),
    "orphanDependents": ("boolean", "Deprecated: use propagationPolicy."),
    "pretty": ("string", "With true, the answer is indented."),
    "propagationPolicy": ("string", "What happens to dependents: Orphan, Background or Foreground."),
    "resourceVersion": ("string", "Which versions the request is served from."),
    "resourceVersionMatch": ("string", "How resourceVersion is applied to a list."),
    "sendInitialEvents": ("boolean", "Begin a watch with the objects that are there already."),
    "timeoutSeconds": ("integer", "Ends the call, whatever it does."),
    "watch": ("boolean", "Answer with a stream of changes."),
}
_LIST = (
    *("allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion"),
    *("resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch"),
)
_DELETE = (
    *("dryRun", "gracePeriodSeconds", "ignoreStoreReadErrorWithClusterBreakingPotential"),
    *("orphanDependents", "propagationPolicy"),
)
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
# verb -> method, action, word of the operation's id, query parameters
_VERBS = {
    "list": ("get", "list", "list", _LIST),
    "create": ("post", "post", "create", _WRITE),
    "deletecollection": (
        "delete",
        "deletecollection",
        "deleteCollection",
        (*_DELETE, *(name for name in _LIST if name not in ("allowWatchBookmarks", "watch"))),
    ),
    "get": ("get", "get", "read", ()),
    "update": ("put", "put", "replace", _WRITE),
    "delete": ("delete", "delete", "delete", _DELETE),
    "patch": ("patch", "patch", "patch", (*_WRITE, "force")),
}
_COLLECTION, _OBJECT = ("list", "create", "deletecollection"), ("get", "update", "delete", "patch")
_DONE = {"post": ("200", "201", "202"), "put": ("200", "201"), "patch": ("200", "201")}
_SAID = {"200": "OK", "201": "Created", "202": "Accepted", "401": "Unauthorized"}


def paths(shape: ResourceShape, version: int) -> dict[str, Schema]:
    """Of a resource and its subresources."""
    found: dict[str, Schema] = {}
    inside = f"{shape.base}/namespaces/{{namespace}}" if shape.namespaced else shape.base
    place = ("namespace",) if shape.namespaced else ()
    at = f"{inside}/{shape.plural}"
    found[at] = _item(shape, version, _COLLECTION, place)
    if shape.namespaced and "list" in shape.verbs:
        found[f"{shape.base}/{shape.plural}"] = _item(shape, version, ("list",), (), everywhere=True)
    if any(verb in shape.verbs for verb in _OBJECT):
        found[f"{at}/{{name}}"] = _item(shape, version, _OBJECT, ("name", *place))
    for sub in shape.subresources:
        behind = ResourceShape(
            sub.group, sub.version, sub.kind, sub.name, shape.namespaced, sub.verbs, sub.definition
        )
        found[f"{at}/{{name}}/{sub.name}"] = _item(
            shape, version, ("create", *_OBJECT), ("name", *place), behind=behind
        )
    return {path: item for path, item in found.items() if any(key in item for key in _METHODS)}


_METHODS = ("get", "post", "put", "patch", "delete")


def _item(
    shape: ResourceShape,
    version: int,
    verbs: tuple[str, ...],
    place: tuple[str, ...],
    *,
    everywhere: bool = False,
    behind: ResourceShape | None = None,
) -> Schema:
    found: Schema = {}
    for verb in verbs:
        if verb in (behind or shape).verbs:
            method = _VERBS[verb][0]
            found[method] = _operation(shape, version, verb, everywhere=everywhere, behind=behind)
    parameters = [_path_parameter(name, version) for name in place]
    return found | {"parameters": [*parameters, _query_parameter("pretty", version)]}


def _operation(
    shape: ResourceShape, version: int, verb: str, *, everywhere: bool, behind: ResourceShape | None
) -> Schema:
    method, action, word, queries = _VERBS[verb]
    body_of = behind or shape
    parameters = [_query_parameter(name, version) for name in queries]
    found: Schema = {
        "description": _description(shape, verb, behind),
        "operationId": _operation_id(shape, word, everywhere, behind),
        "parameters": parameters,
        "responses": _responses(body_of, version, verb, method),
        "tags": [f"{shape.group.split('.')[0] or 'core'}_{shape.version}"],
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {
            "group": body_of.group,
            "version": body_of.version,
            "kind": body_of.kind,
        },
    }
    content = _body(body_of, verb)
    if version == 2:
        found |= {
            "consumes": list(_consumed(shape, verb)),
            "produces": list(_produced(shape, verb)),
            "schemes": ["https"],
        }
        if content:
            required = verb != "delete" and verb != "deletecollection"
            body = {"name": "body", "in": "body", "schema": reference(content, 2)}
            found["parameters"] = [body | ({"required": True} if required else {}), *parameters]
    elif content:
        forms = _consumed(shape, verb)
        found["requestBody"] = {"content": {form: {"schema": reference(content, 3)} for form in forms}}
    return found


def _consumed(shape: ResourceShape, verb: str) -> tuple[str, ...]:
    if verb != "patch":
        return ("*/*",)
    return PATCHES if shape.schema is None else PATCHES[:3]


def _produced(shape: ResourceShape, verb: str) -> tuple[str, ...]:
    forms = FORMS if shape.schema is None else FORMS[:2]
    return (*forms, *STREAMS[: len(forms) - 1]) if verb == "list" else forms


def _body(shape: ResourceShape, verb: str) -> str:
    if verb in ("create", "update"):
        return shape.definition
    return {
        "patch": META + "Patch",
        "delete": META + "DeleteOptions",
        "deletecollection": META + "DeleteOptions",
    }.get(verb, "")


def _answer(shape: ResourceShape, verb: str) -> str:
    if verb == "list":
        if shape.schema is not None:
            return custom_definition(shape.group, shape.version, shape.list_kind or f"{shape.kind}List")
        return f"{shape.definition}List"
    return META + "Status" if verb in ("delete", "deletecollection") else shape.definition


def _responses(shape: ResourceShape, version: int, verb: str, method: str) -> Schema:
    codes = ("200", "202") if verb == "delete" else _DONE.get(method, ("200",))
    answer = _answer(shape, verb)
    found: Schema = {}
    for code in codes:
        found[code] = {"description": _SAID[code]}
        if answer and version == 2:
            found[code]["schema"] = reference(answer, 2)
        elif answer:
            forms = _produced(shape, verb)
            found[code]["content"] = {form: {"schema": reference(answer, 3)} for form in forms}
    return found | {"401": {"description": _SAID["401"]}}


def _description(shape: ResourceShape, verb: str, behind: ResourceShape | None) -> str:
    what = f"{behind.plural} of the specified {shape.kind}" if behind else f"the specified {shape.kind}"
    return {
        "list": f"list or watch objects of kind {shape.kind}",
        "create": f"create {behind.plural} of a {shape.kind}" if behind else f"create a {shape.kind}",
        "deletecollection": f"delete collection of {shape.kind}",
        "get": f"read {what}",
        "update": f"replace {what}",
        "delete": f"delete {what}",
        "patch": f"partially update {what}",
    }[verb]


def _operation_id(shape: ResourceShape, word: str, everywhere: bool, behind: ResourceShape | None) -> str:
    group = shape.group.split(".")[0] or "core"
    where = "Namespaced" if shape.namespaced and not everywhere else ""
    sub = "".join(part.capitalize() for part in behind.plural.split("/")) if behind else ""
    tail = "ForAllNamespaces" if everywhere else ""
    return f"{word}{_capital(group)}{_capital(shape.version)}{where}{shape.kind}{sub}{tail}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _typed(parameter: Schema, type: str, version: int) -> Schema:
    if version == 2:
        return parameter | {"type": type, "uniqueItems": True}
    return parameter | {"schema": {"type": type, "uniqueItems": True}}


def _query_parameter(name: str, version: int) -> Schema:
    type, text = _QUERIES[name]
    return _typed({"name": name, "in": "query", "description": text}, type, version)


def _path_parameter(name: str, version: int) -> Schema:
    text = (
        "name of the object"
        if name == "name"
        else "object name and auth scope, such as for teams and projects"
    )
    return _typed({"name": name, "in": "path", "description": text, "required": True}, "string", version)


def discovery(path: str, tag: str, answer: str, version: int) -> dict[str, Any]:
    """Where the resources, versions or groups are told."""
    response: Schema = {"description": "OK"}
    if version == 2:
        response["schema"] = reference(answer, 2)
    else:
        response["content"] = {form: {"schema": reference(answer, 3)} for form in FORMS}
    word = {"APIResourceList": "Resources", "APIGroup": "Group"}.get(answer.rpartition(".")[2], "Versions")
    name = "".join(_capital(part) for part in tag.replace(".", "_").split("_"))
    operation: Schema = {
        "description": "get available resources" if word == "Resources" else f"get {word.lower()}",
        "operationId": f"get{name}API{word}",
        "responses": {"200": response, "401": {"description": _SAID["401"]}},
        "tags": [tag],
    }
    if version == 2:
        operation |= {"consumes": list(FORMS), "produces": list(FORMS), "schemes": ["https"]}
    return {path: {"get": operation}}
