"""The catalog as what OpenAPI's documents are made of."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from sampan.kube.api.catalog import Catalog
from sampan.kube.api.served import Served
from sampan.kube.schema import builtin
from sampan.kube.schema.openapi.documents import Documents
from sampan.kube.schema.openapi.shapes import Group, ResourceShape, SubresourceShape, custom_definition


def documents(catalog: Catalog, release: str, parts: Callable[[], Sequence[bytes]]) -> Documents:
    """Of what is served when somebody asks. `release`: "v1.35.3"; `parts`: of other servers' documents."""

    def groups() -> list[Group]:
        return [
            Group(
                name,
                {
                    version: [_shape(served) for served in resources.values()]
                    for version, resources in versions.items()
                },
            )
            for name, versions in catalog.groups.items()
        ]

    return Documents(groups, lambda: catalog.generation, release, parts)


def _shape(served: Served) -> ResourceShape:
    resource = served.resource
    schema: dict[str, Any] | None = None
    definition, stamp = served.definition, ""
    if served.custom is not None:
        schema = served.custom.structure.schema
        stamp = hashlib.sha256(orjson.dumps(schema)).hexdigest()
        definition = custom_definition(resource.group, resource.version, resource.kind)
    return ResourceShape(
        resource.group,
        resource.version,
        resource.kind,
        resource.plural,
        resource.namespaced,
        resource.verbs,
        definition,
        tuple(_subresource(served, one.name, definition) for one in resource.subresources),
        schema,
        stamp,
    )


def _subresource(served: Served, name: str, definition: str) -> SubresourceShape:
    resource, one = served.resource, served.subresources[name]
    group, version, kind = one.group or resource.group, one.version or resource.version, one.kind
    if kind and (group, version, kind) != (resource.group, resource.version, resource.kind):
        definition = builtin.definition_of(group, version, kind)
    return SubresourceShape(name, one.verbs, group, version, kind or resource.kind, definition)
