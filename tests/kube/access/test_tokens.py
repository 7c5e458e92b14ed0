"""Tokens of service accounts from their request to their end."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.access import tokens
from sampan.kube.access.tokenchecks import Refused, verify
from sampan.kube.pki import jws
from sampan.kube.pki.accounttokens import secret_token
from sampan.kube.pki.keyfiles import new_key
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.support import Objects

URL = "https://kubernetes.default.svc.cluster.local"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY, OLD_KEY = new_key(), new_key()
ISSUER = tokens.Issuer((URL, "https://old"), KEY, (KEY.public_key(), OLD_KEY.public_key()), (URL,))


def thing(name, uid, namespace="ns", **rest):
    metadata = {"name": name, "uid": uid, **({"namespace": namespace} if namespace else {})}
    return {"metadata": metadata, **rest}


@pytest.fixture
def reader():
    return Objects(
        [
            ("serviceaccounts", thing("sa", "u-sa")),
            ("pods", thing("p", "u-p", spec={"serviceAccountName": "sa", "nodeName": "n1"})),
            ("pods", thing("q", "u-q", spec={"serviceAccountName": "other"})),
            ("secrets", thing("s", "u-s")),
            ("nodes", thing("n1", "u-n1", "")),
        ]
    )


def request(reader, *, warn=lambda _: None, issuer=ISSUER, now=NOW, metadata=None, **spec):
    asked = {"metadata": metadata or {}, "spec": {"expirationSeconds": 3600, **spec}}
    account = tokens.prepare(asked, "ns", "sa", reader, issuer, "2026-01-02T03:04:05Z")
    tokens.issue(asked, account, reader, issuer, now, warn)
    return asked


def bound(kind, name, **rest):
    return {"kind": kind, "apiVersion": "v1", "name": name, **rest}


def test_a_request_is_filled_in(reader):
    answer = request(reader)
    assert answer["metadata"] == {
        "name": "sa",
        "namespace": "ns",
        "uid": "u-sa",
        "creationTimestamp": "2026-01-02T03:04:05Z",
    }
    assert answer["spec"]["audiences"] == [URL]
    assert answer["status"]["expirationTimestamp"] == "2026-01-02T04:04:05Z"


def test_a_token_says_whose_it_is_and_what_it_is_bound_to(reader):
    token = request(reader, boundObjectRef=bound("Pod", "p"))["status"]["token"]
    found = verify(token, ISSUER, reader, NOW)
    assert found.user.name == "system:serviceaccount:ns:sa"
    assert found.user.uid == "u-sa"
    assert found.user.groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:ns",
        "system:authenticated",
    )
    extra = dict(found.user.extra)
    assert extra.pop("authentication.kubernetes.io/credential-id")[0].startswith("JTI=")
    assert extra == {
        "authentication.kubernetes.io/pod-name": ("p",),
        "authentication.kubernetes.io/pod-uid": ("u-p",),
        "authentication.kubernetes.io/node-name": ("n1",),
        "authentication.kubernetes.io/node-uid": ("u-n1",),
    }


REFUSED = [
    ({"expirationSeconds": 60}, 422, "may not specify a duration less than 10 minutes"),
    ({"expirationSeconds": -1}, 422, "may not specify a duration less than 10 minutes"),
    ({"expirationSeconds": (1 << 32) + 1}, 422, "may not specify a duration larger than 2^32 seconds"),
    ({"boundObjectRef": bound("Pod", "nosuch")}, 404, 'pods "nosuch" not found'),
    ({"boundObjectRef": bound("Secret", "nosuch")}, 404, 'secrets "nosuch" not found'),
    (
        {"boundObjectRef": bound("ConfigMap", "x")},
        400,
        "cannot bind token to object of type /v1, Kind=ConfigM",
    ),
    ({"boundObjectRef": bound("Pod", "q")}, 400, "to pod running with different serviceaccount name."),
    ({"boundObjectRef": bound("Pod", "p", uid="x")}, 409, "does not match the UID in record"),
    ({"metadata": {"name": "other"}}, 422, "must match the service account name if specified"),
    ({"metadata": {"namespace": "other"}}, 422, "must match the service account namespace if specified"),
]


@pytest.mark.parametrize(("asked", "code", "message"), REFUSED)
def test_requests_that_are_refused(reader, asked, code, message):
    with pytest.raises(StatusError) as caught:
        request(reader, **asked)
    assert caught.value.code == code
    assert message in caught.value.message


def test_without_an_account_there_is_no_token(reader):
    del reader.by_key["serviceaccounts", "ns", "sa"]
    with pytest.raises(StatusError, match='serviceaccounts "sa" not found'):
        request(reader)


def claims(token):
    return jws.parse(token)[1]


def test_pods_that_ask_for_an_hour_get_a_year_and_a_note(reader):
    answer = request(reader, expirationSeconds=3607, boundObjectRef=bound("Pod", "p"))
    token = answer["status"]["token"]
    assert answer["status"]["expirationTimestamp"] == "2026-01-02T04:04:12Z"
    assert claims(token)["exp"] - claims(token)["iat"] == 365 * 24 * 3600
    assert claims(token)["kubernetes.io"]["warnafter"] == claims(token)["iat"] + 3607
    assert verify(token, ISSUER, reader, NOW).annotations == {}
    late = verify(token, ISSUER, reader, NOW + timedelta(hours=2))
    assert late.annotations == {
        "authentication.k8s.io/stale-token": "subject: system:serviceaccount:ns:sa, seconds after warning "
        "threshold: 3593"
    }


@pytest.mark.parametrize(
    "asked",
    [
        {"expirationSeconds": 3607},
        {"expirationSeconds": 3600, "boundObjectRef": bound("Pod", "p")},
        {"expirationSeconds": 3607, "boundObjectRef": bound("Pod", "p"), "audiences": ["vault"]},
    ],
)
def test_others_get_what_they_ask_for(reader, asked):
    token = request(reader, **asked)["status"]["token"]
    assert claims(token)["exp"] - claims(token)["iat"] == asked["expirationSeconds"]


def test_a_longest_life_shortens_and_warns(reader):
    heard = []
    issuer = tokens.Issuer((URL,), KEY, (KEY.public_key(),), (URL,), longest=1800)
    answer = request(reader, warn=heard.append, issuer=issuer)
    assert answer["spec"]["expirationSeconds"] == 1800
    assert heard == ["requested expiration of 3600 seconds shortened to 1800 seconds"]


def refused(token, reader, message, now=NOW, **rest):
    with pytest.raises(Refused) as caught:
        verify(token, ISSUER, reader, now, **rest)
    assert str(caught.value) == message


def test_tokens_end(reader):
    token = request(reader)["status"]["token"]
    assert verify(token, ISSUER, reader, NOW + timedelta(seconds=3650))
    refused(token, reader, "service account token has expired", NOW + timedelta(seconds=3670))
    refused(token, reader, "service account token is not valid yet", NOW - timedelta(seconds=70))


@pytest.mark.parametrize(
    ("reference", "key", "message"),
    [
        (bound("Pod", "p"), ("pods", "ns", "p"), "service account token has been invalidated"),
        (bound("Secret", "s"), ("secrets", "ns", "s"), "service account token has been invalidated"),
        (bound("Node", "n1"), ("nodes", "", "n1"), "service account token has been invalidated"),
        (None, ("serviceaccounts", "ns", "sa"), 'serviceaccounts "sa" not found'),
    ],
)
def test_tokens_die_with_what_they_are_bound_to(reader, reference, key, message):
    token = request(reader, boundObjectRef=reference)["status"]["token"]
    assert verify(token, ISSUER, reader, NOW)
    found = reader.by_key.pop(key)
    refused(token, reader, message)
    again = json.loads(json.dumps(found))
    again["metadata"]["uid"] = "another"
    reader.by_key[key] = again
    with pytest.raises(Refused, match=r"UID \(another\) does not match"):
        verify(token, ISSUER, reader, NOW)
    reader.by_key[key] = found
    found["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:00Z"
    assert verify(token, ISSUER, reader, NOW)
    with pytest.raises(Refused):
        verify(token, ISSUER, reader, NOW + timedelta(minutes=2))


def test_tokens_are_for_their_audience(reader):
    token = request(reader, audiences=["vault", URL])["status"]["token"]
    assert verify(token, ISSUER, reader, NOW).audiences == (URL,)
    assert verify(token, ISSUER, reader, NOW, ["vault", "x"]).audiences == ("vault",)
    message = f'token audiences ["vault" "{URL}"] is invalid for the target audiences ["x"]'
    refused(token, reader, message, audiences=["x"])


def test_older_keys_and_issuers_still_count(reader):
    older = tokens.Issuer(("https://old",), OLD_KEY, (OLD_KEY.public_key(),), (URL,))
    token = request(reader, issuer=older)["status"]["token"]
    assert verify(token, ISSUER, reader, NOW)


def test_others_tokens_are_none_of_ours(reader):
    stranger = new_key()
    foreign = tokens.Issuer(("https://elsewhere",), stranger, (stranger.public_key(),), (URL,))
    assert verify(request(reader, issuer=foreign)["status"]["token"], ISSUER, reader, NOW) is None
    forged = tokens.Issuer((URL,), stranger, (stranger.public_key(),), (URL,))
    refused(request(reader, issuer=forged)["status"]["token"], reader, "invalid signature")


def test_a_token_does_not_choose_its_algorithm(reader):
    token = request(reader)["status"]["token"]
    _, body, signature = token.split(".")
    for alg in ("none", "HS256", "RS256", "ES384", 7, None, "", "XX256"):
        head = jws.encode(json.dumps({"alg": alg}).encode())
        with pytest.raises(Refused):
            verify(f"{head}.{body}.{signature}", ISSUER, reader, NOW)
        with pytest.raises(Refused):
            verify(f"{head}.{body}.", ISSUER, reader, NOW)


def test_legacy_tokens_live_as_long_as_their_secret(reader):
    account = reader.get("serviceaccounts", "ns", "sa")
    secret = thing("s", "u-s")
    token = secret_token(account, secret, ISSUER.signing)
    reader.put("secrets", secret)
    refused(token, reader, "service account token has been invalidated")
    secret["data"] = {"token": base64.b64encode(token.encode()).decode()}
    found = verify(token, ISSUER, reader, NOW)
    assert found.user.name == "system:serviceaccount:ns:sa"
    assert found.annotations == {"authentication.k8s.io/legacy-token": "system:serviceaccount:ns:sa"}
    assert verify(token, ISSUER, reader, NOW, ["vault"]) is None
    secret["metadata"]["labels"] = {"kubernetes.io/legacy-token-invalid-since": "2026-01-01"}
    with pytest.raises(Refused, match="marked invalid"):
        verify(token, ISSUER, reader, NOW)


def test_published_keys_verify():
    keys = [
        rsa.generate_private_key(65537, 2048),
        *(ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)),
    ]
    for key in keys:
        token = jws.sign(key, {"a": 1})
        published = json.loads(json.dumps({"keys": [jws.jwk(key.public_key())]}))
        assert published["keys"][0]["kid"] == jws.parse(token)[0]["kid"]
        jws.verify(token, jws.parse(token)[0], jws.from_jwks(published))


def test_discovery_names_all_keys():
    found = ISSUER.discovery("https://h/openid/v1/jwks")
    assert found["issuer"] == URL and found["id_token_signing_alg_values_supported"] == ["ES256"]
    assert len(ISSUER.jwks()["keys"]) == 2


@given(st.text(max_size=60) | st.builds(".".join, st.lists(st.text(max_size=20), min_size=3, max_size=3)))
def test_rubbish_is_no_token(text):
    assert verify(text, ISSUER, Objects(), NOW) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["aud", "exp", "nbf", "jti", "sub", "kubernetes.io", "iat"]), json_values, max_size=7
    ),
    st.sampled_from([URL, "kubernetes/serviceaccount"]),
)
def test_signed_rubbish_is_refused(claims, issuer):
    token = jws.sign(KEY, {**claims, "iss": issuer})
    with pytest.raises(Refused):
        verify(token, ISSUER, Objects(), NOW)
