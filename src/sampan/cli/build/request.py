"""The command line as the document that POST /sampan/builds takes, but for the files. See docs/api.md."""

from __future__ import annotations

import binascii
import os

from sampan.cli.build import attributes
from sampan.cli.errors import CliError
from sampan.cli.opts import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

CALLS = ("build", "check", "lint", "outline", "targets")
_PROXIES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "noProxy": "NO_PROXY",
    "ftpProxy": "FTP_PROXY",
    "allProxy": "ALL_PROXY",
}
_LIMITS = {
    "cpu-period": "CpuPeriod",
    "cpu-quota": "CpuQuota",
    "cpu-shares": "CpuShares",
    "cpuset-cpus": "CpusetCpus",
    "cpuset-mems": "CpusetMems",
    "memory": "Memory",
    "memory-swap": "MemorySwap",
    "shm-size": "ShmSize",
    "ulimit": "Ulimits",
}


def document(session: Session, options: Options) -> dict[str, Any]:
    """Raises CliError for options that contradict each other, or that no engine could follow."""
    _refuse(options)
    call = _call(options)
    found = {
        "Target": options["target"],
        "BuildArgs": build_arguments(session, options["build-arg"]),
        "Labels": values.key_values(options["label"]),
        "Tags": tags(options["tag"]),
        "Platforms": _platforms(session, options),
        "NoCache": options["no-cache"],
        "NoCacheFilter": options["no-cache-filter"],
        "Pull": options["pull"],
        "CacheFrom": options["cache-from"],
        "CacheTo": options["cache-to"],
        "Outputs": [] if call != "build" else outputs(options),
        "Squash": options["squash"],
        "Network": "" if options["network"] == "default" else options["network"],
        "ExtraHosts": options["add-host"],
        "HostConfig": {key: options[flag] for flag, key in _LIMITS.items() if options[flag]},
        "CgroupParent": options["cgroup-parent"],
        "Entitlements": options["allow"],
        "Explain": options["explain"],
        "Call": call,
        "Secrets": secrets(options["secret"]),
        "SSH": [identity for identity, _ in options["ssh"]],
    }
    return {key: value for key, value in found.items() if value not in ("", False, [], {}, "build")}


def _refuse(options: Options) -> None:
    if options["builder"] not in ("", "default"):
        raise CliError(f'ERROR: no builder "{options["builder"]}" found')
    asked = [*options["attest"], options["sbom"], options["provenance"]]
    if any(text.lower() not in ("", "false", "0", "disabled=true") for text in asked):
        raise CliError("ERROR: Attestation is not supported by the engine's own builder")
    if options["isolation"] not in ("", "default"):
        raise CliError(f'ERROR: unsupported isolation: "{options["isolation"]}"')
    if options["quiet"] and options["progress"] not in ("", "auto", "quiet"):
        raise CliError(f"ERROR: progress={options['progress']} and quiet cannot be used together")
    for name in options["allow"]:
        if name not in ("network.host", "security.insecure"):
            raise CliError(f"ERROR: invalid entitlement: unknown entitlement {name}")
    if options["push"] and options["load"]:
        raise CliError("ERROR: push and load may not be set together at the moment")


def _call(options: Options) -> str:
    call = str(options["call"]).partition(",")[0]
    if options["check"]:
        if call not in ("build", "check", "lint"):
            raise CliError("ERROR: --check and --call can not be used together")
        call = "check"
    if call not in CALLS:
        raise CliError(f'ERROR: subrequest "{call}" is not known: build, check, outline or targets are')
    return "check" if call == "lint" else call


def build_arguments(session: Session, given: list[str]) -> dict[str, str]:
    """The given ones, the proxies of config.json, and SOURCE_DATE_EPOCH of the environment."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if equals:
            found[name] = value
        elif name in session.environ:
            found[name] = session.environ[name]
    for name, value in proxies(session.config, session.endpoint.address).items():
        found.setdefault(name, value)
    epoch = session.environ.get("SOURCE_DATE_EPOCH")
    if epoch and not any(text.partition("=")[0] == "SOURCE_DATE_EPOCH" for text in given):
        found["SOURCE_DATE_EPOCH"] = epoch
    return found


def proxies(config: Mapping[str, Any], address: str) -> dict[str, str]:
    """The variables, in both spellings, that config.json's "proxies" sets for this daemon, or by default."""
    known = config.get("proxies")
    if not isinstance(known, dict):
        return {}
    chosen = known.get(address) or known.get("default")
    found: dict[str, str] = {}
    for key, name in _PROXIES.items():
        value = chosen.get(key) if isinstance(chosen, dict) else None
        if isinstance(value, str) and value:
            found[name] = found[name.lower()] = value
    return found


def tags(given: list[str]) -> list[str]:
    """Raises CliError for an invalid image name."""
    from sampan.cli.image.reference import named

    for text in given:
        try:
            named(text)
        except CliError as error:
            reason = error.message.partition("invalid reference format: ")[2] or "invalid reference format"
            raise CliError(f'ERROR: invalid tag "{text}": {reason}') from None
    return given


def _platforms(session: Session, options: Options) -> list[str]:
    given = [text.strip() for text in options["platform"]]
    if not given and session.environ.get("DOCKER_DEFAULT_PLATFORM"):
        given = [session.environ["DOCKER_DEFAULT_PLATFORM"]]
    return list(dict.fromkeys(given))


def outputs(options: Options) -> list[dict[str, Any]]:
    found = [attributes.checked_output(asked) for asked in options["output"]]
    if options["push"]:
        images = [asked for asked in found if asked["Type"] == "image"]
        if not images:
            images = [{"Type": "image", "Attrs": {}}]
            found += images
        for asked in images:
            asked["Attrs"]["push"] = "true"
    if options["load"] and not any(asked["Type"] in ("docker", "image") for asked in found):
        found.append({"Type": "docker", "Attrs": {}})
    if not found:
        found = [{"Type": "image", "Attrs": {}}]
    if sum(_to_stdout(asked) for asked in found) > 1:
        raise CliError("ERROR: only one output can go to stdout")
    for annotation in options["annotation"]:
        for asked in found:
            if asked["Type"] in ("image", "oci", "docker"):
                asked["Attrs"].update(annotation)
    return found


def _to_stdout(asked: dict[str, Any]) -> bool:
    dest = asked["Attrs"].get("dest", "")
    return dest == "-" or (asked["Type"] in ("tar", "oci") and not dest)


def secrets(given: list[tuple[str, str, str]]) -> dict[str, str]:
    """Values by id, in base64."""
    return {
        identity: binascii.b2a_base64(attributes.secret_value(identity, path, name), newline=False).decode()
        for identity, path, name in given
    }


def without_destinations(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As the daemon gets them: it need not know where on this machine a result goes."""
    return [
        {
            "Type": asked["Type"],
            "Attrs": {name: ("-" if name == "dest" else value) for name, value in asked["Attrs"].items()},
        }
        for asked in outputs
    ]


def output_path(asked: dict[str, Any]) -> str:
    """Where it goes here: "" is stdout."""
    dest = asked["Attrs"].get("dest", "")
    return "" if dest == "-" else os.path.abspath(dest) if dest else ""
