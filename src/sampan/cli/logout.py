"""sampan logout: forget the credentials of a registry."""

from __future__ import annotations

from sampan.cli.credentials import HUB, CredentialStore, hostname
from sampan.cli.errors import CliError
from sampan.cli.flags import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    server = args[0] if args else HUB
    host, names = server, [server]
    if args:
        host = hostname(server)  # older clients kept it under any of these
        names = list(dict.fromkeys([server, host, f"http://{host}", f"https://{host}"]))
    print(f"Removing login credentials for {host}", flush=True)
    store = CredentialStore(session)
    failures = []
    for name in names:
        try:
            store.erase(name)
        except CliError as error:
            failures.append(f"{name}: {error.message}")
    if len(failures) == len(names):
        session.warn("\n".join(["WARNING: could not erase credentials:", *failures]))


COMMAND = Command(
    "[SERVER]",
    run,
    args=(0, 1),
    long="Log out from a registry: forget its credentials. Without a server it is Docker Hub.",
)
