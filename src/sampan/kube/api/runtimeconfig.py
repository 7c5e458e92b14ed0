"""--runtime-config: which group versions, and which resources of them, are served.

k8s.io/apiserver/pkg/server/resourceconfig, pkg/server/options/api_enablement.go
"""

import re
from collections.abc import Iterable, Mapping

from sampan.errors import Invalid
from sampan.kube.kinds.resource import Resource
from sampan.specs.golang.numbers import parse_bool

# In the order in which they count.
MATCHERS = {
    "api/all": re.compile(r".*"),
    "api/ga": re.compile(r"v\d+"),
    "api/beta": re.compile(r"v\d+beta\d+"),
    "api/alpha": re.compile(r"v\d+alpha\d+"),
}


def pairs(text: str) -> dict[str, str]:
    """ "a=b,c" as the option has it; "c" is c without a value."""
    found = {}
    for part in text.split(","):
        if part.strip():
            key, _, value = part.partition("=")
            found[key.strip()] = value.strip()
    return found


def switched_off(config: Mapping[str, str], resources: Iterable[Resource]) -> set[tuple[str, str, str]]:
    """(group, version, plural) of what is not to be served. Raises Invalid."""
    if len(config) == 1 and config.get("api/all") == "false":
        raise Invalid("invalid key with only api/all=false")
    all_of_them = [(one.group, one.version, one.plural) for one in resources]
    versions = {(group, version): True for group, version, _ in all_of_them}
    _check_groups(config, versions)
    for key, pattern in MATCHERS.items():
        if key in config:
            _match(key, config[key], pattern, versions)
    parts = {key: key.split("/") for key in config if key not in MATCHERS}
    for key in (key for key, names in parts.items() if len(names) == 2):
        versions[_version(key, versions)] = _value(config, key)
    chosen = {}
    for key in (key for key, names in parts.items() if len(names) == 3):
        whole = (*_version(key, versions), parts[key][2])
        if whole not in all_of_them:
            raise Invalid(f"invalid key {key}: there is no such resource")
        chosen[whole] = _value(config, key)
    return {one for one in all_of_them if not chosen.get(one, versions[one[:2]])}


def _check_groups(config: Mapping[str, str], versions: Mapping[tuple[str, str], bool]) -> None:
    groups = {group for group, _ in versions}
    named = []
    for key in config:
        if key in MATCHERS:
            continue
        if len(key.split("/")) not in (2, 3):
            raise Invalid(f"runtime-config invalid key {key}")
        named.append(key.split("/")[0])
    if unknown := [group for group in named if group not in groups]:
        raise Invalid(f"unknown api groups {','.join(unknown)}")


def _match(key: str, value: str, pattern: re.Pattern[str], versions: dict[tuple[str, str], bool]) -> None:
    if value not in ("true", "false"):
        raise Invalid(f"invalid value {key}={value}")
    matching = [one for one in versions if pattern.fullmatch(one[1])]
    if value == "true" and not matching:
        raise Invalid(f"{key}=true: this server has no such versions")
    for one in matching:
        versions[one] = value == "true"


def _version(key: str, versions: Mapping[tuple[str, str], bool]) -> tuple[str, str]:
    group, version, *_ = key.split("/")
    if (group, version) not in versions:
        name = f"{group}/{version}" if group else version
        raise Invalid(f"group version {name} that has not been registered")
    return group, version


def _value(config: Mapping[str, str], key: str) -> bool:
    text = config[key]
    try:
        return parse_bool(text) if text else True
    except Invalid as error:
        raise Invalid(f"invalid value of {key}: {text}, err: {error}") from None
