"""Kubeconfigs: as `sampan kube up` writes them, as people do, and broken."""

import base64
from pathlib import Path

import pytest

from sampan.errors import SampanError
from sampan.kube.client.kubeconfig import read

DATA = base64.b64encode(b"pem").decode()
GOOD = f"""
apiVersion: v1
kind: Config
current-context: one
contexts:
- name: one
  context: {{cluster: c, user: u, namespace: shop}}
- name: two
  context: {{cluster: c, user: t}}
clusters:
- name: c
  cluster: {{server: "https://127.0.0.1:6443/", certificate-authority-data: {DATA}}}
users:
- name: u
  user: {{client-certificate: cert.pem, client-key: /abs/key.pem}}
- name: t
  user: {{token: secret}}
"""


def test_certificates_stand_in_the_file_or_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(GOOD)
    endpoint, namespace = read(path)
    assert (endpoint.url, namespace) == ("https://127.0.0.1:6443", "shop")
    assert Path(endpoint.ca).read_bytes() == b"pem"
    assert (endpoint.certificate, endpoint.key) == (str(tmp_path / "cert.pem"), "/abs/key.pem")


def test_another_context_is_chosen_by_name(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(GOOD)
    endpoint, namespace = read(path, "two")
    assert (endpoint.token, endpoint.certificate, namespace) == ("secret", "", "default")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no kubeconfig"),
        ("a: [", "is no YAML"),
        ("[]", "is no kubeconfig"),
        ("{}", "has no context ''"),
        (GOOD.replace("cluster: c, user: u", "cluster: d, user: u"), "has no cluster 'd'"),
        (GOOD.replace(DATA, "'%%'"), "certificate-authority-data is no base64"),
        (GOOD.replace("client-certificate: cert.pem", "exec: {}"), "another program"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SampanError, match=message):
        read(path)
