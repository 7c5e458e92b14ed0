"""`[[upstream]]`: which repositories are another registry's, and where that is."""

from dataclasses import dataclass
from pathlib import Path

from sampan.errors import Invalid
from sampan.registry.patterns import pattern
from sampan.registry.settings import duration, option, required, switch, text
from sampan.registry.webhooks.config import http_url


@dataclass(frozen=True)
class UpstreamConfig:
    """The first whose pattern matches a repository serves it. What stands before the pattern's first wildcard
    (`docker.io/` of `docker.io/**`) is not part of the repository's name there."""

    repository: str = required(pattern, "repositories it is for, such as docker.io/**")
    url: str = required(text, "the registry; {host} stands for the repository's first component")
    username: str = option("", text, "user to sign in as")
    password: str = option("", text, "the password")
    password_file: str = option("", text, "file that holds the password")
    ttl: float = option(600.0, duration, "how long a tag is served without asking whether it has moved")
    timeout: float = option(30.0, duration, "how long the upstream may send nothing")
    ca: str = option("", text, "PEM file of the authorities that sign its certificate, when not the host's")
    insecure: bool = option(False, switch, "do not check its certificate")

    def check(self) -> None:
        """Raises Invalid."""
        http_url(self.url.replace("{host}", "host"))
        first = self.repository.partition("/")[0]
        if "{host}" in self.url and ("*" in first or "?" in first):
            raise Invalid(
                f"upstream: {self.url} with {self.repository} would let clients have any host asked: "
                "name the hosts, as in {ghcr.io,quay.io}/**"
            )
        if self.password and self.password_file:
            raise Invalid("upstream: give password or password-file, not both")

    def secret(self) -> str:
        """Raises Invalid for a password file that cannot be read."""
        if not self.password_file:
            return self.password
        try:
            return Path(self.password_file).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"upstream: cannot read {self.password_file}: {error}") from None

    @property
    def prefix(self) -> str:
        """What names here have before their name there."""
        fixed = self.repository
        for wildcard in "*?{":
            fixed = fixed.partition(wildcard)[0]
        return fixed[: fixed.rfind("/") + 1]

    def remote(self, name: str) -> tuple[str, str]:
        """Base URL and name there."""
        host, _, rest = name.partition("/")
        if "{host}" in self.url:
            return self.url.replace("{host}", host).rstrip("/"), rest
        return self.url.rstrip("/"), name.removeprefix(self.prefix)
