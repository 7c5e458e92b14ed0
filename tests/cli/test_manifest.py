"""manifest: what a registry has, and lists of several platforms made of it."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import sys

import pytest
import trustme

from sampan.cli.main import run
from tests.cli.registry import MANIFEST, Registry

LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


@pytest.fixture
def registry():
    with Registry() as made:
        yield made


@pytest.fixture
def manifest(tmp_path, capfd):
    def call(*args):
        code = run(["manifest", *args], {"HOME": str(tmp_path)})
        sys.stdout.flush()
        return code, *capfd.readouterr()

    return call


def test_inspect_shows_the_bytes_indented(registry, manifest):
    registry.image("app", "1")
    code, out, _ = manifest("inspect", f"{registry.host}/app:1")
    assert code == 0 and out.startswith('{\n\t"schemaVersion": 2,\n')
    assert json.loads(out) == json.loads(registry.manifests["app", "1"][1])


def test_verbose_tells_the_platform(registry, manifest):
    digest = registry.image("app", "1", "arm64")
    _, out, _ = manifest("inspect", "-v", f"{registry.host}/app:1")
    shown = json.loads(out)
    assert shown["Ref"] == f"{registry.host}/app:1"
    assert shown["Descriptor"]["digest"] == digest
    assert shown["Descriptor"]["platform"] == {"architecture": "arm64", "os": "linux"}
    assert base64.b64decode(shown["Raw"]) == registry.manifests["app", "1"][1]


def test_a_list_is_made_annotated_pushed_and_forgotten(registry, manifest, tmp_path):
    one, two = registry.image("app", "1"), registry.image("app", "2", "arm")
    target = f"{registry.host}/list:1"
    images = [f"{registry.host}/app:1", f"{registry.host}/app:2"]
    assert manifest("create", target, *images)[1] == f"Created manifest list {target}\n"
    assert manifest("create", target, *images)[0] == 1
    assert manifest("annotate", "--variant", "v7", "--os-features", "a,b", target, images[1])[0] == 0
    code, out, _ = manifest("push", "-p", target)
    assert code == 0 and out.splitlines()[0] == (f"Pushed ref {registry.host}/list@{one} with digest: {one}")
    media_type, data = registry.manifests["list", "1"]
    pushed = json.loads(data)
    assert media_type == pushed["mediaType"] == LIST
    assert [entry["digest"] for entry in pushed["manifests"]] == [one, two]
    assert pushed["manifests"][1]["platform"] == {
        "architecture": "arm",
        "os": "linux",
        "os.features": ["a", "b"],
        "variant": "v7",
    }
    assert ("list", two) in registry.manifests
    assert manifest("rm", target) == (1, "", f"No such manifest: {target}\n")
    assert manifest("inspect", target)[1] == data.decode() + "\n"


def test_a_digest_that_does_not_fit_is_refused(registry, manifest):
    digest = registry.image("app", "1")
    registry.manifests["app", digest] = (MANIFEST, b"{}")
    code, _, err = manifest("inspect", f"{registry.host}/app@{digest}")
    assert (code, err) == (1, f"manifest verification failed for digest {digest}\n")


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_credentials_are_given_where_asked_for(manifest, tmp_path, auth):
    with Registry(auth) as registry:
        registry.image("app", "1")
        (tmp_path / ".docker").mkdir()
        entry = {"auth": base64.b64encode(b"user:secret").decode()}
        (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {registry.host: entry}}))
        assert manifest("inspect", f"{registry.host}/app:1")[0] == 0
        assert set(registry.scopes) <= {"repository:app:pull"}
        assert bool(registry.scopes) == (auth == "bearer")


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_no_credentials_are_an_error(manifest, auth):
    with Registry(auth) as registry:
        code, _, err = manifest("inspect", f"{registry.host}/app:1")
    assert code == 1 and err.count("\n") == 1 and ("auth" in err)


def test_certificates_of_one_registry(manifest, tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("registry.test").configure_cert(context)
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: look_up("127.0.0.1" if host == "registry.test" else host, *rest, **more),
    )
    monkeypatch.setattr("sampan.cli.manifest.registry.CERTIFICATES", (str(tmp_path / "certs.d"),))
    with Registry("", context, "registry.test") as registry:
        registry.image("app", "1")
        code, _, err = manifest("inspect", f"{registry.host}/app:1")
        assert code == 1 and "tls: " in err
        assert manifest("inspect", "--insecure", f"{registry.host}/app:1")[0] == 0
        directory = tmp_path / "certs.d" / registry.host
        directory.mkdir(parents=True)
        authority.cert_pem.write_to_path(str(directory / "ca.crt"))
        assert manifest("inspect", f"{registry.host}/app:1")[0] == 0


def test_what_is_not_there(registry, manifest):
    assert manifest("inspect", f"{registry.host}/nope")[1:] == (
        "",
        f"no such manifest: {registry.host}/nope:latest\n",
    )
    code, _, err = manifest("inspect", "127.0.0.1:9/x")
    assert code == 1 and "dial tcp 127.0.0.1:9: connect: connection refused" in err
    annotated = manifest("annotate", "--arch", "arm", f"{registry.host}/l", f"{registry.host}/x")
    assert annotated[0] == 1 and "does not exist in" in annotated[2]
