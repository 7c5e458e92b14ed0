"""All built-in resources, in the order in which discovery shows groups, versions and resources."""

from functools import cache
from importlib import import_module

from sampan.kube.kinds.resource import Resource

# Modules of each group, in discovery's order of the groups. Resources of a group are in that of the alphabet.
_GROUPS = {
    "apiregistration": ("apiservice",),
    "networking": ("ingressclass", "ingress", "ipaddress", "networkpolicy", "servicecidr"),
    "storage": (
        "csidriver",
        "csinode",
        "csistoragecapacity",
        "storageclass",
        "volumeattachment",
        "volumeattributesclass",
    ),
    "admissionregistration": (
        "mutatingwebhookconfiguration",
        "validatingadmissionpolicy",
        "validatingadmissionpolicybinding",
        "validatingwebhookconfiguration",
    ),
    "scheduling": ("priorityclass",),
    "coordination": ("lease",),
    "node": ("runtimeclass",),
    "discovery": ("endpointslice",),
    "dynamicresources": ("deviceclass", "resourceclaim", "resourceclaimtemplate", "resourceslice"),
    "flowcontrol": ("flowschema", "prioritylevelconfiguration"),
}


@cache
def builtin_resources() -> tuple[Resource, ...]:
    """What this server serves without anybody's definition; their modules are loaded by the first call."""
    names = [f"{group}.{kind}" for group, kinds in _GROUPS.items() for kind in kinds]
    return tuple(import_module(f"sampan.kube.kinds.{name}").RESOURCE for name in names)
