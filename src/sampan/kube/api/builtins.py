"""The built-in resources as the options want them."""

from dataclasses import replace
from functools import partial

from sampan.kube.api.settings import Settings
from sampan.kube.kinds.core.serviceallocation import allocate
from sampan.kube.kinds.resource import Resource
from sampan.kube.kinds.table import builtin_resources


def resources(settings: Settings) -> list[Resource]:
    """All of them, also those that are not served: this server itself works with them."""
    given = partial(allocate, node_ports=settings.node_ports)
    return [replace(one, allocate=given) if one.name == "services" else one for one in builtin_resources()]
