"""Protobuf messages and services from tables, at run time: no generated files.

A `File` is what a .proto file says, as data. A `Schema` makes classes of them with the protobuf library, the
first time that one is asked for. Language guide: https://protobuf.dev/programming-guides/proto3/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

# (number, type), or (number, type, name of its oneof). A type is a scalar's name, a message or enum (of the
# same package, or with its package), "repeated T", "optional T" or "map<K, V>".
Field = tuple[int, str] | tuple[int, str, str]

_Type = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    "double": _Type.TYPE_DOUBLE,
    "float": _Type.TYPE_FLOAT,
    "int64": _Type.TYPE_INT64,
    "uint64": _Type.TYPE_UINT64,
    "int32": _Type.TYPE_INT32,
    "uint32": _Type.TYPE_UINT32,
    "sint32": _Type.TYPE_SINT32,
    "sint64": _Type.TYPE_SINT64,
    "fixed32": _Type.TYPE_FIXED32,
    "fixed64": _Type.TYPE_FIXED64,
    "sfixed32": _Type.TYPE_SFIXED32,
    "sfixed64": _Type.TYPE_SFIXED64,
    "bool": _Type.TYPE_BOOL,
    "string": _Type.TYPE_STRING,
    "bytes": _Type.TYPE_BYTES,
}


@dataclass(frozen=True, kw_only=True)
class File:
    """One package's part of a schema. Nested names are written with a dot: "Packet.PacketType"."""

    package: str
    messages: Mapping[str, Mapping[str, Field]]
    enums: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    # service -> method -> (request, response), each a message's name, "stream " before it where it streams
    services: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A gRPC method; either side sends exactly one message unless its flag says that it streams."""

    path: str  # /moby.buildkit.v1.Control/Solve
    request: type[Message]
    response: type[Message]
    client_streams: bool
    server_streams: bool


class Schema:
    """Classes of the messages of some files. Names are full: "fsutil.types.Packet"."""

    def __init__(self, files: Iterable[File]) -> None:
        self._files = tuple(files)
        self._kinds = {
            f"{file.package}.{name}": kind
            for file in self._files
            for kind, names in ((_Type.TYPE_MESSAGE, file.messages), (_Type.TYPE_ENUM, file.enums))
            for name in names
        }
        self._packages = {
            f"{file.package}.{name}": file.package
            for file in self._files
            for name in (*file.messages, *file.enums)
        }
        self._pool: descriptor_pool.DescriptorPool | None = None
        self._classes: dict[str, Any] = {}
        self._methods: dict[str, Method] = {}

    def message(self, name: str) -> Any:
        """The class of a message: `Packet(type=...)`, `Packet.FromString(data)`, `p.SerializeToString()`."""
        found = self._classes.get(name)
        if found is None:
            descriptor = self._loaded().FindMessageTypeByName(name)
            found = self._classes[name] = message_factory.GetMessageClass(descriptor)
        return found

    def method(self, service: str, name: str) -> Method:
        path = f"/{service}/{name}"
        found = self._methods.get(path)
        if found is None:
            found = self._methods[path] = self._find_method(service, name)
        return found

    def methods(self, service: str) -> dict[str, Method]:
        package, _, short = service.rpartition(".")
        names = next(f.services[short] for f in self._files if f.package == package and short in f.services)
        return {name: self.method(service, name) for name in names}

    def _find_method(self, service: str, name: str) -> Method:
        package, _, short = service.rpartition(".")
        file = next(f for f in self._files if f.package == package and short in f.services)
        request, response = file.services[short][name]
        return Method(
            path=f"/{service}/{name}",
            request=self.message(self._full(package, request.removeprefix("stream "))),
            response=self.message(self._full(package, response.removeprefix("stream "))),
            client_streams=request.startswith("stream "),
            server_streams=response.startswith("stream "),
        )

    def _loaded(self) -> descriptor_pool.DescriptorPool:
        if self._pool is None:
            pool = descriptor_pool.DescriptorPool()
            for proto in _ordered([self._describe(file) for file in _merged(self._files)]):
                pool.Add(proto)
            self._pool = pool
        return self._pool

    def _full(self, package: str, name: str) -> str:
        inside = f"{package}.{name}"
        full = inside if inside in self._kinds else name
        if full not in self._kinds:
            raise LookupError(f"{package}: no table has a message or enum {name}")
        return full

    def _describe(self, file: File) -> descriptor_pb2.FileDescriptorProto:
        proto = descriptor_pb2.FileDescriptorProto(
            name=f"{file.package}.proto", package=file.package, syntax="proto3"
        )
        made: dict[str, Any] = {"": proto}
        for name in sorted(file.messages, key=lambda name: name.count(".")):
            outer, _, short = name.rpartition(".")
            among = made[outer].nested_type if outer else proto.message_type
            made[name] = message = among.add(name=short)
            self._add_fields(file.package, name, message, file.messages[name])
        for name, values in file.enums.items():
            outer, _, short = name.rpartition(".")
            enum = made[outer].enum_type.add(name=short)
            for value, number in values.items():
                enum.value.add(name=value, number=number)
        proto.dependency.extend(sorted(self._dependencies(proto)))
        return proto

    def _add_fields(
        self,
        package: str,
        name: str,
        message: descriptor_pb2.DescriptorProto,
        fields: Mapping[str, Field],
    ) -> None:
        oneofs: dict[str, int] = {}
        optional: list[descriptor_pb2.FieldDescriptorProto] = []
        for key, row in fields.items():
            made = message.field.add(name=key, number=row[0], label=_Type.LABEL_OPTIONAL)
            kind = row[1]
            if len(row) == 3:
                if row[2] not in oneofs:
                    oneofs[row[2]] = len(oneofs)
                    message.oneof_decl.add(name=row[2])
                made.oneof_index = oneofs[row[2]]
            if kind.startswith("map<"):
                made.label = _Type.LABEL_REPEATED
                made.type = _Type.TYPE_MESSAGE
                made.type_name = f".{package}.{name}.{self._add_map(package, message, key, kind)}"
                continue
            if kind.startswith("repeated "):
                made.label, kind = _Type.LABEL_REPEATED, kind.removeprefix("repeated ")
            elif kind.startswith("optional "):
                made.proto3_optional, kind = True, kind.removeprefix("optional ")
                optional.append(made)
            self._set_type(package, made, kind)
        for made in optional:  # after the real ones, as protoc puts them
            made.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{made.name}")

    def _add_map(self, package: str, message: descriptor_pb2.DescriptorProto, key: str, kind: str) -> str:
        of, to = (part.strip() for part in kind.removeprefix("map<").removesuffix(">").split(","))
        entry = message.nested_type.add(name="".join(p[:1].upper() + p[1:] for p in key.split("_")) + "Entry")
        entry.options.map_entry = True
        for number, (label, type_) in enumerate((("key", of), ("value", to)), 1):
            field = entry.field.add(name=label, number=number, label=_Type.LABEL_OPTIONAL)
            self._set_type(package, field, type_)
        return entry.name

    def _set_type(self, package: str, made: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
        if kind in SCALARS:
            made.type = SCALARS[kind]
            return
        full = self._full(package, kind)
        made.type = self._kinds[full]
        made.type_name = f".{full}"

    def _dependencies(self, proto: descriptor_pb2.FileDescriptorProto) -> set[str]:
        found = set()
        pending = list(proto.message_type)
        while pending:
            message = pending.pop()
            pending += message.nested_type
            for row in message.field:
                if row.type_name:
                    package = self._packages.get(
                        row.type_name[1:], proto.package
                    )  # not listed: a map's entry
                    if package != proto.package:
                        found.add(f"{package}.proto")
        return found


def _merged(files: Iterable[File]) -> list[File]:
    """Files of one package as one."""
    packages: dict[str, File] = {}
    for file in files:
        before = packages.get(file.package)
        packages[file.package] = (
            file
            if before is None
            else File(
                package=file.package,
                messages={**before.messages, **file.messages},
                enums={**before.enums, **file.enums},
                services={**before.services, **file.services},
            )
        )
    return list(packages.values())


def _ordered(files: list[descriptor_pb2.FileDescriptorProto]) -> list[descriptor_pb2.FileDescriptorProto]:
    """Each after those it needs."""
    ordered: list[descriptor_pb2.FileDescriptorProto] = []
    names: set[str] = set()
    pending = list(files)
    while pending:
        ready = [file for file in pending if names.issuperset(file.dependency)]
        if not ready:
            raise LookupError(f"packages need each other: {', '.join(f.package for f in pending)}")
        ordered += ready
        names.update(file.name for file in ready)
        pending = [file for file in pending if file.name not in names]
    return ordered
