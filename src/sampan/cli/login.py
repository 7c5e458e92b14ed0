"""sampan login: keep the credentials of a registry, once it has accepted them."""

from __future__ import annotations

import os
import sys

from sampan.cli.credentials import HUB, CredentialError, CredentialStore, hostname
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_UNAUTHORIZED = 401
_NO_TERMINAL = "Error: Cannot perform an interactive login from a non TTY device"
_PLAIN_WARNING = (
    "\nWARNING! Your credentials are stored unencrypted in '{}'.\n"
    "Configure a credential helper to remove this warning. See\n"
    "https://docs.docker.com/go/credential-store/\n"
)


def run(session: Session, options: Options, args: list[str]) -> None:
    password = _password(session, options)
    server = hostname(args[0]) if args and args[0] != "docker.io" else HUB
    store = CredentialStore(session)
    known = _known(store, server) if not options["username"] and not password else {}
    status = None
    if known.get("username") and known.get("password"):
        status = _with_known(session, store, known)
    if status is None:
        user, password = _ask_for(session, options["username"], password, known.get("username", ""), server)
        status = _login(session, store, {"username": user, "password": password, "serveraddress": server})
    if status:
        print(status)


def _password(session: Session, options: Options) -> str:
    """The password given by options, empty when none was; raises CliError."""
    if options["password-stdin"]:
        if options["password"]:
            raise CliError("conflicting options: cannot specify both --password and --password-stdin")
        if not options["username"]:
            raise CliError("the --password-stdin option requires --username to be set")
        with open(0, "rb", closefd=False) as stdin:
            text = stdin.read().decode("utf-8", "surrogateescape")
        return text.removesuffix("\n").removesuffix("\r")
    if options["password"]:
        session.warn("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
    return str(options["password"])


def _known(store: CredentialStore, server: str) -> dict[str, str]:
    try:
        return store.get(server)
    except CredentialError:
        return {}


def _with_known(session: Session, store: CredentialStore, known: dict[str, str]) -> str | None:
    """Try what is stored; None when the registry refused it."""
    from sampan.cli.notes import note

    session.warn(f"Authenticating with existing credentials... [Username: {known['username']}]")
    note(sys.stderr, "To login with a different account, run 'sampan logout' followed by 'sampan login'")
    session.warn("\n")
    try:
        return _login(session, store, known)
    except ApiError as error:
        if error.status == _UNAUTHORIZED:
            session.warn("Stored credentials invalid or expired")
        else:
            session.warn(f"Login did not succeed, error: {error.message}")
        return None


def _login(session: Session, store: CredentialStore, entry: dict[str, str]) -> str:
    """Have the registry check the credentials, then keep them; what it says. Raises CliError."""
    body = {name: value for name, value in entry.items() if value}
    answer = session.client.post("/auth", body=body).json() or {}
    if answer.get("IdentityToken"):
        entry = {**entry, "password": "", "identitytoken": answer["IdentityToken"]}
    try:
        store.store(entry)
    except CliError as error:
        raise CliError(f"Error saving credentials: {error.message}") from None
    if store.saved_plainly:
        session.warn(_PLAIN_WARNING.format(os.path.join(session.config_dir, "config.json")))
    return str(answer.get("Status") or "")


# -- prompts ---------------------------------------------------------------------------------------------


def _ask_for(session: Session, user: str, password: str, known_user: str, server: str) -> tuple[str, str]:
    """User name and password, asked for where they are missing; raises CliError."""
    user, password = user.strip(), password.strip() and password
    if not (user and password) and not os.isatty(0):
        raise CliError(_NO_TERMINAL)
    if not user:
        if server == HUB:
            print("Log in with a Docker ID or its email address; https://hub.docker.com/ gives Docker IDs.")
        user = _prompt(f"Username ({known_user}): " if known_user else "Username: ") or known_user
        if not user:
            raise CliError("Error: Non-null Username Required")
    if not password:
        if server == HUB:
            _tell_of_tokens()
        password = _prompt_hidden("Password: ")
        if not password:
            raise CliError("Error: Password Required")
    return user, password


def _tell_of_tokens() -> None:
    from sampan.cli.notes import note, underlined

    address = underlined("https://app.docker.com/settings")
    note(
        sys.stderr,
        f"A Personal Access Token (PAT) can be used instead.\nTo create a PAT, visit {address}\n\n",
    )


def _prompt(text: str) -> str:
    """A line of the terminal's, byte by byte: what follows it is for the next prompt."""
    sys.stdout.write(text)
    sys.stdout.flush()
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode("utf-8", "surrogateescape").strip()


def _prompt_hidden(text: str) -> str:
    import termios

    saved = termios.tcgetattr(0)
    quiet = termios.tcgetattr(0)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, quiet)
    try:
        return _prompt(text)
    finally:
        termios.tcsetattr(0, termios.TCSANOW, saved)
        print(flush=True)


COMMAND = Command(
    "[OPTIONS] [SERVER]",
    run,
    (
        Flag("password", "string", "Password or access token", short="p"),
        Flag("password-stdin", "bool", "Read the password or access token from stdin"),
        Flag("username", "string", "User name", short="u"),
    ),
    args=(0, 1),
    long=(
        "Log in to a registry: check the credentials and keep them for pull and push.\n"
        "Without a server it is Docker Hub."
    ),
)
