"""What `context create` and `context update` share: the --docker option."""

from __future__ import annotations

from sampan.cli.config import parse_host
from sampan.cli.context import store
from sampan.cli.errors import CliError
from sampan.cli.opts import csv
from sampan.cli.opts.values import key_values
from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_bool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.session import Session

HELP = (
    "Settings of --docker:\n\nNAME                DESCRIPTION\n"
    "from                Copy the endpoint of this context\n"
    "host                Docker endpoint to connect to\n"
    "ca                  Trust only certificates signed by this CA\n"
    "cert                Client certificate file\n"
    "key                 Client key file\nskip-tls-verify     Do not verify the other side's certificate"
)
_KEYS = ("from", "host", "ca", "cert", "key", "skip-tls-verify")


def parse(text: str) -> list[str]:
    """NAME=VALUE,... ; raises ValueError."""
    fields = csv.fields(text)
    for field in fields:
        if "=" not in field:
            raise ValueError(f"{field} must be formatted as key=value")
    return fields


def endpoint(session: Session, fields: list[str]) -> tuple[dict[str, Any], dict[str, bytes] | None]:
    """(endpoint metadata, TLS file contents or None to keep what there is); raises CliError."""
    chosen = key_values(fields)
    for key in chosen:
        if key not in _KEYS:
            raise CliError(f"unable to create docker endpoint config: unrecognized config key: {key}")
    if "from" in chosen:
        source = store.get(session, chosen["from"])
        return source["Endpoints"]["docker"], _copied(session, chosen["from"])
    meta: dict[str, Any] = {"SkipTLSVerify": _truth(chosen, "skip-tls-verify")}
    if chosen.get("host"):
        meta = {"Host": parse_host(chosen["host"]) if "://" not in chosen["host"] else chosen["host"], **meta}
        parse_host(chosen["host"])
    return meta, {kind: _read(chosen[kind]) for kind in store.TLS_NAMES if chosen.get(kind)}


def _truth(chosen: dict[str, str], key: str) -> bool:
    try:
        return parse_bool(chosen.get(key, "false"))
    except Invalid as error:
        problem = error.message.partition(": ")[2]
        raise CliError(f"unable to create docker endpoint config: {key}: {problem}") from None


def _copied(session: Session, name: str) -> dict[str, bytes]:
    directory = store.tls_dir(session.config_dir, name) + "/docker"
    present = store.tls_files(session.config_dir, name)
    return {kind: _read(f"{directory}/{file}") for kind, file in store.TLS_NAMES.items() if file in present}


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CliError(
            f"unable to create docker endpoint config: open {path}: {(error.strerror or '').lower()}"
        ) from None
