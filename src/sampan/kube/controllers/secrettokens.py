"""Secrets of type kubernetes.io/service-account-token get a token, and go with their account.

pkg/controller/serviceaccount/tokens_controller.go of Kubernetes
"""

import base64
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sampan.errors import Unavailable
from sampan.kube.client.informer import key_of, split_key
from sampan.kube.client.informers import NAMESPACE
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import SECRETS, SERVICE_ACCOUNTS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.pki.accounttokens import secret_token
from sampan.kube.pki.keyfiles import read_token_key
from sampan.specs.kubernetes.objects import annotations_of, is_going

TYPE = "kubernetes.io/service-account-token"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
OF_ACCOUNT = "service account"  # the index of such secrets by whose they are

# --- pure


def account_key(secret: Object) -> list[str]:
    """For the index OF_ACCOUNT."""
    name = annotations_of(secret).get(NAME)
    return [f"{secret['metadata']['namespace']}/{name}"] if secret.get("type") == TYPE and name else []


def belongs(secret: Object, account: Object) -> bool:
    """Is it for this very account, not for an earlier one of that name?"""
    uid = annotations_of(secret).get(UID)
    return not uid or uid == account["metadata"]["uid"]


def filled(secret: Object, account: Object, bundle: str, make: Callable[[Object, Object], str]) -> Object:
    """With all that a pod needs to speak to the server; the same object if it has that."""
    data, metadata = dict(secret.get("data") or {}), secret["metadata"]
    wanted = {"ca.crt": _encoded(bundle)} if bundle else {}
    if not data.get("namespace"):
        wanted["namespace"] = _encoded(metadata["namespace"])
    if not data.get("token"):
        wanted["token"] = _encoded(make(account, secret))
    annotations = metadata.get("annotations") or {}
    told = {**annotations, NAME: account["metadata"]["name"], UID: account["metadata"]["uid"]}
    if {**data, **wanted} == data:
        return secret
    return {**secret, "data": {**data, **wanted}, "metadata": {**metadata, "annotations": told}}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def without(account: Object, secret: str) -> Object:
    """The account without its reference to a secret; the same object if it has none."""
    references = account.get("secrets") or []
    rest = [one for one in references if one.get("name") != secret]
    return account if len(rest) == len(references) else {**account, "secrets": rest}


# --- what is done


def controller(context: Context) -> Controller:
    secrets = context.informers.of(SECRETS, f"type={TYPE}")
    accounts = context.informers.of(SERVICE_ACCOUNTS)
    secrets.index(OF_ACCOUNT, account_key)

    def make(account: Object, secret: Object) -> str:
        return secret_token(account, secret, _key(context.options.token_key))

    async def reconcile(key: str) -> None:
        secret = secrets.get(key)
        if secret is None:
            await _forget(context, key, accounts.by(NAMESPACE, split_key(key)[0]))
            return
        (whose,) = account_key(secret) or ("",)
        if not whose or is_going(secret):
            return
        account = accounts.get(whose)
        if account is None or not belongs(secret, account):
            account = await context.client.find(SERVICE_ACCOUNTS, *split_key(whose))
        if account is None or not belongs(secret, account):
            await context.client.discard(SECRETS, secret)
            return
        done = filled(secret, account, context.options.bundle, make)
        if done is not secret:
            await context.client.update(SECRETS, secret["metadata"]["namespace"], done)

    found = Controller("tokens", reconcile, [secrets, accounts])
    found.watch(secrets, lambda secret: [key_of(secret)] if secret.get("type") == TYPE else [])
    found.watch(accounts, lambda account: [key_of(one) for one in secrets.by(OF_ACCOUNT, key_of(account))])
    return found


def _key(path: Path | None) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    key = read_token_key(path) if path is not None else None
    if key is None:
        raise Unavailable(f"no key to sign tokens with: {path}")
    return key


async def _forget(context: Context, key: str, accounts: Iterable[Object]) -> None:
    """No account names a secret that has gone."""
    namespace, name = split_key(key)
    naming = [one for one in accounts if without(one, name) is not one]
    if naming and await context.client.find(SECRETS, *split_key(key)) is None:
        for account in naming:
            await context.client.update(SERVICE_ACCOUNTS, namespace, without(account, name))
