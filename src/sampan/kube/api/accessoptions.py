"""The API server's options about access: other issuers, configuration files, the audit log."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class AuditLog:
    """`path` is empty if there is none; `largest` in bytes."""

    path: str = ""
    largest: int = 100 << 20
    backups: int = 0
    days: int = 0


@dataclass(frozen=True)
class Issuer:
    """An issuer of tokens, as --oidc-* name it; there is none if `url` is empty."""

    url: str = ""
    client: str = ""
    username_claim: str = "sub"
    username_prefix: str = ""
    groups_claim: str = ""
    groups_prefix: str = ""
    required: tuple[str, ...] = ()
    ca_file: str = ""
    algorithms: tuple[str, ...] = ("RS256",)


@dataclass(frozen=True)
class AccessOptions:
    """Paths of files are empty where there is none."""

    authentication: str = ""
    authorization: str = ""
    encryption: str = ""
    policy: str = ""
    webhook: str = ""
    log: AuditLog = AuditLog()
    issuer: Issuer = Issuer()


def declare(add: Callable[..., Any]) -> None:
    """Each as kube-apiserver names it."""
    add("--authentication-config", default="", help="AuthenticationConfiguration: issuers of tokens")
    add("--authorization-config", default="", help="AuthorizationConfiguration: authorizers, webhooks too")
    add("--encryption-provider-config", default="", help="EncryptionConfiguration, instead of own keys")
    add("--audit-policy-file", default="", help="what of requests is kept; without it, nothing")
    add("--audit-webhook-config-file", default="", help="kubeconfig of who gets audit events")
    add("--audit-log-path", default="", help="file that gets audit events")
    add("--audit-log-maxsize", default=100, type=int, help="megabytes of it until it is set aside")
    add("--audit-log-maxbackup", default=0, type=int, help="files set aside that are kept; 0: all")
    add("--audit-log-maxage", default=0, type=int, help="days for which they are kept; 0: for ever")
    add("--oidc-issuer-url", default="", help="issuer of tokens, an https:// address")
    add("--oidc-client-id", default="", help="audience that its tokens must have")
    add("--oidc-username-claim", default="sub", help="claim that names the user")
    add("--oidc-username-prefix", default="", help="put before it; - for none")
    add("--oidc-groups-claim", default="", help="claim that names the user's groups")
    add("--oidc-groups-prefix", default="", help="put before each of them")
    add("--oidc-required-claim", action="append", default=[], help="key=value that tokens must have")
    add("--oidc-ca-file", default="", help="authorities that the issuer is known by")
    add("--oidc-signing-algs", default="RS256", help="algorithms of its signatures, with commas")


def read(options: argparse.Namespace) -> AccessOptions:
    """What was declared, as it was given."""
    log = AuditLog(
        options.audit_log_path,
        options.audit_log_maxsize << 20,
        options.audit_log_maxbackup,
        options.audit_log_maxage,
    )
    issuer = Issuer(
        options.oidc_issuer_url,
        options.oidc_client_id,
        options.oidc_username_claim,
        options.oidc_username_prefix,
        options.oidc_groups_claim,
        options.oidc_groups_prefix,
        tuple(options.oidc_required_claim),
        options.oidc_ca_file,
        tuple(options.oidc_signing_algs.split(",")),
    )
    return AccessOptions(
        options.authentication_config,
        options.authorization_config,
        options.encryption_provider_config,
        options.audit_policy_file,
        options.audit_webhook_config_file,
        log,
        issuer,
    )


def text_of(path: str) -> str:
    return Path(path).read_text() if path else ""
