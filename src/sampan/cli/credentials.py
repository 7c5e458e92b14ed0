"""Registry credentials: config.json's auths, or a helper program that keeps them elsewhere.

config.json: "auths": {SERVER: {"auth": base64 of USER:PASSWORD, "identitytoken": ...}},
"credsStore": NAME and "credHelpers": {SERVER: NAME} choose the program docker-credential-NAME, which is run
with one of get, store, erase; it is told on stdin and answers on stdout.
Source: Docker's "docker login" reference, "credential helper protocol".
"""

from __future__ import annotations

import binascii
import os

from sampan.cli import gojson
from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sampan.cli.session import Session

HUB = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # the user name with which helpers keep identity tokens
_NOT_FOUND = "credentials not found in native keychain"
# the order of Docker's AuthConfig
_FIELDS = ("username", "password", "auth", "email", "serveraddress", "identitytoken", "registrytoken")


class CredentialError(CliError):
    """A helper program failed."""


def server_of(registry: str) -> str:
    """The name under which the credentials of a registry are kept."""
    return HUB if registry in ("docker.io", "index.docker.io") else registry


def hostname(server: str) -> str:
    """A server's name without scheme and path, as old configurations have them."""
    return server.removeprefix("http://").removeprefix("https://").split("/", 1)[0]


