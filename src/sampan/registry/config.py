"""The registry's configuration: one TOML file, whose sections the parts declare; flags override it."""

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path

from sampan.errors import Invalid
from sampan.registry.accesslog import LogConfig
from sampan.registry.auth.config import AuthConfig
from sampan.registry.cache.config import UpstreamConfig
from sampan.registry.collect import CollectConfig
from sampan.registry.repositories import QuotaRule
from sampan.registry.retention import RetentionRule
from sampan.registry.settings import duration, number, option, read, sections, switch, table, text
from sampan.registry.webhooks.config import Webhook

DEFAULT_ROOT = "/var/lib/sampan-registry"
DEFAULT_ADDRESS = "127.0.0.1:5000"


@dataclass(frozen=True)
class Config:
    """Every field is a key of the file; the flags of program.py are the same names."""

    root: str = option(DEFAULT_ROOT, text, "where everything is kept")
    addr: str = option(DEFAULT_ADDRESS, text, "HOST:PORT to listen on")
    tls_cert: str = option("", text, "PEM file with the server's certificate and its chain")
    tls_key: str = option("", text, "PEM file with the certificate's key")
    workers: int = option(0, number, "worker processes; 0: one per CPU")
    read_only: bool = option(False, switch, "refuse pushes and deletes")
    allow_delete: bool = option(True, switch, "let clients delete blobs, manifests and tags")
    body_timeout: float = option(60.0, duration, "how long a client may send nothing in the middle of a body")
    upload_expiry: float = option(7 * 86400.0, duration, "how long an upload may rest before it is dropped")
    page_size: int = option(1000, number, "most entries of a catalog page")
    drain_timeout: float = option(30.0, duration, "how long requests may go on when the registry is stopped")
    metrics: bool = option(True, switch, "serve /metrics to everybody who reaches the address")
    page: bool = option(True, switch, "serve the web page at /")
    share_engine_store: str = option(
        "", text, "socket of the engine whose images to serve, and to give pushes to"
    )
    auth: AuthConfig = table(AuthConfig, "who may do what")
    collect: CollectConfig = table(CollectConfig, "garbage collection")
    retention: tuple[RetentionRule, ...] = option((), sections(RetentionRule), "which tags are kept")
    quota: tuple[QuotaRule, ...] = option((), sections(QuotaRule), "how much repositories may hold")

    log: LogConfig = table(LogConfig, "the access log")
    webhook: tuple[Webhook, ...] = option((), sections(Webhook), "endpoints that hear of pushes and pulls")
    upstream: tuple[UpstreamConfig, ...] = option((), sections(UpstreamConfig), "registries to cache")

    @property
    def listen(self) -> tuple[str, int]:
        """Host and port. Raises Invalid."""
        host, colon, port = self.addr.rpartition(":")
        if not colon or not port.isdigit() or int(port) > 65535:
            raise Invalid(f'addr: "{self.addr}" is not HOST:PORT')
        return host.strip("[]"), int(port)

    @property
    def name(self) -> str:
        """How images that are in this registry are called on this machine."""
        host, port = self.listen
        return f"{host or '127.0.0.1'}:{port}"

    def check(self) -> "Config":
        """Raises Invalid for settings that do not go together."""
        _ = self.listen
        if bool(self.tls_cert) != bool(self.tls_key):
            raise Invalid("tls-cert and tls-key must be given together")
        self.auth.check()
        names = [webhook.name for webhook in self.webhook]
        if len(names) != len(set(names)):
            raise Invalid("webhook: two endpoints have the same name")
        for upstream in self.upstream:
            upstream.check()
        return self


def load(path: str | None, flags: dict[str, object]) -> Config:
    """The file, then the flags over it: a key like `auth.htpasswd` sets one of a section's.

    Raises Invalid for a file that cannot be read, and for unknown or wrong settings.
    """
    try:
        config = Config() if path is None else read(Config, tomllib.loads(Path(path).read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"cannot read {path}: {error}") from None
    except Invalid as error:
        raise Invalid(f"{path}: {error.message}") from None
    for key, value in flags.items():
        outer, _, inner = key.rpartition(".")
        if outer:
            config = dataclasses.replace(
                config, **{outer: dataclasses.replace(getattr(config, outer), **{inner: value})}
            )
        else:
            config = dataclasses.replace(config, **{key: value})  # type: ignore[arg-type]
    return config.check()
