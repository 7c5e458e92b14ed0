"""Who is let in, and who may do what: authentication and authorization as the options want them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sampan.kube.access.authentication import Anonymous, Authenticator, TokenCheck, Tokens
from sampan.kube.access.authorization import Authorizer, from_modes
from sampan.kube.access.clientcertificates import ClientCertificates, RequestHeaders
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.rbac import Rbac
from sampan.kube.access.tokenkinds import BootstrapTokens, ServiceAccounts, StaticTokens
from sampan.kube.api.accessoptions import text_of
from sampan.kube.api.catalog import CacheReader
from sampan.kube.api.keys import Keys
from sampan.kube.api.settings import Settings


def authorizer(settings: Settings, graph: Graph, rbac: Rbac) -> Authorizer:
    path = settings.access.authorization
    if path:
        # Loaded only where it is used: expressions take 40 ms.
        from sampan.kube.access import authorizationconfig

        return authorizationconfig.from_file(Path(path), graph, rbac)
    return from_modes(settings.modes, graph, rbac)


def authenticator(keys: Keys, tokens: Tokens, anonymous: Anonymous) -> Authenticator:
    return Authenticator(
        tokens,
        ClientCertificates(lambda: keys.clients),
        RequestHeaders(lambda: keys.proxies),
        anonymous,
    )


def token_checks(
    settings: Settings,
    keys: Keys,
    reader: CacheReader,
    time_of_day: Callable[[], float],
    used: Callable[[str, str], None],
) -> tuple[list[TokenCheck], Anonymous]:
    """All kinds of tokens, and whether who shows none may go on."""

    def clock() -> datetime:
        return datetime.fromtimestamp(time_of_day(), UTC)

    checks: list[TokenCheck] = []
    if settings.token_file:
        checks.append(StaticTokens(Path(settings.token_file), (settings.issuer,)))
    checks.append(ServiceAccounts(lambda: keys.issuer, reader, clock, used))
    audiences = (settings.issuer,)
    checks.append(BootstrapTokens(reader, clock, audiences))
    anonymous: Anonymous | None = None
    if settings.access.authentication:
        from sampan.kube.access import authenticationconfig

        path = Path(settings.access.authentication)
        more, anonymous = authenticationconfig.from_file(path, audiences, clock)
        checks += more
    issuer = settings.access.issuer
    if issuer.url:
        from sampan.kube.access import authenticationconfig

        flags = {
            "username_claim": issuer.username_claim,
            "username_prefix": issuer.username_prefix,
            "groups_claim": issuer.groups_claim,
            "groups_prefix": issuer.groups_prefix,
            "ca": text_of(issuer.ca_file),
        }
        checks.append(
            authenticationconfig.from_flags(
                issuer_url=issuer.url,
                client_id=issuer.client,
                audiences=audiences,
                clock=clock,
                required_claims=issuer.required,
                algorithms=issuer.algorithms,
                **flags,
            )
        )
    return checks, anonymous or Anonymous(settings.anonymous)
