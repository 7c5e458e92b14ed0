"""login, logout and the header of pull and push: auths in config.json, helper programs, identity tokens."""

from __future__ import annotations

import base64
import json
import sys

import pytest

from sampan.cli.main import run
from tests.cli.recorder import Recorder

HUB = "https://index.docker.io/v1/"
HELPER = """#!/bin/sh
in=$(cat)
echo "$1 $in" >> {log}
case "$1 $in" in
"get kept:5000") echo '{{"ServerURL":"kept:5000","Username":"helper","Secret":"secret"}}' ;;
"get token:5000") echo '{{"ServerURL":"token:5000","Username":"<token>","Secret":"idt"}}' ;;
"get broken:5000") echo kaputt; exit 1 ;;
get*) echo "credentials not found in native keychain"; exit 1 ;;
*refused*) echo no room; exit 2 ;;
esac
"""


class User:
    """One user's configuration, and an engine that logs in whoever has not the password "wrong"."""

    def __init__(self, tmp_path, capfd):
        self.home = tmp_path
        self.capfd = capfd
        self.token = ""
        self.engine = Recorder(str(tmp_path / "d.sock"), self._answer)

    def _answer(self, request):
        if request.path != "/auth":
            return 200, [] if request.path == "/images/search" else b""
        if request.json.get("password") == "wrong":
            return 401, {"message": "unauthorized"}
        return 200, {"Status": "Login Succeeded", "IdentityToken": self.token}

    def __call__(self, *args):
        code = run(["-H", self.engine.address, *args], {"HOME": str(self.home)})
        sys.stdout.flush()
        out, err = self.capfd.readouterr()
        return code, out, err

    @property
    def config(self):
        return json.loads((self.home / ".docker/config.json").read_text())

    @config.setter
    def config(self, value):
        (self.home / ".docker").mkdir(exist_ok=True)
        (self.home / ".docker/config.json").write_text(json.dumps(value))

    @property
    def sent(self):
        """The last X-Registry-Auth."""
        return json.loads(base64.urlsafe_b64decode(self.engine.requests[-1].headers["x-registry-auth"]))


