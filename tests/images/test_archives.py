"""What is read from archives' own documents: Docker's manifest.json and OCI's index.json."""

import json
from typing import Any

import pytest

from sampan.errors import Failed
from sampan.images.archives import Archive, ArchivedImage
from sampan.specs.oci import digest as digests
from sampan.specs.oci.platform import Platform

HERE = Platform("linux", "amd64")


class Members:
    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.paths: dict[str, str] = {}

    def add(self, path: str, value: Any) -> str:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest = digests.of(data)
        self.blobs[digest] = data
        self.paths[path or "blobs/" + digest.replace(":", "/")] = digest
        return digest

    def images(self, platform: Platform = HERE) -> list[ArchivedImage]:
        return Archive(self.paths, self.blobs.__getitem__, lambda digest: len(self.blobs[digest])).images(
            platform
        )


def manifest(members: Members, config: bytes, *layers: bytes) -> tuple[str, str, list[str]]:
    digests = [members.add("", layer) for layer in layers]
    config_digest = members.add("", config)
    document = {"config": {"digest": config_digest}, "layers": [{"digest": digest} for digest in digests]}
    return members.add("", document), config_digest, digests


def test_dockers_manifest_names_paths() -> None:
    members = Members()
    config, layer = members.add("c.json", b"config"), members.add("l/layer.tar", b"layer")
    members.add(
        "manifest.json", [{"Config": "c.json", "RepoTags": ["a:1", "b:2"], "Layers": ["./l/layer.tar"]}]
    )
    (image,) = members.images()
    assert (image.config, image.layers) == (config, (layer,))
    assert [name.familiar for name in image.names] == ["a:1", "b:2"]


def test_an_index_names_blobs() -> None:
    members = Members()
    digest, config, layers = manifest(members, b"config", b"one", b"two")
    note = {"io.containerd.image.name": "docker.io/library/a:1", "org.opencontainers.image.ref.name": "1"}
    members.add("index.json", {"manifests": [{"digest": digest, "annotations": note}]})
    (image,) = members.images()
    assert (image.config, image.layers) == (config, tuple(layers))
    assert [name.familiar for name in image.names] == ["a:1"]


def test_two_names_of_one_manifest_are_one_image() -> None:
    members = Members()
    digest, _, _ = manifest(members, b"config")
    notes = [{"io.containerd.image.name": f"docker.io/library/a:{tag}"} for tag in (1, 2)]
    members.add("index.json", {"manifests": [{"digest": digest, "annotations": note} for note in notes]})
    (image,) = members.images()
    assert [name.familiar for name in image.names] == ["a:1", "a:2"]


def test_of_several_platforms_this_ones_is_taken() -> None:
    members = Members()
    ours, config, _ = manifest(members, b"ours")
    theirs, other, _ = manifest(members, b"theirs")
    nested = members.add(
        "",
        {
            "manifests": [
                {"digest": theirs, "platform": {"os": "linux", "architecture": "arm64"}},
                {"digest": ours, "platform": {"os": "linux", "architecture": "amd64"}},
                {"digest": "sha256:" + "00" * 32, "platform": {"os": "unknown", "architecture": "unknown"}},
            ]
        },
    )
    note = {"org.opencontainers.image.ref.name": "reg.io/x:1"}
    kind = "application/vnd.oci.image.index.v1+json"
    members.add("index.json", {"manifests": [{"digest": nested, "mediaType": kind, "annotations": note}]})
    assert [image.config for image in members.images()] == [config]
    assert [image.config for image in members.images(Platform("linux", "arm64"))] == [other]
    assert members.images()[0].names[0].familiar == "reg.io/x:1"
    with pytest.raises(Failed, match="no image for platform linux/s390x"):
        members.images(Platform("linux", "s390x"))


def test_a_bare_tag_is_no_name() -> None:
    members = Members()
    digest, _, _ = manifest(members, b"config")
    note = {"org.opencontainers.image.ref.name": "latest"}
    members.add("index.json", {"manifests": [{"digest": digest, "annotations": note}]})
    assert members.images()[0].names == ()


def broken(path: str, value: Any) -> Members:
    members = Members()
    members.add("other", b"x")
    members.add(path, value)
    return members


def wrong_digest() -> Members:
    members = Members()
    digest, _, _ = manifest(members, b"config")
    members.paths["blobs/" + digest.replace(":", "/")] = members.add("x", b"something else")
    members.add("index.json", {"manifests": [{"digest": digest}]})
    return members


def loop() -> Members:
    members = Members()
    digest = members.add("", {"manifests": []})
    kind = "application/vnd.oci.image.index.v1+json"
    members.blobs[digest] = json.dumps({"manifests": [{"digest": digest, "mediaType": kind}]}).encode()
    members.add("index.json", {"manifests": [{"digest": digest, "mediaType": kind}]})
    return members


BROKEN = [
    ("nothing known", broken("x", b"")),
    ("a manifest that is no JSON", broken("manifest.json", b"{")),
    ("a manifest that is no list", broken("manifest.json", {})),
    ("an image that is no object", broken("manifest.json", ["x"])),
    ("an image without config", broken("manifest.json", [{"Layers": []}])),
    ("a config that is missing", broken("manifest.json", [{"Config": "none", "Layers": []}])),
    ("a config outside", broken("manifest.json", [{"Config": "../../etc/passwd", "Layers": []}])),
    ("a layer that is missing", broken("manifest.json", [{"Config": "other", "Layers": ["none"]}])),
    ("a bad tag", broken("manifest.json", [{"Config": "other", "RepoTags": ["A:b"], "Layers": []}])),
    ("a name without tag", broken("manifest.json", [{"Config": "other", "RepoTags": ["a"], "Layers": []}])),
    ("an index that is no object", broken("index.json", [])),
    ("a descriptor without digest", broken("index.json", {"manifests": [{}]})),
    ("a digest that is a path", broken("index.json", {"manifests": [{"digest": "../../x"}]})),
    ("a blob with other content", wrong_digest()),
    ("an index in itself", loop()),
]


@pytest.mark.parametrize("members", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_archives_are_refused(members: Members) -> None:
    with pytest.raises(Failed):
        members.images()
