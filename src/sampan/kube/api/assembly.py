"""What the API server is made of, put together."""

import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from sampan.errors import Failed
from sampan.kube.access.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
)
from sampan.kube.access.admission.escalation import Escalation
from sampan.kube.access.admission.ingressclasses import DefaultIngressClass
from sampan.kube.access.admission.limitranges import LimitRanger
from sampan.kube.access.admission.namespaces import NamespaceLifecycle
from sampan.kube.access.admission.noderestriction import NodeRestriction
from sampan.kube.access.admission.nodetaints import DefaultTolerationSeconds, TaintNodesByCondition
from sampan.kube.access.admission.podsecurity.plugin import PodSecurity
from sampan.kube.access.admission.podtopology import PodTopologyLabels
from sampan.kube.access.admission.policies import ValidatingPolicies
from sampan.kube.access.admission.priority import Priority
from sampan.kube.access.admission.quotas import ResourceQuota
from sampan.kube.access.admission.request import Plugin
from sampan.kube.access.admission.runtimeclasses import RuntimeClass
from sampan.kube.access.admission.serviceaccounts import ServiceAccount
from sampan.kube.access.admission.storage import (
    DefaultStorageClass,
    PersistentVolumeClaimResize,
    StorageObjectInUseProtection,
)
from sampan.kube.access.admission.webhooks import MutatingWebhooks, ValidatingWebhooks
from sampan.kube.access.authentication import Tokens
from sampan.kube.access.authorization import Authorizer
from sampan.kube.access.encryption import Encryption
from sampan.kube.access.inflight import Limits
from sampan.kube.access.nodegraph import RESOURCES as NODE_RESOURCES
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.rbac import RESOURCES, Rbac
from sampan.kube.access.reviews import Reviews
from sampan.kube.access.user import Attributes
from sampan.kube.api import accessassembly, answers, bodies, builtins, decisions, health, metrics, negotiation
from sampan.kube.api.admitting import Chain
from sampan.kube.api.aggregator import Aggregator, aggregator
from sampan.kube.api.bootstrap import Bootstrap
from sampan.kube.api.catalog import CacheReader, Catalog
from sampan.kube.api.charging import Charges
from sampan.kube.api.componentstatuses import ComponentStatuses
from sampan.kube.api.connecting import Connections
from sampan.kube.api.definitions import Definitions
from sampan.kube.api.documents import documents
from sampan.kube.api.gate import Gate
from sampan.kube.api.handler import Handler
from sampan.kube.api.hooks import Hooks
from sampan.kube.api.keys import Keys
from sampan.kube.api.lasting import Lasting
from sampan.kube.api.listening import Changed
from sampan.kube.api.manifests import Manifests
from sampan.kube.api.ownwrites import OwnWrites
from sampan.kube.api.patching import Patcher
from sampan.kube.api.podwrites import PodWrites
from sampan.kube.api.reading import Lister
from sampan.kube.api.roots import VERSION, Answer, Roots
from sampan.kube.api.runtimeconfig import switched_off
from sampan.kube.api.scales import Scales
from sampan.kube.api.settings import Settings
from sampan.kube.api.tokenuses import TokenUses
from sampan.kube.api.typechecks import TypeChecks
from sampan.kube.api.upkeep import Upkeep
from sampan.kube.api.verbs import Special, Verbs
from sampan.kube.api.virtual import Virtual
from sampan.kube.api.watches import Watches
from sampan.kube.api.webhookcalls import WebhookCalls
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.resource import Object, Resource
from sampan.kube.pki.certificates import Pki
from sampan.kube.store.cache import Cache

STREAMS = ("exec", "attach", "portforward")
JWKS = "application/jwk-set+json"


