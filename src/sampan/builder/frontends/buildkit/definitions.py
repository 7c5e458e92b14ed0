"""Definitions: what a Solve answers with, and what a client hands in for it to another. Pure.

BuildKit's clients treat what a solve made as a graph of operations, which they hand back as an input of the
next (bake's targets that use each other). Ours says only which result it is.
"""

from typing import Any

from sampan.errors import Invalid, Unsupported
from sampan.specs.buildkit.schema import schema
from sampan.specs.oci import digest as digests

SCHEME = "sampan-result://"
LIMIT = 10_000  # operations
NO_LLB = "low-level definitions (LLB) are not supported: only Dockerfiles are built"


def of_result(id: str) -> Any:
    """A source, and the operation that ends every definition: it has the source as its only input."""
    op = schema().message("pb.Op")
    source = op()
    source.source.identifier = f"{SCHEME}{id}"
    named = source.SerializeToString(deterministic=True)
    end = op()
    end.inputs.add(digest=digests.of(named), index=0)
    rows = [named, end.SerializeToString(deterministic=True)]
    definition = schema().message("pb.Definition")()
    getattr(definition, "def").extend(rows)
    for row in rows:  # clients refuse a definition without
        definition.metadata[digests.of(row)].SetInParent()
    return definition


def context_of(definition: Any) -> str:
    """What a definition names, as a named context's value: "input:ID", "docker-image://...", a URL, ...

    Raises Unsupported when it is more than one source.
    """
    rows = getattr(definition, "def")
    if not 2 <= len(rows) <= LIMIT:
        raise Invalid("invalid definition: it has no operations")
    ops = {}
    last = None
    for row in rows:
        try:
            last = schema().message("pb.Op").FromString(row)
        except Exception:  # the library's DecodeError, and what it raises for bad UTF-8
            raise Invalid("invalid definition: an operation cannot be read") from None
        ops[digests.of(row)] = last
    assert last is not None
    source = ops.get(last.inputs[0].digest) if len(last.inputs) == 1 else None
    if source is None or source.WhichOneof("op") != "source" or source.inputs:
        raise Unsupported(NO_LLB)
    return context_of_source(source.source.identifier, source.source.attrs)


def context_of_source(identifier: str, attrs: Any) -> str:
    if identifier.startswith(SCHEME):
        return f"input:{identifier.removeprefix(SCHEME)}"
    if identifier.startswith("local://"):
        return f"local:{identifier.removeprefix('local://')}"
    if identifier.startswith("git://"):
        url, _, fragment = identifier.partition("#")
        full = attrs.get("git.fullurl", url)
        return f"{full}#{fragment}" if fragment else full
    if identifier.startswith(("docker-image://", "oci-layout://", "http://", "https://")):
        return identifier
    raise Unsupported(f"source {identifier.partition('://')[0]} is not supported")
