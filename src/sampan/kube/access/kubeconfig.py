"""A kubeconfig: how clients are told where a cluster is and who they are.

https://kubernetes.io/docs/reference/config-api/kubeconfig.v1
"""

import base64
from typing import Any


def document(
    server: str, ca: bytes, certificate: bytes, key: bytes, *, cluster: str = "sampan", user: str = "admin"
) -> dict[str, Any]:
    """One cluster, one user with a client certificate, one context; all certificates inside."""
    credentials = {"client-certificate-data": _text(certificate), "client-key-data": _text(key)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"server": server, "certificate-authority-data": _text(ca)}}
        ],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
        "preferences": {},
    }


def yaml(value: dict[str, Any]) -> bytes:
    """A kubeconfig as kubectl writes one."""
    return ("\n".join(_lines(value)) + "\n").encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _lines(value: dict[str, Any]) -> list[str]:
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            lines += [f"{key}:", *(f"  {line}" for line in _lines(inner))]
        elif isinstance(inner, list):
            lines.append(f"{key}:")
            for one in inner:
                first, *rest = _lines(one)
                lines += [f"- {first}", *(f"  {line}" for line in rest)]
        else:
            lines.append(f"{key}: {_scalar(inner)}")
    return lines


def _scalar(value: Any) -> str:
    import json

    text = str(value) if isinstance(value, str) else json.dumps(value)
    plain = text.replace("-", "").replace(".", "").replace("/", "").replace("+", "").replace("=", "")
    safe = plain.isalnum() and text[0].isalpha() and text not in ("true", "false", "null", "yes", "no")
    return text if safe or not isinstance(value, str) else json.dumps(value)
