"""What the tests of access share."""

from collections.abc import Sequence
from typing import Any

from sampan.kube.access.user import Attributes, User

Object = dict[str, Any]


class Objects:
    """A Reader over a dictionary, which tests change."""

    def __init__(self, found: Sequence[tuple[str, Object]] = ()) -> None:
        self.by_key: dict[tuple[str, str, str], Object] = {}
        for resource, value in found:
            self.put(resource, value)

    def put(self, resource: str, value: Object) -> None:
        metadata = value["metadata"]
        self.by_key[resource, metadata.get("namespace", ""), metadata["name"]] = value

    def remove(self, resource: str, namespace: str, name: str) -> None:
        del self.by_key[resource, namespace, name]

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self.by_key.get((resource, namespace, name))

    def list(self, resource: str, namespace: str = "") -> Sequence[Object]:
        return [
            value
            for key, value in self.by_key.items()
            if key[0] == resource and (not namespace or key[1] == namespace)
        ]


def asks(user: User, verb: str, resource: str = "", **rest: str) -> Attributes:
    """Attributes from "deployments.apps/scale"."""
    whole, _, subresource = resource.partition("/")
    plural, _, group = whole.partition(".")
    return Attributes(user, verb, group=group, resource=plural, subresource=subresource, **rest)