@dataclass(frozen=True)
class Assembled:
    handler: Handler
    bootstrap: Bootstrap
    catalog: Catalog
    rbac: Rbac
    graph: Graph
    definitions: Definitions
    checks: TypeChecks
    webhooks: WebhookCalls
    authorizer: Authorizer
    tokens: Tokens
    manifests: Manifests
    aggregator: Aggregator
    upkeep: Upkeep
    uses: Callable[[], Coroutine[None, None, None]]  # writes down when tokens of Secrets are used
    hooks: Hooks
    shutdown: health.Shutdown

    async def close(self) -> None:
        """Let go of connections to other servers."""
        await self.aggregator.stop()
        await self.webhooks.close()
        await self.authorizer.close()
        await self.tokens.close()

    def load(self) -> None:
        """Take in what access keeps indexes of, as it is now."""
        self.rbac.load()
        self.graph.load()

    def changed(self) -> dict[str, Changed]:
        """Who is to be told of changes of which resource."""
        found: dict[str, Changed] = dict.fromkeys(RESOURCES, self.rbac.changed)
        found.update(dict.fromkeys(NODE_RESOURCES, self.graph.changed))
        return found


def assemble(
    settings: Settings,
    pki: Pki,
    keys: Keys,
    cache: Cache,
    encryption: Encryption,
    clock: Callable[[], float] = time.time,
) -> Assembled:
    """The cache must have started."""
    own_resources = builtins.resources(settings)
    catalog = Catalog(own_resources, switched_off(settings.runtime_config, own_resources))
    reader = CacheReader(cache, catalog)
    rbac, graph = Rbac(reader), Graph(reader)
    rbac.load()
    graph.load()
    authorizer = accessassembly.authorizer(settings, graph, rbac)
    uses = TokenUses(reader, clock)
    checks, anonymous = accessassembly.token_checks(settings, keys, reader, clock, uses.note)
    tokens = Tokens(checks, time.monotonic)
    gate = Gate(accessassembly.authenticator(keys, tokens, anonymous), authorizer, clock)
    lister = Lister(cache)
    webhooks = WebhookCalls(reader)
    charges = Charges(catalog, reader, clock)
    chain = Chain([*_plugins(catalog, authorizer, rbac, webhooks), ResourceQuota(charges.write, clock)])
    writer = charges.writer = Writer(cache, chain, catalog.by_name, encryption.seal, authorizer.require_also)
    patcher = Patcher(writer)
    audiences = (settings.issuer,)
    reviews = Reviews(authorizer, rbac, tokens, audiences, nodes="Node" in settings.modes).table()
    virtual = Virtual(catalog, reviews, lambda: keys.issuer, chain)
    scales = Scales(lister, writer, patcher)
    special = _special(catalog, virtual, scales, Connections(lister, authorizer.require_also), list(reviews))
    pods = PodWrites(catalog, lister, writer)
    special["pods", "eviction"] = pods.evict
    special["componentstatuses", ""] = ComponentStatuses(reader, cache.current, clock).perform
    special["pods", "binding"] = special["bindings", ""] = pods.bind
    own = OwnWrites(writer, reader, clock)
    definitions = Definitions(catalog, cache, own, scales, special, webhooks.call)
    definitions.load()
    limits = Limits(settings.reading, settings.mutating)
    counted = metrics.Metrics(limits)
    others = aggregator(catalog, reader, own, _shown(pki))
    hooks, shutdown = Hooks(), health.Shutdown()
    doors = health.checks(_store(cache), _informers(cache), others.registration.check, shutdown.check, hooks)
    roots = Roots(
        catalog,
        others.documents,
        health.Health(doors),
        documents(catalog, VERSION["gitVersion"], others.documents.parts),
        f"{settings.advertise_address}:{settings.port}",
        {
            **_roots(settings, keys),
            "/metrics": _metrics(counted, catalog, cache),
            decisions.PATH: decisions.answering(str(settings.paths.decisions)),
        },
    )
    lasting = Lasting()
    verbs = Verbs(catalog, cache, lister, writer, patcher, special, Watches(cache, lister, lasting), clock)
    handler = Handler(catalog, gate, reader, roots, verbs, limits, counted, others.requests, lasting, clock)
    bootstrap = Bootstrap(catalog, reader, writer, clock)
    checks_of_types = TypeChecks(catalog, cache, writer, reader, clock)
    return Assembled(
        handler,
        bootstrap,
        catalog,
        rbac,
        graph,
        definitions,
        checks_of_types,
        webhooks,
        authorizer,
        tokens,
        Manifests(catalog, reader, patcher, clock),
        others,
        Upkeep(catalog, reader, own, socket.gethostname(), settings.port),
        partial(uses.run, own, catalog),
        hooks,
        shutdown,
    )


