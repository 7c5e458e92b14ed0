"""sampan version: versions of the client and of the engine it talks to."""

from __future__ import annotations

import platform
import sys

from sampan import __version__
from sampan.cli import gojson
from sampan.cli.errors import CliError
from sampan.cli.flags import Command
from sampan.cli.http import API_VERSION
from sampan.cli.inspection import FORMAT_FLAG
from sampan.cli.tabwriter import align
from sampan.specs.oci.platform import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    """Without an engine the client's part is printed all the same, and the exit code is 1."""
    failure, server = "", None
    try:
        server = session.client.get("/version").json()
    except CliError as error:
        failure = error.message
    value = {"Client": client_part(session), "Server": server}
    _print(value, options["format"])
    if failure:
        raise CliError(failure)
    return 0


def client_part(session: Session) -> dict[str, Any]:
    from sampan.cli.config import context_name

    version = session._client.version if session._client else API_VERSION
    return {
        "Version": __version__,
        "ApiVersion": f"{version[0]}.{version[1]}",
        "DefaultAPIVersion": f"{API_VERSION[0]}.{API_VERSION[1]}",
        "GitCommit": "",
        "GoVersion": "",
        "Os": sys.platform,
        "Arch": machine()[0],
        "BuildTime": "",
        "Context": context_name(session.options, session.environ, session.config),
    }


def _print(value: dict[str, Any], source: str) -> None:
    if source == "json":
        print(gojson.dumps({name: part for name, part in value.items() if part is not None}))
    elif source:
        from sampan.cli.gotemplate import render_one
        from sampan.cli.gotemplate.values import NIL
        from sampan.cli.gotypes import typed

        document = typed(
            {name: part for name, part in value.items() if part is not None}, "system.versionInfo"
        )
        document.absent = {"Server": NIL}
        try:
            print(render_one(source, "version", document))
        except CliError as error:
            if error.code == 1:
                print()
            raise
    else:
        print(_text(value))


def _text(value: dict[str, Any]) -> str:
    """Docker's layout; the tabs make columns 20 wide."""
    client = value["Client"]
    lines = ["Client:", f" Version:\t{client['Version']}", f" API version:\t{_api(client)}"]
    lines += [f" Python version:\t{platform.python_version()}"]
    lines += [f" OS/Arch:\t{client['Os']}/{client['Arch']}", f" Context:\t{client['Context']}"]
    server = value["Server"]
    if server is None:
        return align("\n".join(lines), 20, 1)
    name = (server.get("Platform") or {}).get("Name") or ""
    lines += ["", f"Server: {name}".rstrip()]
    for component in server.get("Components") or _engine(server):
        lines += _component(component)
    return align("\n".join(lines), 20, 1)


def _engine(server: dict[str, Any]) -> list[dict[str, Any]]:
    """What engines older than Components say of themselves."""
    names = ("ApiVersion", "MinAPIVersion", "GitCommit", "GoVersion", "Os", "Arch", "BuildTime")
    return [
        {
            "Name": "Engine",
            "Version": server.get("Version", ""),
            "Details": {n: server.get(n, "") for n in names},
        }
    ]


def _component(component: dict[str, Any]) -> list[str]:
    details = component.get("Details") or {}
    lines = [f" {component['Name']}:", f"  Version:\t{component.get('Version', '')}"]
    if component["Name"] != "Engine":
        return lines + [f"  {name}:\t{text}" for name, text in sorted(details.items())]
    minimum = f" (minimum version {details['MinAPIVersion']})" if details.get("MinAPIVersion") else ""
    lines.append(f"  API version:\t{details.get('ApiVersion', '')}{minimum}")
    for name, label in (("GoVersion", "Go version"), ("GitCommit", "Git commit"), ("BuildTime", "Built")):
        if details.get(name):
            lines.append(f"  {label}:\t{_ansic(details[name]) if name == 'BuildTime' else details[name]}")
    lines.append(f"  OS/Arch:\t{details.get('Os', '')}/{details.get('Arch', '')}")
    lines.append(f"  Experimental:\t{details.get('Experimental', 'false')}")
    return lines


def _ansic(text: str) -> str:
    """An RFC 3339 time as C's ctime writes it; anything else as it is."""
    import time

    from sampan.errors import Invalid
    from sampan.specs.golang.time import SECOND, parse

    try:
        return time.asctime(time.gmtime(parse(text) // SECOND))
    except Invalid:
        return text


def _api(client: dict[str, Any]) -> str:
    if client["ApiVersion"] == client["DefaultAPIVersion"]:
        return str(client["ApiVersion"])
    return f"{client['ApiVersion']} (downgraded from {client['DefaultAPIVersion']})"


COMMAND = Command("[OPTIONS]", run, (FORMAT_FLAG,), args=(0, 0))
