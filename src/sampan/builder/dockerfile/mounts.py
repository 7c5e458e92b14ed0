"""`RUN --mount=...`: one mount's options."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sampan.builder.dockerfile.suggest import did_you_mean
from sampan.builder.errors import DockerfileError
from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_bool
from sampan.specs.golang.quote import quote
from sampan.specs.golang.units import ram_in_bytes

TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")
SHARINGS = ("shared", "private", "locked")
_KEYS = (
    *("type", "from", "source", "target", "readonly", "id", "sharing", "required", "size"),
    *("mode", "uid", "gid", "src", "dst", "destination", "ro", "rw", "readwrite", "env"),
)
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}


@dataclass(frozen=True, kw_only=True)
class Mount:
    type: str = "bind"  # bind, cache, tmpfs, secret, ssh
    from_: str = ""
    source: str = ""
    target: str = ""
    read_only: bool = False
    id: str = ""
    sharing: str = ""  # cache: shared (also ""), private, locked
    required: bool = False
    size: int = 0  # tmpfs, bytes
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    env: str | None = None  # secret: the variable's name; None: no variable


def check_mount(text: str) -> None:
    """What can be said before variables have values. Raises DockerfileError in BuildKit's words."""
    for field in csv_fields(text, "mounts"):
        key, equals, value = field.partition("=")
        if key.lower() == "from" and equals and re.search(r"\$.", value):
            raise DockerfileError(
                f"'{key.lower()}' doesn't support variable expansion, define alias stage instead"
            )


def parse_mount(text: str, expand: Callable[[str], str]) -> Mount:
    """Raises DockerfileError in BuildKit's words."""
    parser = _Parser(expand)
    for field in csv_fields(text, "mounts"):
        parser.add(field)
    return _checked(parser.mount, parser.decided_read_only)


class _Parser:
    def __init__(self, expand: Callable[[str], str]) -> None:
        self.mount = Mount()
        self.decided_read_only = False
        self._expand = expand

    def add(self, field: str) -> None:
        key, equals, value = field.partition("=")
        key = key.lower()
        name = _ALIASES.get(key, key)
        if not equals:
            if name not in ("readonly", "readwrite", "required"):
                raise DockerfileError(f"invalid field '{field}' must be a key=value pair")
            self._switch(key, name, True)
            return
        value = self._expand(value)
        if name in ("readonly", "readwrite", "required"):
            self._allowed(key, name)
            self._switch(key, name, _boolean(key, value))
        elif name in ("from", "source", "target", "id"):
            self._set("from_" if name == "from" else name, value)
        elif name in ("mode", "uid", "gid"):
            self._set(name, _number(name, value, 8 if name == "mode" else 10))
        elif name in ("type", "sharing"):
            self._choice(name, value)
        elif name == "size":
            self._allowed(key, name)
            self._set("size", _bytes(key, value))
        elif name == "env":
            self._set("env", value)
        else:
            message = f"unexpected key '{key}' in '{field}'"
            raise DockerfileError(did_you_mean(message, key, _KEYS))

    def _set(self, name: str, value: object) -> None:
        self.mount = replace(self.mount, **{name: value})  # type: ignore[arg-type]

    def _allowed(self, key: str, name: str) -> None:
        types = {"required": ("secret", "ssh"), "size": ("tmpfs",)}.get(name, TYPES)
        if self.mount.type not in types:
            raise DockerfileError(f"unexpected key '{key}' for mount type '{self.mount.type}'")

    def _switch(self, key: str, name: str, value: bool) -> None:
        self._allowed(key, name)
        if name == "required":
            self._set("required", value)
        else:
            self._set("read_only", value == (name == "readonly"))
            self.decided_read_only = True

    def _choice(self, name: str, value: str) -> None:
        known, what = (TYPES, "mount type") if name == "type" else (SHARINGS, "sharing value")
        if value.lower() not in known:
            raise DockerfileError(did_you_mean(f"unsupported {what} {quote(value)}", value, known))
        self._set(name, value.lower())


