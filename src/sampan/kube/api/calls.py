"""One request for objects, as everything behind the HTTP layer sees it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from sampan.kube.access.user import Attributes, User
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Context, Reader

AGENT = "kube-apiserver"  # who owns what the server itself writes


@dataclass
class Call:
    served: Served
    user: User
    reader: Reader
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    agent: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    dry_runs: list[str] = field(default_factory=list)
    now: float = 0.0  # seconds since 1970
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)  # for the audit log

    @property
    def stamp(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now))

    def context(self, *, dry_run: bool = False) -> Context:
        user = self.user
        return Context(
            self.stamp,
            user.name,
            user.groups,
            user.uid,
            user.extra,
            self.subresource,
            dry_run,
            self.reader,
            None,
        )

    def attributes(self, verb: str) -> Attributes:
        """What would have to be allowed for `verb` to be done to the same thing."""
        resource = self.served.resource
        group, version = resource.group, resource.version
        where = (self.served.plural, self.subresource, self.namespace, self.name)
        return Attributes(self.user, verb, group, version, *where)

    def warn(self, text: str) -> None:
        """Tell the client, once."""
        if text not in self.warnings:
            self.warnings.append(text)
