"""What a pod is called by others, and how it finds them: hostnames, resolvers, /etc/hosts."""

from collections.abc import Sequence

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required, too_long

_NAMESERVERS, _SEARCHES, _SEARCH_LENGTH = 3, 32, 2048
_HOSTNAME = 64  # what the kernel holds


def dns_errors(spec: Object, path: str) -> list[FieldError]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", detail)]
    if not config:
        return []
    servers = config.get("nameservers") or []
    found: list[FieldError] = []
    if len(servers) > _NAMESERVERS:
        detail = f"must not have more than {_NAMESERVERS} nameservers"
        found.append(invalid(f"{path}.nameservers", servers, detail))
    for at, server in enumerate(servers):
        found += ip.sloppy_errors(server, f"{path}.nameservers[{at}]")
    found += _search_errors(config.get("searches") or [], f"{path}.searches")
    for at, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            found.append(required(f"{path}.options[{at}]", "must not be empty"))
    return found


def _search_errors(domains: list[str], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if len(domains) > _SEARCHES:
        found.append(invalid(path, domains, f"must not have more than {_SEARCHES} search paths"))
    if names.size(" ".join(domains)) > _SEARCH_LENGTH:
        detail = f"must not have more than {_SEARCH_LENGTH} characters (including spaces) in the search list"
        found.append(invalid(path, domains, detail))
    for at, domain in enumerate(domains):
        if domain != ".":
            domain = domain.removesuffix(".")
            messages = names.dns1123_subdomain_with_underscore(domain)
            found += [invalid(f"{path}[{at}]", domain, message) for message in messages]
    return found


def host_aliases_errors(aliases: Sequence[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, alias in enumerate(aliases):
        found += ip.sloppy_errors(alias.get("ip", ""), f"{path}[{at}].ip")
        for number, name in enumerate(alias.get("hostnames") or ()):
            where = f"{path}[{at}].hostnames[{number}]"
            found += [invalid(where, name, message) for message in names.dns1123_subdomain(name)]
    return found


def hostname_errors(spec: Object, path: str) -> list[FieldError]:
    """Of what takes the place of all other names."""
    if (name := spec.get("hostnameOverride")) is None:
        return []
    path = f"{path}.hostnameOverride"
    found: list[FieldError] = []
    if spec.get("setHostnameAsFQDN"):
        found.append(forbidden(path, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        found.append(forbidden(path, "may not be specified when hostNetwork is true"))
    if names.size(name) > _HOSTNAME:
        found.append(too_long(path, _HOSTNAME))
    return found + [invalid(path, name, message) for message in names.dns1123_subdomain(name)]
