"""Where a cluster is and who asks, from a kubeconfig; kubernetes.io/docs/reference/config-api/kubeconfig.v1

Certificates that stand in the file itself become files in memory, as OpenSSL reads nothing else.
"""

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sampan.errors import Invalid, NotFound, Unsupported
from sampan.kube.client.requests import Endpoint
from sampan.paths import KubePaths


def find(given: str = "") -> Path:
    """The file that is given, else as kubectl finds it, else this machine's cluster's."""
    first = (given or os.environ.get("KUBECONFIG", "")).partition(os.pathsep)[0]
    if first:
        return Path(first)
    own = Path(os.environ.get("HOME", "/root")) / ".kube" / "config"
    return own if own.exists() else KubePaths().kubeconfig


def read(path: Path, context: str = "") -> tuple[Endpoint, str]:
    """The endpoint and the namespace of a context (the file's current one); raises NotFound and Invalid."""
    import yaml

    try:
        text = path.read_text()
    except FileNotFoundError:
        raise NotFound(f"there is no kubeconfig {path}", hint="sampan kube up makes one") from None
    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise Invalid(f"{path} is no YAML: {error}") from None
    if not isinstance(document, dict):
        raise Invalid(f"{path} is no kubeconfig")
    name = context or document.get("current-context") or ""
    chosen = _named(document, "contexts", "context", name, path)
    cluster = _named(document, "clusters", "cluster", chosen.get("cluster", ""), path)
    user = _named(document, "users", "user", chosen["user"], path) if chosen.get("user") else {}
    return _endpoint(cluster, user, path.parent), chosen.get("namespace") or "default"


def _named(
    document: Mapping[str, Any], plural: str, singular: str, name: str, path: Path
) -> Mapping[str, Any]:
    entries: Sequence[Any] = document.get(plural) or ()
    for one in entries:
        if isinstance(one, dict) and one.get("name") == name:
            found = one.get(singular)
            if isinstance(found, dict):
                return found
    raise Invalid(f"{path} has no {singular} {name!r}")


def _endpoint(cluster: Mapping[str, Any], user: Mapping[str, Any], directory: Path) -> Endpoint:
    if "exec" in user or "auth-provider" in user:
        raise Unsupported("credentials that another program gives are not supported")
    if cluster.get("insecure-skip-tls-verify"):
        raise Unsupported("insecure-skip-tls-verify is not supported")
    token = user.get("token") or ""
    if not token and user.get("tokenFile"):
        token = (directory / user["tokenFile"]).read_text().strip()
    return Endpoint(
        str(cluster.get("server", "")).rstrip("/"),
        _file(cluster, "certificate-authority", directory),
        _file(user, "client-certificate", directory),
        _file(user, "client-key", directory),
        token,
        "sampan",
    )


def _file(entry: Mapping[str, Any], name: str, directory: Path) -> str:
    data = entry.get(f"{name}-data")
    if data:
        try:
            return _in_memory(base64.b64decode(data, validate=True))
        except (binascii.Error, TypeError):
            raise Invalid(f"{name}-data is no base64") from None
    path = entry.get(name)
    return str(directory / path) if path else ""


def _in_memory(data: bytes) -> str:
    """The path stays good while this process lives."""
    descriptor = os.memfd_create("kubeconfig", os.MFD_CLOEXEC)
    os.write(descriptor, data)
    return f"/proc/self/fd/{descriptor}"
