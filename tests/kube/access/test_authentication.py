"""Who asks: certificates, proxies, tokens, nobody; and acting as others."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from multidict import CIMultiDict, CIMultiDictProxy

from sampan.errors import Invalid
from sampan.kube.access.authentication import Anonymous, Authenticator, Tokens, bearer, without_bearer
from sampan.kube.access.authorization import from_modes
from sampan.kube.access.clientcertificates import ClientCertificates, RequestHeaders
from sampan.kube.access.impersonation import impersonated, is_asked
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.rbac import Rbac
from sampan.kube.access.tokenchecks import Refused, Verified
from sampan.kube.access.tokenkinds import BootstrapTokens, StaticTokens
from sampan.kube.access.user import User
from sampan.kube.pki.certificates import CLUSTER, FRONT_PROXY, Pki
from sampan.kube.pki.issuing import client_certificate, leaf
from sampan.kube.pki.keyfiles import new_key, read_certificate
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.support import Objects

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def headers(*pairs):
    return CIMultiDictProxy(CIMultiDict(pairs))


class Table:
    """A kind of tokens that counts how often it is asked."""

    def __init__(self, **known):
        self.known = known
        self.asked = 0

    async def verify(self, token, audiences):
        self.asked += 1
        if token == "bad":
            raise Refused("bad")
        user = self.known.get(token)
        return Verified(user) if user else None


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    made = Pki(tmp_path_factory.mktemp("pki"), ["localhost"])
    made.renew(NOW)
    return made


def certificate(pki, authority, name, *groups, now=NOW):
    made = client_certificate(pki.authority(authority, NOW), new_key().public_key(), name, groups, now)
    return made.public_bytes(Encoding.DER)


def authenticator(pki=None, tokens=None, anonymous=None):
    clients = proxies = None
    if pki:
        cluster, proxy = pki.trusted(CLUSTER, NOW), pki.trusted(FRONT_PROXY, NOW)
        clients, proxies = ClientCertificates(lambda: cluster), RequestHeaders(lambda: proxy)
    return Authenticator(tokens or Tokens([], lambda: 0.0), clients, proxies, anonymous)


async def who(deciding, der=None, *pairs, path="/", now=NOW):
    return (await deciding.authenticate(der, headers(*pairs), path, now)).user


async def refused(deciding, der=None, *pairs, path="/", now=NOW):
    with pytest.raises(StatusError) as caught:
        await deciding.authenticate(der, headers(*pairs), path, now)
    assert caught.value.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }


async def test_a_certificate_names_its_user(pki):
    der = certificate(pki, CLUSTER, "jane", "dev", "ops")
    user = await who(authenticator(pki), der)
    assert user.name == "jane"
    assert user.groups == ("dev", "ops", "system:authenticated")
    assert user.extra["authentication.kubernetes.io/credential-id"][0].startswith("X509SHA256=")


async def test_a_certificate_that_has_ended_or_is_another_authoritys_is_refused(pki, tmp_path):
    der = certificate(pki, CLUSTER, "jane")
    await refused(authenticator(pki), der, now=NOW + timedelta(days=366))
    stranger = Pki(tmp_path, ["localhost"])
    stranger.renew(NOW)
    await refused(authenticator(pki), certificate(stranger, CLUSTER, "jane"))
    serving = read_certificate(pki.path("apiserver")).public_bytes(Encoding.DER)
    await refused(authenticator(pki), serving)
    await refused(authenticator(pki), b"rubbish")


async def test_a_certificate_without_a_name_is_nobody(pki):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "dev")])
    usages = [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    made = leaf(pki.authority(CLUSTER, NOW), new_key().public_key(), subject, usages, None, NOW)
    user = await who(authenticator(pki), made.public_bytes(Encoding.DER))
    assert user.name == "system:anonymous"


async def test_a_proxy_says_on_whose_behalf_it_asks(pki):
    der = certificate(pki, FRONT_PROXY, "front-proxy-client")
    said = (
        ("X-Remote-User", "jane"),
        ("X-Remote-Group", "a"),
        ("X-Remote-Group", "b"),
        ("X-Remote-Extra-Acme%2Fscope", "s"),
    )
    user = await who(authenticator(pki), der, *said)
    expected = User("jane", groups=("a", "b", "system:authenticated"), extra={"acme/scope": ("s",)})
    assert user == expected
    for other in (certificate(pki, FRONT_PROXY, "else"), None):
        if other:
            await refused(authenticator(pki), other, *said)
        else:
            assert (await who(authenticator(pki), None, *said)).name == "system:anonymous"
    own = await who(authenticator(pki), certificate(pki, CLUSTER, "front-proxy-client"), *said)
    assert own.name == "front-proxy-client"


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer x", "x"),
        ("bearer x", "x"),
        ("Bearer a b", "a"),
        ("Bearer ", ""),
        ("Bearer", ""),
        ("Basic YTpi", ""),
        ("Negotiate x", ""),
        ("", ""),
    ],
)
def test_what_is_a_bearer_token(header, token):
    assert bearer(headers(("Authorization", header))) == token


def test_websockets_bring_their_token_as_a_protocol():
    protocol = "base64url.bearer.authorization.k8s.io." + base64.urlsafe_b64encode(b"tok").decode().rstrip(
        "="
    )
    assert bearer(headers(("Sec-WebSocket-Protocol", f"v5.channel.k8s.io, {protocol}"))) == "tok"
    assert without_bearer(["v5.channel.k8s.io", protocol]) == ["v5.channel.k8s.io"]


async def test_tokens(pki):
    deciding = authenticator(pki, Tokens([Table(good=User("jane"))], lambda: 0.0))
    user = await who(deciding, None, ("Authorization", "Bearer good"))
    assert user == User("jane", groups=("system:authenticated",))
    for token in ("bad", "unknown"):
        await refused(deciding, None, ("Authorization", f"Bearer {token}"))


async def test_a_good_token_is_remembered_for_ten_seconds():
    time = [0.0]
    table = Table(good=User("jane"))
    tokens = Tokens([table], lambda: time[0])
    for at, asked in ((0.0, 1), (9.0, 1), (10.0, 2)):
        time[0] = at
        await tokens.verify("good")
        assert table.asked == asked
    await tokens.verify("good", ["other"])
    assert table.asked == 3
    for number in range(5000):
        table.known[f"t{number}"] = User("x")
        await tokens.verify(f"t{number}")
    assert len(tokens._known) == 4096


async def test_a_bad_token_is_not_remembered():
    table = Table()
    tokens = Tokens([table], lambda: 0.0)
    for _ in range(2):
        with pytest.raises(Refused, match="invalid bearer token"):
            await tokens.verify("x")
    assert table.asked == 2


async def test_nobody_may_ask_where_that_is_allowed():
    assert (await who(authenticator())).name == "system:anonymous"
    await refused(authenticator(anonymous=Anonymous(False)))
    some = authenticator(anonymous=Anonymous(paths=["/livez"]))
    assert (await who(some, path="/livez")).groups == ("system:unauthenticated",)
    await refused(some, path="/api")


async def test_tokens_from_a_file(tmp_path):
    path = tmp_path / "tokens.csv"
    path.write_text('t1,jane,u1,"a,b"\nt2,joe,u2\n\n')
    tokens = StaticTokens(path, ["k"])
    assert (await tokens.verify("t1", ())).user == User("jane", "u1", ("a", "b"))
    assert (await tokens.verify("t2", ["k", "x"])).audiences == ("k",)
    assert await tokens.verify("t2", ["x"]) is None
    assert await tokens.verify("t3", ()) is None
    path.write_text("t1,jane\n")
    with pytest.raises(Invalid, match="line 1 must have a token"):
        StaticTokens(path, ["k"])


def bootstrap(**data):
    fields = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        **data,
    }
    return {
        "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in fields.items()},
    }


@pytest.mark.parametrize(
    ("data", "token", "groups"),
    [
        ({}, "abcdef.0123456789abcdef", ("system:bootstrappers",)),
        (
            {"auth-extra-groups": "system:bootstrappers:a"},
            "abcdef.0123456789abcdef",
            ("system:bootstrappers", "system:bootstrappers:a"),
        ),
        ({"auth-extra-groups": "system:masters"}, "abcdef.0123456789abcdef", None),
        ({"expiration": "2026-01-02T03:04:06Z"}, "abcdef.0123456789abcdef", ("system:bootstrappers",)),
        ({"expiration": "2026-01-02T03:04:05Z"}, "abcdef.0123456789abcdef", None),
        ({"expiration": "soon"}, "abcdef.0123456789abcdef", None),
        ({"usage-bootstrap-authentication": "false"}, "abcdef.0123456789abcdef", None),
        ({}, "abcdef.0123456789abcdee", None),
        ({}, "abcdeg.0123456789abcdef", None),
        ({}, "abcdef", None),
    ],
)
async def test_bootstrap_tokens(data, token, groups):
    reader = Objects([("secrets", bootstrap(**data))])
    found = await BootstrapTokens(reader, lambda: NOW, ["k"]).verify(token, ())
    if groups is None:
        assert found is None
    else:
        assert found.user == User("system:bootstrap:abcdef", groups=groups)


# Impersonation

ADMIN = User("admin", groups=("system:masters",))


def authorizer(*rules):
    role = {"metadata": {"name": "r"}, "rules": [*rules]}
    binding = {
        "metadata": {"name": "r"},
        "roleRef": {"kind": "ClusterRole", "name": "r"},
        "subjects": [{"kind": "User", "name": "joe"}],
    }
    reader = Objects(
        [
            ("clusterroles.rbac.authorization.k8s.io", role),
            ("clusterrolebindings.rbac.authorization.k8s.io", binding),
        ]
    )
    rbac = Rbac(reader)
    rbac.load()
    return from_modes(["RBAC"], Graph(reader), rbac)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            (
                ("Impersonate-User", "jane"),
                ("Impersonate-Group", "g1"),
                ("Impersonate-Group", "g2"),
                ("Impersonate-Uid", "u-1"),
                ("Impersonate-Extra-Scopes", "a"),
                ("Impersonate-Extra-Scopes", "b"),
            ),
            User("jane", "u-1", ("g1", "g2", "system:authenticated"), {"scopes": ("a", "b")}),
        ),
        (
            (("Impersonate-User", "system:serviceaccount:ns:sa"),),
            User(
                "system:serviceaccount:ns:sa",
                groups=("system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"),
            ),
        ),
        (
            (("Impersonate-User", "system:anonymous"),),
            User("system:anonymous", groups=("system:unauthenticated",)),
        ),
    ],
)
async def test_acting_as_others(said, expected):
    assert is_asked(headers(*said))
    assert await impersonated(ADMIN, headers(*said), authorizer()) == expected


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            (("Impersonate-User", "jane"),),
            'users "jane" is forbidden: User "joe" cannot impersonate resource "users" in API group "" '
            "at the cluster scope",
        ),
        (
            (("Impersonate-User", "ok"), ("Impersonate-Group", "g")),
            'groups "g" is forbidden: User "joe" cannot impersonate resource "groups" in API group "" '
            "at the cluster scope",
        ),
        (
            (("Impersonate-User", "ok"), ("Impersonate-Extra-Scopes", "s")),
            'userextras.authentication.k8s.io "s" is forbidden: User "joe" cannot impersonate resource '
            '"userextras/scopes" in API group "authentication.k8s.io" at the cluster scope',
        ),
        (
            (("Impersonate-User", "ok"), ("Impersonate-Uid", "u")),
            'uids.authentication.k8s.io "u" is forbidden: User "joe" cannot impersonate resource "uids" in '
            'API group "authentication.k8s.io" at the cluster scope',
        ),
        (
            (("Impersonate-User", "system:serviceaccount:ns:sa"),),
            'serviceaccounts "sa" is forbidden: User "joe" cannot impersonate resource "serviceaccounts" in '
            'API group "" in the namespace "ns"',
        ),
    ],
)
async def test_each_part_must_be_allowed(said, message):
    rule = {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"], "resourceNames": ["ok"]}
    with pytest.raises(StatusError) as caught:
        await impersonated(User("joe"), headers(*said), authorizer(rule))
    assert caught.value.message == message


async def test_groups_without_a_user_are_refused():
    with pytest.raises(StatusError, match="without impersonating a user"):
        await impersonated(ADMIN, headers(("Impersonate-Group", "g")), authorizer())
    assert not is_asked(headers(("Accept", "x")))
