"""What every command gets: its name, the client's configuration and a connection, made when first used."""

from __future__ import annotations

import os
import sys

from sampan.cli.output import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sampan.cli.endpoint import Endpoint
    from sampan.cli.flags import Options
    from sampan.cli.http import Client

PROGRAM = "sampan"


class Session:
    """One run of the program. `path` is the command as the user named it, "sampan ps"."""

    def __init__(self, options: Options, environ: Mapping[str, str]) -> None:
        self.options = options
        self.environ = environ
        self.path = PROGRAM
        self._client: Client | None = None
        self._config: dict[str, Any] | None = None
        self._endpoint: Endpoint | None = None

    @property
    def config_dir(self) -> str:
        from sampan.cli.config import config_dir

        return config_dir(self.options, self.environ)

    @property
    def config(self) -> dict[str, Any]:
        if self._config is None:
            from sampan.cli.config import read_config

            self._config = read_config(self.config_dir)
        return self._config

    @property
    def endpoint(self) -> Endpoint:
        if self._endpoint is None:
            from sampan.cli.endpoint import find_endpoint

            self._endpoint = find_endpoint(self.options, self.environ, self.config_dir, self.config)
        return self._endpoint

    @property
    def client(self) -> Client:
        """Raises CliError when the host cannot be resolved; connects with the first request."""
        if self._client is None:
            from sampan.cli.http import Client

            endpoint = self.endpoint
            headers = self.config.get("HttpHeaders")
            self._client = Client(
                endpoint.address,
                endpoint.tls,
                _pinned_version(self.environ.get("DOCKER_API_VERSION", "")),
                headers if isinstance(headers, dict) else None,
            )
            if endpoint.default and os.geteuid() == 0:
                self._client.start_daemon = self._start_daemon
        return self._client

    def _start_daemon(self) -> bool:
        from sampan.cli.daemon import start

        assert self._client is not None
        return start(self._client)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def text_setting(self, name: str) -> str:
        """A string of config.json (psFormat, detachKeys ...), empty when unset."""
        value = self.config.get(name)
        return value if isinstance(value, str) else ""

    def platform(self, options: Options) -> str:
        """The value of --platform, or what the environment has in its place."""
        return str(options["platform"] or self.environ.get("DOCKER_DEFAULT_PLATFORM") or "")

    def warn(self, text: str) -> None:
        warn(text)

    def write(self, data: bytes) -> None:
        """Bytes to stdout, after the text already written."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def _pinned_version(text: str) -> tuple[int, int] | None:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None
