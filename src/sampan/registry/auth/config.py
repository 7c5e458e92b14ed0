"""The `[auth]` section: how clients say who they are, and what each may do where."""

from dataclasses import dataclass

from sampan.errors import Invalid
from sampan.registry.patterns import pattern
from sampan.registry.settings import duration, option, sections, table, text, texts

ACTIONS = ("pull", "push", "delete")


def actions(value: object) -> tuple[str, ...]:
    found = texts(value)
    for action in found:
        if action not in ACTIONS:
            raise Invalid(f'"{action}" is not one of {", ".join(ACTIONS)}')
    return found


@dataclass(frozen=True)
class Rule:
    """`[[auth.rule]]`: these users may do these things in these repositories.

    Rules add up. Users: names, `*` for everybody who signed in, `anonymous` for everybody.
    """

    repository: str = option("**", pattern, "repositories it is for; {user} stands for the user's name")
    users: tuple[str, ...] = option(("*",), texts, "who")
    actions: tuple[str, ...] = option(ACTIONS, actions, "pull, push, delete")


@dataclass(frozen=True)
class TokenConfig:
    """`[auth.token]`: bearer tokens, our own (/token issues them to htpasswd users) or a service's."""

    realm: str = option("", text, "URL where clients get a token; empty: our own /token")
    service: str = option("", text, "name of this registry, the token's audience")
    issuer: str = option("", text, "who must have issued a token")
    root_certs: str = option("", text, "PEM file with the keys or certificates that may sign tokens")
    expiry: float = option(300.0, duration, "how long tokens of our own are good")


@dataclass(frozen=True)
class AuthConfig:
    mode: str = option(
        "", text, 'none, htpasswd or token; empty: "htpasswd" when there is a file, else "none"'
    )
    realm: str = option("Sampan registry", text, "realm of basic authentication")
    htpasswd: str = option("", text, "file of users and bcrypt hashes (htpasswd -B)")
    token: TokenConfig = table(TokenConfig, "bearer tokens")
    rule: tuple[Rule, ...] = option((), sections(Rule), "who may do what; none: every user everything")

    @property
    def kind(self) -> str:
        return self.mode or ("htpasswd" if self.htpasswd else "none")

    def check(self) -> None:
        """Raises Invalid for settings that do not go together."""
        if self.kind not in ("none", "htpasswd", "token"):
            raise Invalid(f'auth.mode: "{self.mode}" is not one of none, htpasswd, token')
        if self.kind == "htpasswd" and not self.htpasswd:
            raise Invalid("auth.mode is htpasswd, but auth.htpasswd names no file")
        if self.kind == "token":
            own = not self.token.realm
            if own and not self.htpasswd:
                raise Invalid(
                    "auth.token needs a realm or, for tokens issued by the registry itself, auth.htpasswd"
                )
            if not own and not (self.token.service and self.token.issuer and self.token.root_certs):
                raise Invalid("auth.token with a realm needs service, issuer and root-certs")
