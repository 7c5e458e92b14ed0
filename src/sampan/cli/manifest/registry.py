"""A registry asked by the client itself, as `manifest` does: manifests, small blobs, mounts.

Source: OCI distribution specification 1.1, end-2, end-3, end-7, end-11.
"""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from http import client as http_client
from urllib.parse import urlencode, urljoin

from sampan.cli import gojson
from sampan.cli.errors import CliError
from sampan.cli.image.auth import credentials
from sampan.errors import SampanError
from sampan.http.bearer import Authorizer, Credentials, TokenAnswer
from sampan.specs.oci import digest as digests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from typing import Any

    from sampan.cli.session import Session

LIST_TYPES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MANIFEST_TYPES = ("application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST)
CERTIFICATES = ("/etc/sampan/certs.d", "/etc/docker/certs.d")
_LIMIT = 8 << 20  # bytes of a manifest or configuration; the specification has registries take 4 MiB
_TIMEOUT = 60.0


class NoSuchManifest(CliError):
    """The registry does not have it."""


class Answer:
    """A response, its body whole."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Registry:
    """One repository's registry. `insecure` allows certificates nobody signed, and plain HTTP."""

    def __init__(self, session: Session, host: str, insecure: bool) -> None:
        self._host = "registry-1.docker.io" if host == "docker.io" else host
        name = self._host.rsplit(":", 1)[0]
        self._insecure = insecure or name in ("localhost", "[::1]") or name.startswith("127.")
        self._opener = self._make_opener()
        self._known = _known(session, host)
        self._base = ""
        self._authorizer: Authorizer | None = None

    # -- what is there to ask ---------------------------------------------------------------------------

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str]:
        """The bytes of a manifest or list and its media type; raises NoSuchManifest, CliError."""
        accept = ", ".join((*MANIFEST_TYPES, *LIST_TYPES))
        answer = self._ask(
            "GET", f"{repository}/manifests/{reference}", _pull(repository), {"Accept": accept}
        )
        if answer.status == 404:
            raise NoSuchManifest(f"no such manifest: {reference}")
        self._check(answer, 200)
        return answer.body, answer.headers.get("Content-Type", "").partition(";")[0].strip()

    def blob(self, repository: str, digest: str) -> bytes:
        """Raises CliError, also where the bytes do not have that digest."""
        answer = self._ask("GET", f"{repository}/blobs/{digest}", _pull(repository))
        self._check(answer, 200)
        verify(answer.body, digest, "blob")
        return answer.body

    def put_manifest(self, repository: str, reference: str, media_type: str, data: bytes) -> str:
        """Its digest; raises CliError."""
        answer = self._ask(
            "PUT",
            f"{repository}/manifests/{reference}",
            _push(repository),
            {"Content-Type": media_type},
            data,
        )
        self._check(answer, 201)
        return str(answer.headers.get("Docker-Content-Digest") or digests.of(data))

    def mount(self, repository: str, digest: str, source: str) -> None:
        """Have a blob of repository `source` in `repository`, too; raises CliError."""
        query = urlencode({"mount": digest, "from": source})
        scopes = (*_push(repository), *_pull(source))
        answer = self._ask("POST", f"{repository}/blobs/uploads/?{query}", scopes, {}, b"")
        if answer.status == 201:
            return
        self._check(answer, 202)  # it would take an upload instead: give that up
        if location := answer.headers.get("Location"):
            self._send("DELETE", urljoin(self._base, location), self._authorized(scopes), None)
        raise CliError(f"failed to mount blob {source}@{digest} to {repository}")

    # -- transport --------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        scopes: tuple[str, ...],
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        if not self._base:
            self._base = self._find()
        url = f"{self._base}/v2/{path}"
        try:
            answer = self._send(method, url, {**(headers or {}), **self._authorized(scopes)}, data)
            if answer.status == 401 and self._challenged(answer, scopes):
                answer = self._send(method, url, {**(headers or {}), **self._authorized(scopes)}, data)
        except _Unreachable as error:
            raise CliError(f'{method.capitalize()} "{url}": {error}') from None
        return answer

    def _find(self) -> str:
        """The base URL that answers; raises CliError with the first failure."""
        failure = ""
        for scheme in ("https", "http") if self._insecure else ("https",):
            base = f"{scheme}://{self._host}"
            self._authorizer = Authorizer(self._known, self._fetch_token, secure=scheme == "https")
            try:
                answer = self._send("GET", f"{base}/v2/", {}, None)
            except _Unreachable as error:
                failure = failure or f'error pinging v2 registry: Get "{base}/v2/": {error}'
                continue
            self._challenged(answer, ())
            return base
        raise CliError(f"failed to configure transport: {failure}")

    def _challenged(self, answer: Answer, scopes: tuple[str, ...]) -> bool:
        assert self._authorizer is not None
        return self._authorizer.challenged(answer.headers.get_all("WWW-Authenticate") or [], scopes)

    def _authorized(self, scopes: tuple[str, ...]) -> dict[str, str]:
        assert self._authorizer is not None
        try:
            header = _finished(self._authorizer.header(scopes))
        except SampanError as error:
            raise CliError(error.message) from None
        return {"Authorization": header} if header else {}

    async def _fetch_token(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        query: Sequence[tuple[str, str]],
        form: Mapping[str, str],
    ) -> TokenAnswer:
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query)
        try:
            answer = self._send(method, url, headers, urlencode(form).encode() if form else None)
        except _Unreachable as error:
            raise CliError(f'{method.capitalize()} "{url.partition("?")[0]}": {error}') from None
        try:
            document = gojson.loads(answer.body)
        except ValueError:
            document = None
        return TokenAnswer(answer.status, document)

    def _send(self, method: str, url: str, headers: Mapping[str, str], data: bytes | None) -> Answer:
        request = urllib.request.Request(url, data, {"User-Agent": "sampan-cli"}, method=method)
        for name, value in headers.items():
            if name == "Authorization":  # for this host only, not for where it sends us
                request.add_unredirected_header(name, value)
            else:
                request.add_header(name, value)
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as response:
                return Answer(response.status, response.headers, _whole(response))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, _whole(error))
        except urllib.error.URLError as error:
            raise _Unreachable(_reason(error.reason, self._host)) from None
        except (OSError, http_client.HTTPException) as error:
            raise _Unreachable(_reason(error, self._host)) from None

    def _make_opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context()
        if self._insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        for root in CERTIFICATES:
            _load_certificates(context, os.path.join(root, self._host))
        return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))

    def _check(self, answer: Answer, wanted: int) -> None:
        if answer.status == wanted:
            return
        try:
            first = gojson.loads(answer.body)["errors"][0]
            text = f"{str(first['code']).lower().replace('_', ' ')}: {first.get('message') or ''}"
        except (ValueError, KeyError, TypeError, IndexError):
            text = f"received unexpected HTTP status: {answer.status}"
        raise CliError(text)


