"""`python -m sampan.registry serve`, which is also `sampan registry serve`: flags, configuration, sockets."""

import argparse
import logging
import sys

from sampan.errors import SampanError
from sampan.registry.config import DEFAULT_ADDRESS, DEFAULT_ROOT, Config, load
from sampan.registry.workers import supervise

log = logging.getLogger("sampan.registry")
ENGINE_SOCKET = "/run/sampan.sock"


def parser() -> argparse.ArgumentParser:
    outer = argparse.ArgumentParser(prog="sampan registry", description="Store and distribute images.")
    commands = outer.add_subparsers(dest="command", required=True, metavar="COMMAND")
    line = commands.add_parser(
        "serve", help="serve a registry", description="Serve a registry: an OCI distribution server."
    )
    line.add_argument("--config", metavar="FILE", help="configuration file (TOML); flags override it")
    line.add_argument("--root", metavar="DIR", help=f'where everything is kept (default "{DEFAULT_ROOT}")')
    line.add_argument(
        "--addr", metavar="HOST:PORT", help=f'address to listen on (default "{DEFAULT_ADDRESS}")'
    )
    line.add_argument("--tls-cert", metavar="FILE", help="certificate and its chain (PEM)")
    line.add_argument("--tls-key", metavar="FILE", help="the certificate's key (PEM)")
    line.add_argument("--workers", type=int, metavar="N", help="worker processes (default: one per CPU)")
    line.add_argument("--read-only", action="store_true", default=None, help="refuse pushes and deletes")
    line.add_argument("--auth", choices=("none", "htpasswd", "token"), help="how clients say who they are")
    line.add_argument("--htpasswd", metavar="FILE", help="users and bcrypt hashes (htpasswd -B)")
    line.add_argument(
        "--share-engine-store",
        nargs="?",
        const=ENGINE_SOCKET,
        metavar="SOCKET",
        help=f"serve this machine's engine's images, and give it what is pushed (default {ENGINE_SOCKET})",
    )
    line.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    return outer


FLAG_KEYS = {
    "root": "root",
    "addr": "addr",
    "tls_cert": "tls_cert",
    "tls_key": "tls_key",
    "workers": "workers",
    "read_only": "read_only",
    "auth": "auth.mode",
    "htpasswd": "auth.htpasswd",
    "share_engine_store": "share_engine_store",
}


def configuration(argv: list[str]) -> tuple[Config, str]:
    """The configuration and the log level. Exits for --help and wrong flags; raises Invalid."""
    given = vars(parser().parse_args(argv))
    flags = {key: given[flag] for flag, key in FLAG_KEYS.items() if given[flag] is not None}
    return load(given["config"], flags), str(given["log_level"])


def main(argv: list[str]) -> int:
    """Run the registry; returns the exit status."""
    try:
        _, level = configuration(argv)
        logging.basicConfig(
            level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
        )
        logging.getLogger("asyncio").setLevel(logging.WARNING)
        return supervise(lambda: configuration(argv)[0])
    except SampanError as error:
        print(f"sampan registry: {error}", file=sys.stderr)
        return 1