def _checked(mount: Mount, decided_read_only: bool) -> Mount:
    if mount.type not in ("secret", "ssh", "cache"):
        for name in ("mode", "uid", "gid"):
            if getattr(mount, name) is not None:
                raise DockerfileError(f'{name} not allowed for "{mount.type}" type mounts')
    if mount.type == "secret":
        _check_secret(mount)
    if mount.sharing and mount.type != "cache":
        raise DockerfileError(f"invalid cache sharing set for {mount.type} mount")
    if decided_read_only:
        return mount
    return replace(mount, read_only=mount.type not in ("cache", "tmpfs"))


def _check_secret(mount: Mount) -> None:
    if mount.from_:
        raise DockerfileError("secret mount should not have a from")
    if mount.sharing:
        raise DockerfileError("secret mount should not define sharing")
    if not mount.source and not mount.target and not mount.id:
        raise DockerfileError("invalid secret mount. one of source, target required")
    if mount.source and mount.id:
        raise DockerfileError("both source and id can't be set")


def parse_device(text: str) -> tuple[str, bool]:
    """`--device=vendor.com/class=name,required`: name, whether it must be there. Raises DockerfileError."""
    name, required = "", False
    for field in csv_fields(text, "devices"):
        key, equals, value = field.partition("=")
        key = key.lower()
        if key == "required":
            required = _boolean(key, value) if equals else True
        elif key == "name" and equals:
            if name:
                raise DockerfileError(f"device name already set to {name}")
            name = value
        elif not name:
            name = field
        elif not equals:
            raise DockerfileError(f"invalid field '{field}' must be a key=value pair")
        else:
            message = f"unexpected key '{key}' in '{field}'"
            raise DockerfileError(did_you_mean(message, key, ("name", "required")))
    return name, required


def _boolean(key: str, value: str) -> bool:
    try:
        return parse_bool(value)
    except Invalid:
        raise DockerfileError(f"invalid value for {key}: {value}") from None


def _number(name: str, value: str, base: int) -> int:
    digits = "[0-7]+" if base == 8 else "[0-9]+"
    if not re.fullmatch(digits, value) or len(value) > 20 or int(value, base) >= 1 << 32:
        raise DockerfileError(f"invalid value {value} for {name}")
    return int(value, base)


def _bytes(key: str, value: str) -> int:
    try:
        return ram_in_bytes(value)
    except Invalid:
        raise DockerfileError(f"invalid value for {key}: {value}") from None


def csv_fields(text: str, what: str) -> Iterable[str]:
    """One line of encoding/csv. Raises DockerfileError."""
    if not text:
        raise DockerfileError(f"failed to parse csv {what}: EOF")
    fields: list[str] = []
    position = 0
    while True:
        if text[position : position + 1] == '"':
            field, position = _quoted_field(text, position, what)
        else:
            end = text.find(",", position)
            end = len(text) if end < 0 else end
            field = text[position:end]
            if '"' in field:
                raise _csv_error(what, position + field.index('"'), 'bare " in non-quoted-field')
            position = end
        fields.append(field)
        if position >= len(text):
            return fields
        position += 1


def _quoted_field(text: str, position: int, what: str) -> tuple[str, int]:
    start, field = position, ""
    position += 1
    while True:
        end = text.find('"', position)
        if end < 0:
            raise _csv_error(what, len(text), 'extraneous or missing " in quoted-field')
        field += text[position:end]
        position = end + 1
        following = text[position : position + 1]
        if following == '"':
            field += '"'
            position += 1
        elif following in ("", ","):
            return field, position
        else:
            raise _csv_error(what, max(end, start), 'extraneous or missing " in quoted-field')


def _csv_error(what: str, column: int, problem: str) -> DockerfileError:
    return DockerfileError(
        f"failed to parse csv {what}: parse error on line 1, column {column + 1}: {problem}"
    )
