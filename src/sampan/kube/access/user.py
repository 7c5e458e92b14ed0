"""Who asks, and what for: the values that authentication, authorization, admission and audit share."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class User:
    """authentication.k8s.io UserInfo."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ANONYMOUS = User("system:anonymous", groups=("system:unauthenticated",))
# The API server when it acts for itself.
LOOPBACK = User("system:apiserver", groups=("system:authenticated", "system:masters"))


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a request is for. Not about a resource: `resource` is empty, and `path` says what."""

    user: User
    verb: str  # get list watch create update patch delete deletecollection; of paths the method in lower case
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    label_selector: str = ""
    field_selector: str = ""
