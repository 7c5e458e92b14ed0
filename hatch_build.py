"""Build hook: makes the data of Kubernetes' built-in kinds from the package that publishes their schemas.

It reads the definitions of one version of Kubernetes in PyPI's `kubernetes-validate` (a requirement of the
build, not of Sampan) and writes two files beside src/sampan/kube/schema/builtin.py, which reads them:

builtin.types         what is needed to serve a request, a definition each as JSON without any prose
builtin.descriptions  the prose, for OpenAPI and for the headers of tables: zlib over JSON for each
definition,
                      field ("" for its own) -> text

Each begins with a line of JSON that says where after it a definition begins and how long it is.

Both are git's to ignore, and part of the wheel. Run by hand (`python hatch_build.py`, with
kubernetes-validate installed) it writes them into the source tree, as an editable install does.
"""

import json
import zlib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run by hand
    BuildHookInterface = object

VERSION = "1.35.0"
SOURCE = f"kubernetes_validate/kubernetes-json-schema/v{VERSION}-local/_definitions.json"
FOLDER = Path(__file__).parent / "src/sampan/kube/schema"
TYPES, DESCRIPTIONS = "builtin.types", "builtin.descriptions"

# Packages of the groups and versions that are served; what these refer to comes along.
SERVED = (
    *(
        f"io.k8s.api.{group}."
        for group in (
            "admissionregistration.v1",
            "apps.v1",
            "authentication.v1",
            "authorization.v1",
            "autoscaling.v1",
            "autoscaling.v2",
            "batch.v1",
            "certificates.v1",
            "coordination.v1",
            "core.v1",
            "discovery.v1",
            "events.v1",
            "flowcontrol.v1",
            "networking.v1",
            "node.v1",
            "policy.v1",
            "rbac.v1",
            "resource.v1",
            "scheduling.v1",
            "storage.v1",
        )
    ),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.",
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.",
    "io.k8s.apimachinery.pkg.",
)
REF = "#/$defs/"
# What is kept of a field besides its type, and under which name.
MARKS = {
    "x-kubernetes-list-type": "list",
    "x-kubernetes-list-map-keys": "keys",
    "x-kubernetes-map-type": "map",
    "x-kubernetes-patch-strategy": "strategy",
    "x-kubernetes-patch-merge-key": "merge",
}

Schema = dict[str, Any]


class Hook(BuildHookInterface):  # type: ignore[misc]  # hatchling is not there for mypy
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        write()


def write() -> None:
    """Write both files, unless they are as they should be (which keeps times of files for `make`)."""
    found = source()
    if found is None:
        # From a source distribution that has them, or a tree where they were made before.
        if not (FOLDER / TYPES).exists():
            raise SystemExit(f"kubernetes-validate has no schemas of Kubernetes {VERSION}")
        return
    definitions = served(json.loads(found.read_bytes())["$defs"])
    for name, content in ((TYPES, types(definitions)), (DESCRIPTIONS, descriptions(definitions))):
        path = FOLDER / name
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def source() -> Path | None:
    path = Path(str(distribution("kubernetes-validate").locate_file(SOURCE)))
    return path if path.exists() else None


def served(definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Those of the served groups, and what they refer to."""
    wanted = [name for name in definitions if name.startswith(SERVED)]
    found: dict[str, Schema] = {}
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = definitions[name]
            wanted += [ref for field in fields(definitions[name]).values() for ref in refs(field)]
    return dict(sorted(found.items()))


def fields(definition: Schema) -> dict[str, Schema]:
    return dict(definition.get("properties", {}))


def refs(schema: Schema) -> list[str]:
    inside = [schema[key] for key in ("items", "additionalProperties") if key in schema]
    own = [schema["$ref"].removeprefix(REF)] if "$ref" in schema else []
    return own + [ref for each in inside for ref in refs(each)]


def types(definitions: dict[str, Schema]) -> bytes:
    return indexed({name: line(compact(definition)) for name, definition in definitions.items()})


def indexed(texts: dict[str, bytes]) -> bytes:
    places, at = {}, 0
    for name, text in texts.items():
        places[name] = (at, len(text))
        at += len(text)
    return line(places) + b"".join(texts.values())


def line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def compact(definition: Schema) -> Schema:
    """{"fields": {name: type}, "required": [names], "map": "atomic", "kind": [group, version, kind]}"""
    found: Schema = {"fields": {name: type_of(schema) for name, schema in fields(definition).items()}}
    if definition.get("required"):
        found["required"] = definition["required"]
    if "x-kubernetes-map-type" in definition:
        found["map"] = definition["x-kubernetes-map-type"]
    kinds = definition.get("x-kubernetes-group-version-kind", [])
    if len(kinds) == 1:
        found["kind"] = [kinds[0][key] for key in ("group", "version", "kind")]
    if "x-kubernetes-unions" in definition:
        found["unions"] = definition["x-kubernetes-unions"]
    return found


def type_of(schema: Schema) -> str | Schema:
    """A word ("string", "int32", "@io.k8s…" for another definition), or {"type": word, ...} if there is
    more.
    """
    found: Schema = {}
    if "$ref" in schema:
        found["type"] = "@" + schema["$ref"].removeprefix(REF)
    else:
        found["type"] = word(schema)
    for kind, key in (("list", "items"), ("map", "additionalProperties")):
        if key in schema:
            found["type"] = kind
            found["items"] = type_of(schema[key])
    for key, short in MARKS.items():
        if key in schema:
            found[short] = schema[key]
    return found["type"] if len(found) == 1 else found


def word(schema: Schema) -> str:
    names = schema.get("type", "any")
    name = names if isinstance(names, str) else next(each for each in names if each != "null")
    return str(schema.get("format") or name)


def descriptions(definitions: dict[str, Schema]) -> bytes:
    found = {}
    for name, definition in definitions.items():
        texts = {field: schema.get("description", "") for field, schema in fields(definition).items()}
        found[name] = zlib.compress(line({"": definition.get("description", "")} | texts), 9)
    return indexed(found)


if __name__ == "__main__":
    write()
