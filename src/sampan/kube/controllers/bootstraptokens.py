"""Bootstrap tokens: newcomers trust the cluster-info that they sign, and they go when their time is over.

pkg/controller/bootstrap of Kubernetes
"""

import hashlib
import hmac
import json
from collections.abc import Mapping

from sampan.kube.client.informers import NAMESPACE as BY_NAMESPACE
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CONFIG_MAPS, SECRETS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.pki import jws
from sampan.specs.kubernetes.bootstraptokens import NAMESPACE, TYPE, data_of, ends_at, signs_with

PUBLIC, NAME = "kube-public", "cluster-info"
CONFIG = "kubeconfig"
SIGNATURE = "jws-kubeconfig-"  # and a token's id

# --- pure


def signature(content: str, identity: str, word: str) -> str:
    """JWS with a detached payload: RFC 7515, appendix F."""
    header = jws.encode(json.dumps({"alg": "HS256", "kid": identity}, separators=(",", ":")).encode())
    signed = f"{header}.{jws.encode(content.encode())}"
    digest = hmac.new(word.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{header}..{jws.encode(digest)}"


def signed(config: Object, tokens: Mapping[str, str]) -> Object:
    """The ConfigMap with one signature for each token, by id; the same object if nothing is to be changed."""
    data = config.get("data") or {}
    content = data.get(CONFIG)
    if content is None:
        return config
    rest = {key: text for key, text in data.items() if not key.startswith(SIGNATURE)}
    new = {f"{SIGNATURE}{identity}": signature(content, identity, tokens[identity]) for identity in tokens}
    return config if data == {**rest, **new} else {**config, "data": {**rest, **new}}


# --- what is done


def signer(context: Context) -> Controller:
    maps, secrets = context.informers.of(CONFIG_MAPS), context.informers.of(SECRETS, f"type={TYPE}")
    key = f"{PUBLIC}/{NAME}"

    async def reconcile(_key: str) -> float | None:
        config = maps.get(key)
        if config is None:
            return None
        now = context.clock()
        ours = secrets.by(BY_NAMESPACE, NAMESPACE)
        tokens = dict(one for one in (signs_with(secret, now) for secret in ours) if one is not None)
        done = signed(config, tokens)
        if done is not config:
            await context.client.update(CONFIG_MAPS, PUBLIC, done)
        ends = [ends_at(data_of(one)) - now for one in ours if signs_with(one, now)]
        return min((end for end in ends if end < float("inf")), default=None)

    found = Controller("bootstrap-signer", reconcile, [maps, secrets], workers=1)
    found.watch(maps, lambda value: [key] if value["metadata"]["name"] == NAME else [])
    found.watch(secrets, lambda value: [key] if value.get("type") == TYPE else [])
    return found


def cleaner(context: Context) -> Controller:
    secrets = context.informers.of(SECRETS, f"type={TYPE}")

    async def reconcile(key: str) -> float | None:
        secret = secrets.get(key)
        if secret is None:
            return None
        rest = ends_at(data_of(secret)) - context.clock()
        if rest > 0:
            return rest if rest < float("inf") else None
        await context.client.discard(SECRETS, secret)
        return None

    def ours(secret: Object) -> list[str]:
        metadata = secret["metadata"]
        of = metadata.get("namespace") == NAMESPACE and secret.get("type") == TYPE
        return [f"{NAMESPACE}/{metadata['name']}"] if of else []

    found = Controller("token-cleaner", reconcile, [secrets], workers=1)
    found.watch(secrets, ours)
    return found
