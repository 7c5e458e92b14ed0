"""A cluster of a few objects, and writes on their way through one plugin."""

import copy

import pytest

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.user import User
from sampan.kube.kinds.table import builtin_resources
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.support import Objects

USER = User("joe", groups=("system:authenticated",))


def resource(name):
    return next(one for one in builtin_resources() if one.name == name)


def cluster(*found):
    """Of (resource, object), with a namespace "ns"."""
    return Objects([("namespaces", {"metadata": {"name": "ns"}}), *found])


def write(reader, name, new, old=None, subresource="", operation=""):
    """A request to write `new`, of which a copy is taken."""
    kind = resource(name)
    operation = operation or ("CREATE" if old is None else "UPDATE")
    named = (new or old)["metadata"]["name"]
    namespace = "ns" if kind.namespaced else ""
    request = AdmissionRequest(operation, kind, USER, reader, namespace, named, subresource)
    request.object, request.old = copy.deepcopy(new), old
    return request


async def changed(plugin, *args, **rest):
    request = write(*args, **rest)
    await plugin.mutate(request)
    return request.object


async def refusal(plugin, *args, **rest):
    """What the plugin says, without which object it is about."""
    request = write(*args, **rest)
    with pytest.raises(StatusError) as caught:
        await plugin.mutate(request)
        await plugin.validate(request)
    assert caught.value.code in (403, 404, 422)
    return caught.value.message.partition(" is forbidden: ")[2] or caught.value.message


async def passes(plugin, *args, **rest):
    request = write(*args, **rest)
    await plugin.mutate(request)
    await plugin.validate(request)
    return request


def pod(annotations=None, **spec):
    container = {"name": "c", "image": "i"}
    metadata = {"name": "p", "namespace": "ns"} | ({"annotations": annotations} if annotations else {})
    return {"metadata": metadata, "spec": {"containers": [container], **spec}}
