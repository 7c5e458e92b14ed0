"""A context's metadata, be it on disk or the default one, which no file describes."""

from __future__ import annotations

from sampan.cli.context import store
from sampan.cli.endpoint import DEFAULT_HOST, parse_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.session import Session


def find(session: Session, name: str) -> dict[str, Any]:
    """Raises CliError where there is no such context."""
    return _default(session) if name == "default" else store.load(session.config_dir, name)


def _default(session: Session) -> dict[str, Any]:
    """What stands for options and environment."""
    hosts = session.options["host"]
    host = (
        (hosts[0] if hosts else "")
        or session.environ.get("SAMPAN_HOST")
        or session.environ.get("DOCKER_HOST")
    )
    return {
        "Name": "default",
        "Metadata": {},
        "Endpoints": {"docker": {"Host": parse_host(host) if host else DEFAULT_HOST, "SkipTLSVerify": False}},
    }
