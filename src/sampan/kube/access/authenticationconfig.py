"""The AuthenticationConfiguration file: issuers of tokens, and where nobody may ask.

https://kubernetes.io/docs/reference/config-api/apiserver-config.v1
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sampan.errors import Invalid
from sampan.kube.access.authentication import Anonymous, TokenCheck
from sampan.kube.access.configuration import Shape, expect, load
from sampan.kube.access.expressions import Expression
from sampan.kube.access.oidc import Oidc, Rule, Settings, Source
from sampan.kube.access.remote import Endpoint, Remote, trusting

_SOURCE = Shape({"claim": str, "prefix": str, "expression": str})
_SHAPE = Shape(
    {
        "jwt": [
            Shape(
                {
                    "issuer": Shape(
                        {
                            "url": str,
                            "discoveryURL": str,
                            "certificateAuthority": str,
                            "audiences": [str],
                            "audienceMatchPolicy": str,
                        }
                    ),
                    "claimValidationRules": [
                        Shape({"claim": str, "requiredValue": str, "expression": str, "message": str})
                    ],
                    "claimMappings": Shape(
                        {
                            "username": _SOURCE,
                            "groups": _SOURCE,
                            "uid": Shape({"claim": str, "expression": str}),
                            "extra": [Shape({"key": str, "valueExpression": str})],
                        }
                    ),
                    "userValidationRules": [Shape({"expression": str, "message": str})],
                }
            )
        ],
        "anonymous": Shape({"enabled": bool, "conditions": [Shape({"path": str})]}),
    }
)
_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512")
_SECONDS = 10.0  # for an issuer's answer


def from_file(
    path: Path, audiences: tuple[str, ...], clock: Callable[[], datetime]
) -> tuple[list[TokenCheck], Anonymous | None]:
    """The issuers, and what is said of anonymous requests; None: nothing is. Raises Invalid."""
    versions = ("apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1")
    found = load(path, "AuthenticationConfiguration", versions)
    expect(found, _SHAPE, str(path))
    issuers = [
        _settings(one, f"{path}: jwt[{at}]", audiences) for at, one in enumerate(found.get("jwt") or ())
    ]
    urls = [settings.url for settings, _ in issuers]
    if len(set(urls)) < len(urls):
        raise Invalid(f"{path}: an issuer is there twice")
    checks: list[TokenCheck] = [_issuer(settings, ca, clock) for settings, ca in issuers]
    return checks, _anonymous(found.get("anonymous"), path)


def _issuer(settings: Settings, ca: str, clock: Callable[[], datetime]) -> Oidc:
    context = trusting(ca.encode()) if ca else None
    remote = Remote(Endpoint(settings.url, context), _SECONDS)
    return Oidc(settings, remote.get, clock, remote.close)


def from_flags(
    *,
    issuer_url: str,
    client_id: str,
    audiences: tuple[str, ...],
    clock: Callable[[], datetime],
    username_claim: str = "sub",
    username_prefix: str = "",
    groups_claim: str = "",
    groups_prefix: str = "",
    required_claims: tuple[str, ...] = (),
    ca: str = "",
    algorithms: tuple[str, ...] = ("RS256",),
) -> Oidc:
    """As --oidc-* say it. Raises Invalid."""
    _https(issuer_url, "oidc-issuer-url")
    if not client_id:
        raise Invalid("oidc-client-id is needed with oidc-issuer-url")
    prefix = username_prefix
    # Names of another issuer must not be taken for ours; addresses cannot be.
    if not prefix and username_claim != "email":
        prefix = f"{issuer_url}#"
    rules = []
    for pair in required_claims:
        claim, equal, value = pair.partition("=")
        if not equal:
            raise Invalid(f"oidc-required-claim: {pair!r} is not key=value")
        rules.append(Rule(claim, value))
    unknown = [one for one in algorithms if one not in _ALGORITHMS]
    if unknown:
        raise Invalid(f"oidc-signing-algs: no {unknown[0]!r}", hint=", ".join(_ALGORITHMS))
    settings = Settings(
        issuer_url,
        (client_id,),
        Source(username_claim, "" if prefix == "-" else prefix),
        groups=Source(groups_claim, groups_prefix),
        claim_rules=tuple(rules),
        algorithms=algorithms,
        own_audiences=audiences,
    )
    return _issuer(settings, ca, clock)


def _https(url: str, where: str) -> None:
    if not url.startswith("https://") or "#" in url or "?" in url or "@" in url:
        raise Invalid(f"{where} must be an https:// address without user, query and fragment, is {url!r}")


def _settings(one: dict[str, Any], where: str, own: tuple[str, ...]) -> tuple[Settings, str]:
    issuer, mappings = one.get("issuer") or {}, one.get("claimMappings") or {}
    url, discovery = issuer.get("url") or "", issuer.get("discoveryURL") or ""
    _https(url, f"{where}.issuer.url")
    if discovery:
        _https(discovery, f"{where}.issuer.discoveryURL")
    audiences = tuple(issuer.get("audiences") or ())
    if not audiences:
        raise Invalid(f"{where}.issuer.audiences: at least one is needed")
    policy = issuer.get("audienceMatchPolicy") or ""
    if policy != "MatchAny" and (policy or len(audiences) > 1):
        raise Invalid(f"{where}.issuer.audienceMatchPolicy must be MatchAny with several audiences")
    username = _source(mappings.get("username") or {}, f"{where}.claimMappings.username")
    if not username:
        raise Invalid(f"{where}.claimMappings.username: claim or expression is needed")
    settings = Settings(
        url,
        audiences,
        username,
        discovery,
        _source(mappings.get("groups") or {}, f"{where}.claimMappings.groups"),
        _source({"prefix": "", **(mappings.get("uid") or {})}, f"{where}.claimMappings.uid"),
        _extra(mappings.get("extra") or (), f"{where}.claimMappings.extra"),
        _rules(one.get("claimValidationRules") or (), "claims", f"{where}.claimValidationRules"),
        _rules(one.get("userValidationRules") or (), "user", f"{where}.userValidationRules"),
        _ALGORITHMS,
        own,
    )
    return settings, issuer.get("certificateAuthority") or ""


def _source(found: dict[str, Any], where: str) -> Source:
    claim, expression = found.get("claim") or "", found.get("expression") or ""
    if claim and expression:
        raise Invalid(f"{where}: claim and expression cannot both be set")
    if expression and found.get("prefix"):
        raise Invalid(f"{where}: prefix cannot be set with expression")
    if claim and found.get("prefix") is None:
        raise Invalid(f"{where}: prefix is needed with claim; it may be empty")
    made = Expression(expression, "claims", where) if expression else None
    return Source(claim, found.get("prefix") or "", made)


def _extra(found: Any, where: str) -> tuple[tuple[str, Expression], ...]:
    made = []
    for index, one in enumerate(found):
        key = one.get("key") or ""
        domain, _, path = key.partition("/")
        if not domain or not path or key != key.lower():
            raise Invalid(f"{where}[{index}]: the key {key!r} must be like example.com/key, in lower case")
        if domain.endswith((".k8s.io", ".kubernetes.io")) or domain in ("k8s.io", "kubernetes.io"):
            raise Invalid(f"{where}[{index}]: the domain of {key} is Kubernetes' own")
        made.append((key, Expression(one.get("valueExpression") or "", "claims", f"{where}[{index}]")))
    if len({key for key, _ in made}) < len(made):
        raise Invalid(f"{where}: a key is there twice")
    return tuple(made)


def _rules(found: Any, variable: str, where: str) -> tuple[Rule, ...]:
    made = []
    for index, one in enumerate(found):
        at = f"{where}[{index}]"
        claim, expression = one.get("claim") or "", one.get("expression") or ""
        if bool(claim) == bool(expression):
            raise Invalid(f"{at}: one of claim and expression is needed")
        compiled = Expression(expression, variable, at) if expression else None
        made.append(Rule(claim, one.get("requiredValue") or "", compiled, one.get("message") or ""))
    return tuple(made)


def _anonymous(found: dict[str, Any] | None, path: Path) -> Anonymous | None:
    if found is None:
        return None
    enabled, conditions = bool(found.get("enabled")), found.get("conditions") or []
    if conditions and not enabled:
        raise Invalid(f"{path}: anonymous.conditions are for anonymous requests that are enabled")
    return Anonymous(enabled, [one.get("path") or "" for one in conditions] if conditions else None)
