"""JSON Patch (RFC 6902), as gopkg.in/evanphx/json-patch.v4 does it for Kubernetes.

Beyond the RFC: indices count from the end where negative, "replace" makes a key that is missing, "copy"
copies a missing one as null, and what stands before a path's first slash is not looked at.
"""

import json
from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema.patches.refusals import read, undecodable, unprocessable
from sampan.specs.golang.numbers import atoi
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.status import StatusError

MAX_OPERATIONS = 10_000
MAX_COPIED = 3 << 20  # bytes, of all "copy" operations together: the API server's JSONPatchMaxCopyBytes

PREFIX = "error decoding patch: "
FIELDS = ("op", "path", "from", "value")


def parse(data: bytes) -> tuple[Any, list[str]]:
    """A patch that `apply` takes, and what field validation says of it; raises StatusError."""
    patch, duplicates = read(data, PREFIX)
    _operations(patch)
    return patch, [f"json patch {one}" for one in duplicates] + unknown_fields(patch)


class Misfit(Exception):
    """An operation cannot be carried out; the reason is never told."""


def apply(original: dict[str, Any], patch: Any) -> Any:
    """The object as `patch` makes it; `original` stays as it is, and what did not change is shared with it.

    Raises StatusError.
    """
    operations = _operations(patch)
    document = Document(original)
    try:
        for operation in operations:
            document.perform(operation or {})
        return document.result()
    except (Misfit, RecursionError):
        raise unprocessable() from None


def unknown_fields(patch: Any) -> list[str]:
    """What field validation says of a patch that `apply` has taken."""
    return [
        f"json patch unknown field {quote(f'[{index}].{key}')}"
        for index, operation in enumerate(patch or ())
        for key in operation or ()
        if key not in FIELDS
    ]


def _operations(patch: Any) -> list[dict[str, Any] | None]:
    if patch is None:
        return []
    if not isinstance(patch, list):
        raise undecodable(patch, "[]handlers.jsonPatchOp", PREFIX)
    for operation in patch:
        if operation is not None and not isinstance(operation, dict):
            raise undecodable(operation, "handlers.jsonPatchOp", PREFIX)
        for key, value in (operation or {}).items():
            if key in FIELDS[:3] and not isinstance(value, str | None):
                raise undecodable(value, "string", PREFIX, f"jsonPatchOp.{key}")
    if len(patch) > MAX_OPERATIONS:
        message = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(patch)}"
        raise StatusError("RequestEntityTooLarge", f"Request entity too large: {message}")
    return patch


class Document:
    """An object while operations change it.

    Containers are copied when a path first leads into them; Go's maps have no order, so these come out
    sorted.
    """

    def __init__(self, original: dict[str, Any]) -> None:
        self.own: dict[
            int, Any
        ] = {}  # by identity: what may be changed; held, so that no identity comes again
        self.copied = 0
        self.root: Any = self._opened(original)

    def result(self) -> Any:
        for container in self.own.values():
            if isinstance(container, dict):
                items = sorted(container.items())
                container.clear()
                container.update(items)
        return self.root

    def perform(self, operation: dict[str, Any]) -> None:
        method = METHODS.get(operation.get("op") or "")
        if method is None:
            raise Misfit
        method(self, operation)

    def add(self, operation: dict[str, Any]) -> None:
        self._put(_text(operation, "path"), operation.get("value"))

    def remove(self, operation: dict[str, Any]) -> None:
        self._take(_text(operation, "path"))

    def replace(self, operation: dict[str, Any]) -> None:
        path, value = _text(operation, "path"), operation.get("value")
        if path == "":
            if not isinstance(value, dict | list):
                raise Misfit
            self.root = self._opened(value)
            return
        container, key = self._find(path)
        if isinstance(container, list):
            container[_index(key, len(container))] = value
        else:
            container[key] = value

    def move(self, operation: dict[str, Any]) -> None:
        value = self._take(_text(operation, "from"))
        self._put(_text(operation, "path"), value)

    def copy(self, operation: dict[str, Any]) -> None:
        value = self._get(_text(operation, "from"))
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        self.copied += len(text.encode(errors="surrogatepass"))
        if self.copied > MAX_COPIED:
            raise Misfit
        self._put(_text(operation, "path"), json.loads(text))

    def test(self, operation: dict[str, Any]) -> None:
        path = _text(operation, "path")
        if not same(self.root if path == "" else self._get(path), operation.get("value")):
            raise Misfit

    def _opened(self, container: Any) -> Any:
        if id(container) in self.own:
            return container
        copy = dict(container) if isinstance(container, dict) else list(container)
        self.own[id(copy)] = copy
        return copy

    def _find(self, path: str) -> tuple[Any, str]:
        """The container that a path's last part is a key of, ready to be changed."""
        _, *parts = path.split("/")
        if not parts:
            raise Misfit
        *above, key = [part.replace("~1", "/").replace("~0", "~") for part in parts]
        container = self.root
        for part in above:
            if isinstance(container, list):
                place: Any = _index(part, len(container))
            elif part in container:
                place = part
            else:
                raise Misfit
            if not isinstance(container[place], dict | list):
                raise Misfit
            container[place] = container = self._opened(container[place])
        return container, key

    def _get(self, path: str) -> Any:
        container, key = self._find(path)
        if isinstance(container, list):
            return container[_index(key, len(container))]
        return container.get(key)

    def _put(self, path: str, value: Any) -> None:
        container, key = self._find(path)
        if isinstance(container, dict):
            container[key] = value
        elif key == "-":
            container.append(value)
        else:
            container.insert(_index(key, len(container) + 1), value)

    def _take(self, path: str) -> Any:
        container, key = self._find(path)
        if isinstance(container, list):
            return container.pop(_index(key, len(container)))
        if key not in container:
            raise Misfit
        return container.pop(key)


METHODS = {
    "add": Document.add,
    "remove": Document.remove,
    "replace": Document.replace,
    "move": Document.move,
    "copy": Document.copy,
    "test": Document.test,
}


def _text(operation: dict[str, Any], key: str) -> str:
    value = operation.get(key)
    if not isinstance(value, str):
        raise Misfit
    return value


def _index(key: str, length: int) -> int:
    try:
        index = atoi(key)
    except Invalid:
        raise Misfit from None
    if not -length <= index < length:
        raise Misfit
    return index + length if index < 0 else index


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is neither true nor 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