def _load_certificates(context: ssl.SSLContext, folder: str) -> None:
    """NAME.crt are authorities; NAME.cert with NAME.key is who we are. Raises CliError."""
    try:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            path = os.path.join(folder, name)
            if name.endswith(".crt"):
                context.load_verify_locations(path)
            elif name.endswith(".cert"):
                context.load_cert_chain(path, path.removesuffix(".cert") + ".key")
    except OSError as error:
        raise CliError(f"failed to configure transport: {folder}: {error.strerror or error}") from None


class _Unreachable(Exception):
    """No HTTP answer; the text is the reason."""


def _known(session: Session, host: str) -> Credentials:
    entry = credentials(session, host)
    return Credentials(
        entry.get("username", ""),
        entry.get("password", ""),
        entry.get("identitytoken", ""),
        entry.get("registrytoken", ""),
    )


def _pull(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull",)


def _push(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull,push",)


def _finished(work: Coroutine[Any, Any, str]) -> str:
    """The result of a coroutine that never waits: nothing here is asynchronous but its signature."""
    try:
        work.send(None)
    except StopIteration as stop:
        return str(stop.value)
    work.close()
    raise RuntimeError("a token request waited for an event loop")


def _whole(response: Any) -> bytes:
    data: bytes = response.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise CliError(f"the registry's answer is larger than {_LIMIT >> 20} MiB")
    return data


def _reason(error: Any, host: str) -> str:
    """In the words of Go's net package where it has some."""
    if isinstance(error, ssl.SSLError):
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return "http: server gave HTTP response to HTTPS client"
        return f"tls: {getattr(error, 'verify_message', '') or error.reason or error}"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        address = host if ":" in host else f"{host}:443"
        return f"dial tcp {address}: connect: {(error.strerror or str(error)).lower()}"
    if isinstance(error, OSError):  # getaddrinfo(3) has its own numbers, all below zero
        return f"dial tcp: lookup {host}: no such host" if error.errno else str(error)
    return f"malformed HTTP response: {error}"


def verify(data: bytes, digest: str, what: str) -> None:
    """Raises CliError where `data` does not have `digest`."""
    import hashlib

    algorithm, _, value = digest.partition(":")
    if algorithm not in ("sha256", "sha384", "sha512"):
        raise CliError(f"unsupported digest algorithm {algorithm!r}")
    if hashlib.new(algorithm, data).hexdigest() != value:
        raise CliError(f"{what} verification failed for digest {digest}")