def _shown(pki: Pki) -> Callable[[], tuple[str, str]]:
    """By what the servers that this one speaks for know it."""
    name = "front-proxy-client"
    return lambda: (str(pki.path(name)), str(pki.path(name, "key")))


def _plugins(catalog: Catalog, authorizer: Authorizer, rbac: Rbac, webhooks: WebhookCalls) -> list[Plugin]:
    """In upstream's order."""

    def authorize(asked: Attributes) -> tuple[bool, str]:
        return authorizer.authorize_locally(asked)

    def decode(resource: Resource, value: object) -> Object:
        served = catalog.find(resource.group, resource.version, resource.plural)
        assert served is not None
        return bodies.decoded(served, value)

    return [
        NamespaceLifecycle(),
        LimitRanger(),
        ServiceAccount(),
        NodeRestriction(authorizer),
        TaintNodesByCondition(),
        PodSecurity(),
        Priority(),
        DefaultTolerationSeconds(),
        DefaultStorageClass(),
        StorageObjectInUseProtection(),
        PersistentVolumeClaimResize(),
        RuntimeClass(),
        CertificateApproval(authorizer),
        CertificateSigning(authorizer),
        CertificateSubjectRestriction(),
        DefaultIngressClass(),
        PodTopologyLabels(),
        MutatingWebhooks(catalog, authorize, webhooks.call, decode),
        Escalation(authorizer, rbac),  # after all that could add to a role
        ValidatingPolicies(catalog, authorize),
        ValidatingWebhooks(catalog, authorize, webhooks.call),
    ]


def _special(
    catalog: Catalog, virtual: Virtual, scales: Scales, connections: Connections, reviews: list[str]
) -> dict[tuple[str, str], Special]:
    """Whatever is no stored object, by its resource and subresource."""
    found: dict[tuple[str, str], Special] = {(name, ""): virtual.review for name in reviews}
    found["serviceaccounts", "token"] = virtual.token
    for name in ("pods", "services", "nodes"):
        found[name, "proxy"] = connections.proxy
    found["pods", "log"] = connections.log
    for stream in STREAMS:
        found["pods", stream] = connections.stream
    for served in catalog.all():
        if served.resource.scale is not None:
            found[served.resource.name, "scale"] = scales.perform
    return found


def _store(cache: Cache) -> health.Check:
    async def check() -> None:
        await cache.current()

    return check


def _informers(cache: Cache) -> health.Check:
    async def check() -> None:
        if not cache.following:
            raise Failed("the cache does not follow the store")

    return check


def _roots(settings: Settings, keys: Keys) -> dict[str, Answer]:
    async def discovery(request: web.BaseRequest) -> web.StreamResponse:
        where = f"https://{settings.advertise_address}:{settings.port}/openid/v1/jwks"
        return answers.answer(keys.issuer.discovery(where))

    async def public_keys(request: web.BaseRequest) -> web.StreamResponse:
        negotiation.choose(request.headers.get("Accept", "") or JWKS, (JWKS,))
        found = answers.answer(keys.issuer.jwks())
        found.headers["Content-Type"] = JWKS
        return found

    return {"/.well-known/openid-configuration": discovery, "/openid/v1/jwks": public_keys}


def _metrics(counted: metrics.Metrics, catalog: Catalog, cache: Cache) -> Answer:
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        stored = {served.prefix: served.resource for served in catalog.all() if served.resource.stored}
        return metrics.response(
            counted.text((one.group, one.plural, cache.count(prefix)) for prefix, one in stored.items())
        )

    return answer