class CredentialStore:
    """What this user's configuration knows. An entry is Docker's AuthConfig: username, password ..."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._config = session.config
        self.saved_plainly = False

    def get(self, server: str) -> dict[str, str]:
        """The entry for `server`, empty when there is none; raises CredentialError."""
        entry = self._from_file(server)
        helper = self._helper(server)
        if helper:
            entry.pop("username", None)
            entry.pop("password", None)
            entry.pop("identitytoken", None)
            entry.pop("serveraddress", None)
            entry.update(_ask(helper, server))
        return {name: entry[name] for name in _FIELDS if entry.get(name)}

    def store(self, entry: Mapping[str, str]) -> None:
        """Keep an entry under its server address; raises CredentialError, CliError.

        `saved_plainly` tells whether a password went into config.json.
        """
        server = entry["serveraddress"]
        kept = {name: entry[name] for name in ("email", "registrytoken") if entry.get(name)}
        helper = self._helper(server)
        if helper:
            token = entry.get("identitytoken")
            secret = {
                "ServerURL": server,
                "Username": _TOKEN_USER if token else entry.get("username", ""),
                "Secret": token or entry.get("password", ""),
            }
            _run(helper, "store", gojson.dumps(secret))
            self._save(server, kept)
            return
        user, password = entry.get("username", ""), entry.get("password", "")
        if user or password:
            kept = {"auth": _base64(f"{user}:{password}"), **kept}
        if entry.get("identitytoken"):
            kept["identitytoken"] = entry["identitytoken"]
        self.saved_plainly = self._save(server, kept) and bool(password)

    def erase(self, server: str) -> None:
        """Forget an entry, if there is one; raises CredentialError, CliError."""
        helper = self._helper(server)
        if helper:
            _run(helper, "erase", server)
        if server in self._auths():
            self._config["auths"] = {name: e for name, e in self._auths().items() if name != server}
            self._write()

    def _auths(self) -> dict[str, Any]:
        auths = self._config.get("auths")
        return auths if isinstance(auths, dict) else {}

    def _from_file(self, server: str) -> dict[str, str]:
        auths = self._auths()
        if server in auths:
            return _decoded(auths[server], server)
        for name in auths:
            if hostname(name) == server:
                return _decoded(auths[name], name)
        return {}

    def _helper(self, server: str) -> str:
        helpers = self._config.get("credHelpers")
        if isinstance(helpers, dict) and helpers.get(server):
            return str(helpers[server])
        chosen = self._config.get("credsStore")
        if chosen:
            return str(chosen)
        return "" if self._auths() else _installed_helper()

    def _save(self, server: str, entry: dict[str, str]) -> bool:
        """Whether anything had to be written."""
        auths = self._auths()
        if auths.get(server) == entry:
            return False
        self._config["auths"] = {name: auths[name] for name in auths if name != server} | {server: entry}
        self._write()
        return True

    def _write(self) -> None:
        from sampan.cli.config import write_config

        auths = self._config["auths"]
        ordered = {"auths": {name: auths[name] for name in sorted(auths)}}
        directory = self._session.config_dir
        try:
            write_config(directory, ordered | {k: v for k, v in self._config.items() if k != "auths"})
        except OSError as error:
            path = os.path.join(directory, "config.json")
            raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from None


def _decoded(entry: Any, server: str) -> dict[str, str]:
    if not isinstance(entry, dict):
        return {}
    found = {name: str(entry[name]) for name in _FIELDS if name != "auth" and entry.get(name)}
    try:
        plain = binascii.a2b_base64(str(entry.get("auth") or "")).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        plain = ""
    user, colon, password = plain.partition(":")
    if colon:
        found.update(username=user, password=password.strip("\0"))
    found["serveraddress"] = server
    return found


def _base64(text: str) -> str:
    return binascii.b2a_base64(text.encode("utf-8", "surrogateescape"), newline=False).decode()


# -- helper programs -------------------------------------------------------------------------------------


def _installed_helper() -> str:
    """The helper this system has, for a configuration that holds no credentials yet."""
    name = "pass" if _on_path("pass") else "secretservice"
    return name if _on_path(f"docker-credential-{name}") else ""


def _on_path(program: str) -> bool:
    directories = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(os.path.join(directory, program), os.X_OK) for directory in directories if directory)


def _ask(helper: str, server: str) -> dict[str, str]:
    try:
        text = _run(helper, "get", server)
    except _HelperFailed as failure:
        if failure.output == _NOT_FOUND:
            return {}
        raise
    try:
        answer = gojson.loads(text)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError):
        raise CredentialError(
            f"error getting credentials - err: docker-credential-{helper}: bad answer"
        ) from None
    entry = {"serveraddress": server}
    if user == _TOKEN_USER:
        return {"identitytoken": secret, **entry}
    return {"username": user, "password": secret, **entry}


class _HelperFailed(CredentialError):
    def __init__(self, action: str, reason: str, output: str) -> None:
        doing = {"get": "getting", "store": "storing", "erase": "erasing"}[action]
        super().__init__(f"error {doing} credentials - err: {reason}, out: `{output}`")
        self.output = output


def _run(helper: str, action: str, text: str) -> str:
    """Run a helper, its stderr ours; raises CredentialError."""
    program = f"docker-credential-{helper}"
    if "/" in helper or not _on_path(program):
        raise _HelperFailed(action, f'exec: "{program}": executable file not found in $PATH', "")
    stdin, to_helper = os.pipe2(os.O_CLOEXEC)
    from_helper, stdout = os.pipe2(os.O_CLOEXEC)
    actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)]
    try:
        pid = os.posix_spawnp(program, [program, action], os.environ, file_actions=actions)
    except OSError as error:
        os.close(to_helper)
        os.close(from_helper)
        raise _HelperFailed(action, f"fork/exec {program}: {(error.strerror or '').lower()}", "") from None
    finally:
        os.close(stdin)
        os.close(stdout)
    output = _converse(to_helper, from_helper, text)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        reason = f"exit status {status}" if status > 0 else f"signal {-status}"
        raise _HelperFailed(action, reason, output.strip())
    return output


def _converse(to_helper: int, from_helper: int, text: str) -> str:
    try:
        # A secret fits a pipe's 64 KiB, so that writing it does not wait for the helper. pipe(7)
        os.write(to_helper, text.encode("utf-8", "surrogateescape"))
    except BrokenPipeError:
        pass  # it ended without reading: its status tells why
    finally:
        os.close(to_helper)
    with open(from_helper, encoding="utf-8", errors="replace") as file:
        return file.read()