@pytest.fixture
def user(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    made = User(tmp_path, capfd)
    with made.engine:
        yield made


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """The calls of docker-credential-t, which is put on PATH."""
    log = tmp_path / "log"
    program = tmp_path / "bin/docker-credential-t"
    program.parent.mkdir()
    program.write_text(HELPER.format(log=log))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return lambda: log.read_text().splitlines() if log.exists() else []


def basic(text):
    return base64.b64encode(text.encode()).decode()


def test_login_keeps_what_the_registry_accepted(user):
    code, out, err = user("login", "-u", "u", "-p", "p", "https://reg:5000/v2/")
    assert (code, out) == (0, "Login Succeeded\n")
    assert "--password via the CLI is insecure" in err and "stored unencrypted in" in err
    assert user.config == {"auths": {"reg:5000": {"auth": basic("u:p")}}}
    assert user.engine.requests[-1].json == {"username": "u", "password": "p", "serveraddress": "reg:5000"}
    assert (user.home / ".docker/config.json").stat().st_mode & 0o777 == 0o600


def test_login_keeps_nothing_that_was_refused(user):
    code, _, err = user("login", "-u", "u", "-p", "wrong", "reg:5000")
    assert code == 1 and "Error response from daemon: unauthorized" in err
    assert not (user.home / ".docker").exists()


def test_login_keeps_the_rest_of_the_configuration_and_its_link(user):
    user.config = {"psFormat": "x", "auths": {"z": {"auth": basic("a:b")}}, "unknown": {"k": 1}}
    real = user.home / "elsewhere.json"
    (user.home / ".docker/config.json").rename(real)
    (user.home / ".docker/config.json").symlink_to(real)
    assert user("login", "-u", "u", "-p", "p")[0] == 0
    assert (user.home / ".docker/config.json").is_symlink()
    assert user.config["unknown"] == {"k": 1} and user.config["psFormat"] == "x"
    assert list(user.config["auths"]) == [HUB, "z"]


def test_an_identity_token_replaces_the_password(user):
    user.token = "idtok"
    code, _, err = user("login", "-u", "u", "-p", "p", "reg:5000")
    assert code == 0 and "unencrypted" not in err
    assert user.config["auths"]["reg:5000"] == {"auth": basic("u:"), "identitytoken": "idtok"}
    user("pull", "-q", "reg:5000/x")
    assert user.sent == {"username": "u", "serveraddress": "reg:5000", "identitytoken": "idtok"}


def test_login_with_what_is_kept(user):
    user.config = {"auths": {"reg:5000": {"auth": basic("u:p")}}}
    code, out, err = user("login", "reg:5000")
    assert (code, out) == (0, "Login Succeeded\n")
    assert err.startswith("Authenticating with existing credentials... [Username: u]\n\n Info -> ")


REFUSED = [
    (["--password-stdin"], "the --password-stdin option requires --username to be set\n"),
    (
        ["-u", "u", "-p", "p", "--password-stdin"],
        "conflicting options: cannot specify both --password and --password-stdin\n",
    ),
]


@pytest.mark.parametrize(("args", "message"), REFUSED)
def test_login_refuses(user, args, message):
    assert user("login", *args) == (1, "", message)


def test_logout_forgets_every_form_of_the_name(user):
    user.config = {
        "auths": {name: {"auth": basic("u:p")} for name in ("https://reg:5000", "reg:5000", "other")}
    }
    assert user("logout", "reg:5000") == (0, "Removing login credentials for reg:5000\n", "")
    assert list(user.config["auths"]) == ["other"]


def test_an_old_url_serves_a_host(user):
    user.config = {"auths": {"https://reg:5000/v1/": {"auth": basic("u:p")}}}
    user("pull", "-q", "reg:5000/x")
    assert user.sent == {"username": "u", "password": "p", "serveraddress": "https://reg:5000/v1/"}


SENT = [
    ("kept:5000", {"username": "helper", "password": "secret", "serveraddress": "kept:5000"}),
    ("token:5000", {"serveraddress": "token:5000", "identitytoken": "idt"}),
    ("broken:5000", {}),
    ("none:5000", {}),
]


@pytest.mark.parametrize(("registry", "entry"), SENT)
@pytest.mark.parametrize("command", ["pull", "push", "search"])
def test_a_helper_is_asked(user, helper, registry, entry, command):
    user.config = {"credsStore": "t"}
    user(command, f"{registry}/x")
    assert user.sent == entry
    assert helper() == [f"get {registry}"]


def test_a_helper_of_one_registry(user, helper):
    user.config = {"credHelpers": {"kept:5000": "t"}, "auths": {"reg:5000": {"auth": basic("u:p")}}}
    user("pull", "-q", "reg:5000/x")
    assert user.sent["username"] == "u" and helper() == []
    user("pull", "-q", "kept:5000/x")
    assert user.sent["username"] == "helper"


def test_login_and_logout_with_a_helper(user, helper):
    user.config = {"credsStore": "t"}
    code, _, err = user("login", "-u", "u", "-p", "p<", "reg:5000")
    assert code == 0 and "unencrypted" not in err
    assert user.config == {"auths": {"reg:5000": {}}, "credsStore": "t"}
    assert helper() == [r'store {"ServerURL":"reg:5000","Username":"u","Secret":"p\u003c"}']
    user("logout", "reg:5000")
    assert user.config["auths"] == {}
    assert helper()[1] == "erase reg:5000"


FAILURES = [("t", "refused", "exit status 2, out: `no room`"), ("gone", "reg", "executable file not found")]


@pytest.mark.parametrize(("name", "server", "reason"), FAILURES)
def test_a_helper_that_fails_is_told(user, helper, name, server, reason):
    user.config = {"credsStore": name}
    code, _, err = user("login", "-u", "u", "-p", "p", server)
    assert code == 1 and "Error saving credentials: error storing credentials - err: " in err
    assert reason in err


@pytest.mark.parametrize("auth", ["%%%", "bm9jb2xvbg==", 7, None])
def test_a_broken_entry_counts_as_none(user, auth):
    user.config = {"auths": {"reg:5000": {"auth": auth}}}
    assert user("pull", "-q", "reg:5000/x")[0] == 0
    assert "username" not in user.sent
