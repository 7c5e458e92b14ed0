"""Service accounts as users, and the tokens of theirs that stand in Secrets; pkg/serviceaccount/legacy.go"""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sampan.kube.pki import jws

ISSUER = "kubernetes/serviceaccount"
# Labels of Secrets with tokens, with days as their values.
LAST_USED = "kubernetes.io/legacy-token-last-used"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
TRACKING = "kube-apiserver-legacy-service-account-token-tracking"  # the ConfigMap that says since when


def username(namespace: str, name: str) -> str:
    return f"system:serviceaccount:{namespace}:{name}"


def groups(namespace: str) -> tuple[str, ...]:
    """Those of each service account, but for system:authenticated."""
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def secret_token(
    account: dict[str, Any], secret: dict[str, Any], key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
) -> str:
    """The token of a secret of type kubernetes.io/service-account-token; it has no end."""
    metadata = account["metadata"]
    prefix = "kubernetes.io/serviceaccount"
    claims = {
        "iss": ISSUER,
        f"{prefix}/namespace": metadata["namespace"],
        f"{prefix}/secret.name": secret["metadata"]["name"],
        f"{prefix}/service-account.name": metadata["name"],
        f"{prefix}/service-account.uid": metadata.get("uid", ""),
        "sub": username(metadata["namespace"], metadata["name"]),
    }
    return jws.sign(key, claims)
